//! Events and the rows that hold them.

use saga_core::event::{EVENT_SCHEMA, Event, EventKind};
use saga_core::time::Timestamp;

use super::error::DecodeError;

/// The text of `saga_events.data` for events that were decided together: a list. Time and position of
/// the first have columns.
pub fn encode_events(events: &[Event]) -> Result<String, serde_json::Error> {
    let kinds: Vec<&EventKind> = events.iter().map(|event| &event.kind).collect();
    serde_json::to_string(&kinds)
}

/// The events that a row holds, whose first is number `first`.
pub fn decode_events(
    first: u64,
    schema: u16,
    at: Timestamp,
    data: &str,
) -> Result<Vec<Event>, DecodeError> {
    if schema > EVENT_SCHEMA {
        return Err(DecodeError::Newer {
            found: schema,
            known: EVENT_SCHEMA,
        });
    }
    let kinds = match schema {
        // Each event had a row of its own.
        ..=1 => vec![serde_json::from_str(data).map_err(DecodeError::Malformed)?],
        _ => serde_json::from_str(data).map_err(DecodeError::Malformed)?,
    };
    let events = (first..).zip(kinds);
    Ok(events.map(|(seq, kind)| Event { seq, at, kind }).collect())
}
