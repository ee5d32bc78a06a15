//! The control state of one saga.

mod control;
mod runs;
mod status;
mod step;
mod steps;

pub use control::{ParentState, SIGNALS_MAX, Saga, SignalState};
pub use runs::Runs;
pub use status::{Phase, Status, StepStatus};
pub use step::{Elements, Retry, StepState, Work};
pub use steps::Steps;
