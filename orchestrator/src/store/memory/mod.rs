//! Sagas in memory, for the embedded engine: the same promises, nothing on disk.

mod clock;
mod commit;
mod definitions;
mod listing;
mod state;
mod store;
mod workers;

pub use store::MemoryStore;
