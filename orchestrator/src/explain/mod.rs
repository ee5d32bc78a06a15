//! Why sagas do not move: gathers what queues, workers, outbox and dead letters show, for the core
//! to make causes of.

mod census;
mod look;
mod pages;
mod selection;
mod stuck;

pub use look::{Explained, explain};
pub use selection::{Selected, SelectedPage, Selection, StuckFor, select};
pub use stuck::{LOOKED_AT_MAX, SAMPLES_MAX, StuckGroup, StuckReport, stuck};

pub(crate) use look::explain_as;
