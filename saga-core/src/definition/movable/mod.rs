//! Moving sagas under way to another version of their definition.

mod moving;
#[cfg(test)]
mod tests;

pub use moving::{Obstacle, Position, movable};
