//! The library for worker processes.

#![warn(missing_docs)]

mod call;
mod handler;
pub mod ledger;
mod operation;

pub use call::Call;
pub use handler::{Answer, Handler, Resolution, TransactionalHandler};
pub use operation::{Operation, OperationSettings};
pub use saga_core::delivery::Repeat;
