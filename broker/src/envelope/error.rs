//! Why a message is none of ours.

/// A message that cannot be read. Nothing about it is retryable: it is dead-lettered.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// Its `type` is another one, or none.
    #[error("message type `{found}` is not `{wanted}`")]
    Kind {
        /// The type it should have.
        wanted: &'static str,
        /// The type it has.
        found: String,
    },
    /// It lacks a property or header.
    #[error("property or header `{name}` is missing")]
    Missing {
        /// Which one.
        name: &'static str,
    },
    /// A property or header says something else than it should.
    #[error("property or header `{name}` reads `{value}`")]
    Header {
        /// Which one.
        name: &'static str,
        /// What it says.
        value: String,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A text of the body is missing, too long, or contains U+0000.
    #[error("`{name}` must be text of at most {bytes_max} bytes, without U+0000")]
    Text {
        /// Which one.
        name: &'static str,
        /// Its limit.
        bytes_max: usize,
    },
    /// A list of the body is too long.
    #[error("`{name}` lists more than {max} items")]
    TooMany {
        /// Which one.
        name: &'static str,
        /// Its limit.
        max: usize,
    },
    /// The body is not the JSON it should be.
    #[error("read the body of `{kind}`")]
    Body {
        /// The message's type.
        kind: &'static str,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}
