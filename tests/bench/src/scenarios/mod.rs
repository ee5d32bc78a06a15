//! What is measured besides the ping-pong: a question a file, each a run of its own.

mod elements;
mod long;

pub(crate) use elements::elements;
pub(crate) use long::long;
