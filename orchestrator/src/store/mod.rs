//! Where sagas are kept: PostgreSQL, or memory for the embedded engine.

mod batch;
mod committed;
mod contract;
mod query;

pub use batch::{
    Batch, CommitReport, OutboxMessage, SagaOutcome, StartKey, StoredDeadLetter, Transition,
};
pub use committed::Committed;
pub use contract::{Judge, Registration, Store, StoreError, StoredDefinition};
pub use query::{Page, SagaFilter, SagaSummary};
