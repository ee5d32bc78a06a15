//! Sagas in memory, for the embedded engine: the same promises, nothing on disk.

mod clock;
mod commit;
mod days;
mod definitions;
mod handle;
mod letters;
mod listing;
mod outbox;
mod reply_queues;
mod security;
mod state;
mod store;
mod timers;
mod workers;

pub use handle::MemoryStore;
