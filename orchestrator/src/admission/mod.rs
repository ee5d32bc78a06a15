//! Which starts are let in while the engine does not keep up. Only starts are ever refused: what has
//! begun goes on, and operators are heard.

mod intake;
mod open_sagas;
mod overload;
mod settings;
mod share;
#[cfg(test)]
mod tests;

pub(crate) use intake::Intake;
pub(crate) use open_sagas::{OpenSagas, count};
pub use overload::{Overload, Pressure};
pub use settings::AdmissionSettings;
