//! Where the API is, and as whom it is asked.

use std::fmt;
use std::str::FromStr;

use clap::Args;
use clap::builder::FalseyValueParser;

/// Which orchestrator, and who asks.
#[derive(Debug, Clone, Args)]
pub struct Endpoint {
    /// URL of the orchestrator's API
    #[arg(
        long = "server",
        value_name = "URL",
        env = "AMENDS_SERVER",
        default_value = "http://127.0.0.1:7600"
    )]
    pub url: String,
    /// Token that says who you are; in the environment no list of processes shows it
    #[arg(long, env = "AMENDS_TOKEN", hide_env_values = true)]
    pub token: Option<Token>,
    /// Send the token also where the network can read it
    #[arg(
        long,
        env = "AMENDS_TOKEN_UNENCRYPTED",
        value_parser = FalseyValueParser::new()
    )]
    pub token_unencrypted: bool,
}

/// A token that is never printed.
#[derive(Clone)]
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

impl FromStr for Token {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.trim().to_owned()))
    }
}
