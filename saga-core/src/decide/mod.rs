//! The one function that decides.

mod control;
mod dead_letter;
mod dispatch;
mod forward;
mod heartbeat;
mod reply;
mod resolve_by_hand;
mod rest;
mod retry;
mod retry_by_hand;
mod send;
mod timer;
mod turn;
mod unwind;

pub use dispatch::decide;
pub use timer::next_wake;
