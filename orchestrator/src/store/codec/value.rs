//! Which values of a saga a row holds.

use std::borrow::Cow;
use std::sync::Arc;

use saga_core::ids::{StepKey, StepName};
use saga_core::values::ValueKey;
use serde::Deserialize;
use serde_json::Value;

/// The last event with which values are kept. So whoever looks for one reads so many rows at most,
/// however long the saga is.
pub(in crate::store) const KEPT_EVENTS_MAX: u64 = 64;

/// Bytes of the values, as JSON, that are kept with an event. With more, the row would not fit into its page
/// beside others, and values that are not wanted would be read with those that are.
const KEPT_BYTES_MAX: usize = 1024;

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

/// A value and the columns that name it.
pub(in crate::store) type Named<'a, V> = (Cow<'a, str>, u32, V);

#[derive(Deserialize)]
struct KeptIn<'a> {
    #[serde(borrow)]
    of: Vec<(Cow<'a, str>, u32)>,
    is: Vec<Arc<Value>>,
}

/// The text of `saga_events.kept` for the values of a decision whose first event is number `first`,
/// and the texts of those that are to have rows of their own.
pub(in crate::store) fn encode_values<'a>(
    first: u64,
    values: impl IntoIterator<Item = Named<'a, &'a Value>>,
) -> Result<(Option<String>, Vec<Named<'a, String>>), serde_json::Error> {
    let (mut of, mut is, mut rows) = (Vec::new(), String::new(), Vec::new());
    for (step, element, value) in values {
        let text = value.to_string();
        // A number that the column of a row refuses is to be refused there.
        let is_kept = first <= KEPT_EVENTS_MAX
            && i32::try_from(element).is_ok()
            && is.len() + text.len() <= KEPT_BYTES_MAX;
        if is_kept {
            if !is.is_empty() {
                is.push(',');
            }
            is.push_str(&text);
            of.push((step, element));
        } else {
            rows.push((step, element, text));
        }
    }
    let kept = match of.is_empty() {
        true => None,
        false => Some(format!(
            r#"{{"of":{},"is":[{is}]}}"#,
            serde_json::to_string(&of)?
        )),
    };
    Ok((kept, rows))
}

/// The values that are kept with an event.
pub(in crate::store) fn decode_kept(
    kept: &str,
) -> Result<Vec<(ValueKey, Arc<Value>)>, serde_json::Error> {
    let KeptIn { of, is } = serde_json::from_str(kept)?;
    let keys = of
        .iter()
        .map(|(step, element)| decode_value_key(step, *element));
    Ok(keys.zip(is).collect())
}
