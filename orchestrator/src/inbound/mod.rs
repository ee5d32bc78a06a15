//! What comes from the broker, on its way to the engine and the store.

mod census;
mod dead_letters;
mod delivery;
mod replies;
mod requests;
mod starts;

pub use dead_letters::dead_letters;
pub use replies::replies;
pub use requests::requests;

pub(crate) use delivery::keep;
