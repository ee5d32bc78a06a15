//! RabbitMQ: two supervised connections, confirmed publishing, consuming, declaring.

mod acks;
mod address;
mod client;
mod consumer;
mod convert;
mod declare;
mod flight;
mod headers;
mod health;
mod inspect;
mod outbound;
mod plan;
mod publisher;
mod reconnect;
mod settings;
mod supervisor;
mod tags;

pub use client::Rabbit;
pub use settings::RabbitSettings;
