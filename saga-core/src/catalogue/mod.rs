//! The operations catalogue: what workers can do, and what they take and answer.

mod model;
mod shape;

pub use model::{Carries, Catalogue, Operation, Repeat};
pub(crate) use shape::{Found, Shape};
