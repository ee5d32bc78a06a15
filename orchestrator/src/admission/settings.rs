//! What limits how many starts are let in.

use std::time::Duration;

/// What limits how many starts are let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdmissionSettings {
    /// Inputs that wait in their lane for longer than this say that the engine does not keep up;
    /// `None` takes every start, however long it waits.
    pub wait_target: Option<Duration>,
    /// With this many open sagas no more are started; `None` for any number.
    pub open_sagas_max: Option<u64>,
}

impl Default for AdmissionSettings {
    fn default() -> Self {
        Self {
            wait_target: Some(Duration::from_millis(100)),
            open_sagas_max: None,
        }
    }
}
