//! The whole system: real processes over a real PostgreSQL and a real RabbitMQ.

mod blind;
mod broker_trouble;
mod crash;
mod crash_points;
mod database_trouble;
mod dead_letters;
mod dev;
mod drain;
mod idle;
mod incidents;
mod mending;
mod scale_out;
mod security;
mod story;
mod worker;
