//! The control state of one saga.

mod control;
mod status;
mod step;

pub use control::{ParentState, SIGNALS_MAX, Saga, SignalState};
pub use status::{Phase, Status, StepStatus};
pub use step::{Elements, Retry, StepState, Work};
