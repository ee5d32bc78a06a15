//! The whole system: real processes over a real PostgreSQL and a real RabbitMQ.

mod crash;
mod dev;
mod scale_out;
mod worker;
