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
