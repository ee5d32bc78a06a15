//! Both brokers against one suite, and RabbitMQ against what can go wrong with it.

mod config;
mod conformance;
mod memory;
mod packed;
mod proxy;
mod rabbit_conformance;
mod rabbit_faults;
mod server;
