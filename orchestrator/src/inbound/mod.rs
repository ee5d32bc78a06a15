//! What comes from the broker, on its way to the engine and the store.

mod census;
mod consumers;
mod dead_letters;
mod delivery;
mod replies;
mod requests;
mod starts;

pub use consumers::Consumers;

pub(crate) use delivery::keep;
pub(crate) use starts::{NotStarted, begin};
