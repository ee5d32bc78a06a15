//! The library for worker processes.
//!
//! A worker serves *operations* of sagas. It takes commands from the broker, calls a handler, keeps
//! what became of it in its [`ledger`], answers, and only then acknowledges.
//!
//! The promise is at-least-once delivery and idempotent effects. A [`TransactionalHandler`] writes
//! through the transaction that also holds its ledger row, so its effect takes place once. A
//! [`Handler`] calls the outside; every attempt carries the same
//! [`idempotency_key`](Call::idempotency_key), and [`Repeat`] says what may be done when nobody
//! knows whether a call was made.
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use broker::{broker::Broker, topology::Topology};
//! # use tokio_util::sync::CancellationToken;
//! use async_trait::async_trait;
//! use serde_json::json;
//! use worker_runtime::ledger::{PostgresLedger, PostgresSettings, migrate};
//! use worker_runtime::{Answer, Call, Handler, Operation, OperationSettings, Worker};
//!
//! struct Greet;
//!
//! #[async_trait]
//! impl Handler for Greet {
//!     async fn run(&self, call: &Call) -> Answer {
//!         match call.input["name"].as_str() {
//!             Some(name) => Answer::Done(json!({ "text": format!("Hello, {name}") })),
//!             None => Answer::fail("no_name", "the input has no name"),
//!         }
//!     }
//! }
//!
//! # async fn serve(broker: Arc<dyn Broker>, topology: Topology, shutdown: CancellationToken)
//! # -> Result<(), Box<dyn std::error::Error>> {
//! let database = PostgresSettings::new("postgres://localhost/letters");
//! migrate(&database).await?;
//! let ledger = Arc::new(PostgresLedger::new(&database)?);
//! Worker::new("letters", broker, topology, ledger)
//!     .action("letters.greet", Operation::outside(Greet, OperationSettings::default()))
//!     .run(shutdown)
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! `examples/payments.rs` is a whole process.

#![warn(missing_docs)]

mod call;
mod execution;
mod handler;
pub mod ledger;
mod limits;
mod metrics;
mod observer;
mod operation;
mod pulse;
mod running;
mod worker;

pub use call::Call;
pub use handler::{Answer, Handler, Resolution, TransactionalHandler};
pub use limits::{BreakerSettings, RateLimit};
pub use observer::{MetricsError, Observer, WorkerHealth};
pub use operation::{Operation, OperationSettings};
pub use pulse::Pulse;
pub use saga_core::delivery::Repeat;
pub use saga_core::input::StepError;
pub use worker::{Worker, WorkerError};
