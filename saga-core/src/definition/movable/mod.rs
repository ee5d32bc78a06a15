//! Moving sagas under way to another version of their definition.

mod moving;
mod obstacle;
mod position;
#[cfg(test)]
mod tests;

pub use moving::movable;
pub use obstacle::Obstacle;
pub use position::Position;
