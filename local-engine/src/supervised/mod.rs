//! A server process that never outlives the process that started it.

mod process;
#[cfg(test)]
mod tests;

pub(crate) use process::{Plan, Supervised};
