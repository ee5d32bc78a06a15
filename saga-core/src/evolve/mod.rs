//! Folds events into the state.

mod fold;
mod step;
mod whole;

pub use fold::evolve;
