//! The library for worker processes.

#![warn(missing_docs)]

mod call;
mod execution;
mod handler;
pub mod ledger;
mod operation;
mod worker;

pub use call::Call;
pub use handler::{Answer, Handler, Resolution, TransactionalHandler};
pub use operation::{Operation, OperationSettings};
pub use saga_core::delivery::Repeat;
pub use saga_core::input::StepError;
pub use worker::{Worker, WorkerError};
