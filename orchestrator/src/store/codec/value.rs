//! Which value of a saga a row holds.

use std::borrow::Cow;

use saga_core::ids::{StepKey, StepName};
use saga_core::values::ValueKey;

/// Stands in the step column for [`ValueKey::Input`]; no step may have this name.
const INPUT: &str = "input";

/// Stands in the step column for [`ValueKey::Result`]; no step may have this name.
const RESULT: &str = "saga";

/// Stands in the step column for [`ValueKey::Signal`]; no name of a step ends so.
const SIGNAL: &str = "signal:";

/// Stands before the step of a [`ValueKey::Item`]; no name of a step begins so.
const ITEM: &str = "item:";

/// The step and element columns of a value; `None` for what is looked up and never stored.
#[must_use]
pub(in crate::store) fn encode_value_key(key: &ValueKey) -> Option<(Cow<'_, str>, u32)> {
    match key {
        ValueKey::Input => Some((INPUT.into(), 0)),
        ValueKey::Result => Some((RESULT.into(), 0)),
        ValueKey::Output(key) => Some((key.step.as_str().into(), key.element)),
        ValueKey::Item(key) => Some((format!("{ITEM}{}", key.step).into(), key.element)),
        ValueKey::Signal(number) => Some((SIGNAL.into(), *number)),
        ValueKey::LastGood(..) => None,
    }
}

/// The value that these columns name.
#[must_use]
pub(in crate::store) fn decode_value_key(step: &str, element: u32) -> ValueKey {
    let key = |step: &str| StepKey {
        step: StepName::new(step),
        element,
    };
    match step {
        INPUT => ValueKey::Input,
        RESULT => ValueKey::Result,
        SIGNAL => ValueKey::Signal(element),
        step => match step.strip_prefix(ITEM) {
            Some(step) => ValueKey::Item(key(step)),
            None => ValueKey::Output(key(step)),
        },
    }
}
