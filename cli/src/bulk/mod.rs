//! Doing the same to many: to sagas that filters name, and in parts to dead letters.

mod confirm;
mod pace;
mod progress;
mod report;
mod run;
mod selection;

pub use confirm::confirm;
pub use pace::Pace;
pub use progress::Progress;
pub use report::{Fate, Report, SagaResult};
pub use run::{Bulk, Request, Verb};
pub use selection::{Item, Selection};
