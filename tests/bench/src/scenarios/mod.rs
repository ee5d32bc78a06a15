//! What is measured besides the ping-pong: a question a file, each a run of its own.

mod backlog;
mod elements;
mod flood;
mod killed;
mod latency;
mod long;
mod scale;
mod soak;
mod timers;

pub(crate) use backlog::backlog;
pub(crate) use elements::elements;
pub(crate) use flood::flood;
pub(crate) use killed::killed;
pub(crate) use latency::latency;
pub(crate) use long::long;
pub(crate) use scale::scale;
pub(crate) use soak::soak;
pub(crate) use timers::timers;
