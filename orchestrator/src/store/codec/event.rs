//! An event and the row that holds it.

use saga_core::event::{EVENT_SCHEMA, Event, EventKind};
use saga_core::time::Timestamp;

use super::error::DecodeError;

/// The text of `saga_events.data`; position and time have columns.
pub fn encode_event(event: &Event) -> Result<String, serde_json::Error> {
    serde_json::to_string(&event.kind)
}

/// The event that a row holds.
pub fn decode_event(
    seq: u64,
    schema: u16,
    at: Timestamp,
    data: &str,
) -> Result<Event, DecodeError> {
    if schema > EVENT_SCHEMA {
        return Err(DecodeError::Newer {
            found: schema,
            known: EVENT_SCHEMA,
        });
    }
    let kind: EventKind = serde_json::from_str(data).map_err(DecodeError::Malformed)?;
    Ok(Event { seq, at, kind })
}
