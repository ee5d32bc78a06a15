//! A private PostgreSQL and a private RabbitMQ, started from the system's own packages.
//!
//! Everything lives in one folder and listens on loopback only. The servers end when the engine is
//! stopped or dropped, and also when the process that started them dies in whatever way: each server
//! runs under a shell that waits for the other end of a pipe to close.
//!
//! ```no_run
//! use local_engine::{LocalEngine, Options, Packages};
//!
//! let packages = Packages::find()?;
//! let engine = LocalEngine::start(&packages, "data".as_ref(), Options::default())?;
//! println!("{} {}", engine.postgres_url(), engine.amqp_url());
//! engine.stop()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod account;
mod config;
mod engine;
mod error;
mod install;
mod log_tail;
mod node_code;
mod packages;
mod ports;
mod postgres;
mod rabbitmq;
mod settings;
mod supervised;

pub use engine::{Durability, Keep, LocalEngine, Options};
pub use error::{CommandError, StartError, StopError};
pub use install::{InstallError, can_install, install};
pub use packages::{Missing, Packages, PostgresPackage, RabbitmqPackage};
