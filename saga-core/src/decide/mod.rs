//! The one function that decides.

mod control;
mod dead_letter;
mod dispatch;
mod forward;
mod reply;
mod retry;
mod send;
mod timer;
mod turn;
mod unwind;

pub use dispatch::decide;
pub use timer::next_wake;
