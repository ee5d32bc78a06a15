//! Where the API is, and as whom it is asked.

use std::fmt;

use serde::Deserialize;

/// Which orchestrator, and who asks.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// URL of its API.
    pub url: String,
    /// Says who asks.
    pub token: Option<Token>,
    /// The token is sent also where the network can read it.
    pub token_unencrypted: bool,
}

/// A token that is never printed.
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
pub struct Token(String);

impl Token {
    /// The text, to be sent.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl From<String> for Token {
    fn from(text: String) -> Self {
        Self(text.trim().to_owned())
    }
}
