//! Server-sent events, one after the other.

use http_body_util::BodyExt as _;
use hyper::body::Incoming;

/// A longer event is given up, in bytes.
const EVENT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Events that an orchestrator sends while they happen.
#[derive(Debug)]
pub struct EventStream {
    body: Incoming,
    parser: Parser,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerEvent {
    /// What kind.
    pub event: String,
    /// Its data.
    pub data: String,
}

impl EventStream {
    pub(crate) fn new(body: Incoming) -> Self {
        Self {
            body,
            parser: Parser::default(),
        }
    }

    /// The next event; `None` when the connection is gone.
    pub async fn next(&mut self) -> Option<ServerEvent> {
        loop {
            if let Some(event) = self.parser.next() {
                return Some(event);
            }
            if self.parser.buffer.len() > EVENT_BYTES_MAX {
                return None;
            }
            let frame = self.body.frame().await?.ok()?;
            if let Ok(bytes) = frame.into_data() {
                self.parser.buffer.extend_from_slice(&bytes);
            }
        }
    }
}

/// Finds the events in what came.
#[derive(Debug, Default)]
struct Parser {
    buffer: Vec<u8>,
}

impl Parser {
    /// The next event that is whole. Comments, which keep the connection alive, are none.
    fn next(&mut self) -> Option<ServerEvent> {
        loop {
            let end = self.buffer.windows(2).position(|pair| pair == b"\n\n")?;
            let block: Vec<u8> = self.buffer.drain(..end + 2).collect();
            let mut event = ServerEvent::default();
            for line in String::from_utf8_lossy(&block).lines() {
                if let Some(kind) = line.strip_prefix("event:") {
                    kind.trim_start().clone_into(&mut event.event);
                } else if let Some(data) = line.strip_prefix("data:") {
                    event.data.push_str(data.trim_start());
                }
            }
            if !event.data.is_empty() {
                return Some(event);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_found_whatever_comes_in_one_piece() {
        let text = ": still here\n\nevent: saga\nid: 1\ndata: {\"seq\":1}\n\nevent: end\ndata: {}\n\nevent: sa";
        let mut parser = Parser::default();
        let mut found = Vec::new();
        for byte in text.bytes() {
            parser.buffer.push(byte);
            while let Some(event) = parser.next() {
                found.push((event.event, event.data));
            }
        }
        let event = |kind: &str, data: &str| (kind.to_owned(), data.to_owned());
        assert_eq!(found, [event("saga", "{\"seq\":1}"), event("end", "{}")]);
    }
}
