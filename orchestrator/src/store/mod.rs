//! Where sagas are kept: Postgres, or memory for the embedded engine.

mod batch;
mod clues;
pub mod codec;
mod committed;
mod contract;
mod day;
mod letter;
mod memory;
mod migrate;
mod postgres;
mod query;
mod reply_queues;
mod worker;

pub use batch::{
    Batch, CommitReport, KEY_BYTES_MAX, OutboxMessage, SagaOutcome, StartKey, StoredDeadLetter,
    Transition,
};
pub use clues::{CLUES_MAX, Clues, LetterClue};
pub use codec::{Snapshot, snapshot};
pub use committed::Committed;
pub use contract::{
    Judge, PoolState, Registration, Retirement, Store, StoreError, StoredDefinition,
};
pub use day::{Day, DaySagas, Opened, STRAYS_MAX, StoredDay};
pub use letter::{
    Handled, Handling, LetterFilter, LetterGroup, LetterPage, LetterPlace, LetterRecord,
    LetterSummary,
};
pub use memory::MemoryStore;
pub use migrate::{AppliedMigration, MigrateError, MigrationStatus, migrate, status};
pub use postgres::{Checkup, ConnectError, PostgresSettings, PostgresStore, SCHEMA, checkup};
pub use query::{PAGE_ROWS_MAX, Page, SagaFilter, SagaSummary, StatePage};
pub use reply_queues::{REPLY_QUEUES_MAX, ReplyQueues};
pub use worker::{StoredWorker, WORKERS_MAX};
