//! Which value of a saga a row holds.

use saga_core::ids::{StepKey, StepName};
use saga_core::values::ValueKey;

/// Stands in the step column for [`ValueKey::Input`]; no step may have this name.
const INPUT: &str = "input";

/// Stands in the step column for [`ValueKey::Result`]; no step may have this name.
const RESULT: &str = "saga";

/// The step and element columns of a value.
#[must_use]
pub(in crate::store) fn encode_value_key(key: &ValueKey) -> (&str, u32) {
    match key {
        ValueKey::Input => (INPUT, 0),
        ValueKey::Result => (RESULT, 0),
        ValueKey::Output(key) => (key.step.as_str(), key.element),
    }
}

/// The value that these columns name.
#[must_use]
pub(in crate::store) fn decode_value_key(step: &str, element: u32) -> ValueKey {
    match step {
        INPUT => ValueKey::Input,
        RESULT => ValueKey::Result,
        step => ValueKey::Output(StepKey {
            step: StepName::new(step),
            element,
        }),
    }
}
