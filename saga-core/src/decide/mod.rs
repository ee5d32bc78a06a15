//! What decides: about one input, or about several in a series.

mod child;
mod control;
mod dead_letter;
mod dispatch;
mod elements;
mod fallback;
mod forward;
mod heartbeat;
mod missing;
mod move_by_hand;
mod reply;
mod resolve_by_hand;
mod rest;
mod retry;
mod retry_by_hand;
mod send;
mod series;
mod timer;
mod turn;
mod unwind;
mod wait;

pub use dispatch::decide;
pub use elements::ELEMENTS_MAX;
pub use series::Series;
pub use timer::next_wake;
