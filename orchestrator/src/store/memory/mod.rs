//! Sagas in memory, for the embedded engine: the same promises, nothing on disk.

mod clock;
mod commit;
mod definitions;
mod letters;
mod listing;
mod outbox;
mod security;
mod state;
mod store;
mod workers;

pub use store::MemoryStore;
