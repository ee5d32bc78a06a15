//! Why a saga does not move: what its own state tells, and then what the queues, the workers, the
//! outbox and the dead letters tell of what it waits for.

mod cause;
mod causes;
mod evidence;
mod mend;
mod over;
mod says;
mod stuck;
#[cfg(test)]
mod tests;

pub use cause::Cause;
pub use causes::causes;
pub use evidence::{
    CONFIRMED_ROW_STAYS, Child, Letter, Queue, Running, Servers, Sighting, needs_clues, refine,
    refine_child, refine_parked,
};
pub use over::over;
pub use stuck::{in_order, is_stuck};
