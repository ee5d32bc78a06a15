//! What can be typed to say which sagas are meant, and how to do something to many of them.

use clap::Args;

use crate::clock;
use crate::failure::Failure;

/// Every cause.
pub const ANY_CAUSE: &str = "any";

/// Which sagas are meant: those that fit all of it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which sagas")]
pub struct FilterArgs {
    /// Only in this status; several with commas, `open` for all that can still move
    #[arg(long, value_name = "STATUS")]
    pub status: Option<String>,
    /// Only of this definition
    #[arg(long, value_name = "NAME")]
    pub definition: Option<String>,
    /// Only of this version of it
    #[arg(long = "version", value_name = "VERSION")]
    pub version: Option<String>,
    /// Only with this business key
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// Only with this label
    #[arg(long, value_name = "NAME=VALUE")]
    pub label: Option<String>,
    /// Only started within this time, for example 1h
    #[arg(long, value_name = "SPAN")]
    pub since: Option<String>,
    /// Only those that somebody should look at, for whatever cause or for this one
    #[arg(long, value_name = "CAUSE", num_args = 0..=1, require_equals = true,
        default_missing_value = ANY_CAUSE)]
    pub stuck: Option<String>,
    /// Only those where this step is begun and not done
    #[arg(long, value_name = "STEP")]
    pub step: Option<String>,
    /// Only those with an open dead letter of this cause, as `amends dlq groups` names it
    #[arg(long, value_name = "FINGERPRINT", allow_hyphen_values = true)]
    pub letter_group: Option<String>,
}

/// How to do something to many.
#[derive(Debug, Args)]
#[command(next_help_heading = "Many at once")]
pub struct ManyArgs {
    /// Only say which sagas are meant, and how many
    #[arg(long)]
    pub dry_run: bool,
    /// Do it to all of them without asking; needed where there is no terminal
    #[arg(long)]
    pub yes: bool,
    /// Sagas a second, at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rate: Option<u32>,
    /// Sagas, at most
    #[arg(long, value_name = "N", default_value_t = SAGAS_MAX,
        value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub limit: u32,
}

/// Sagas of one command, at most: all of them are reported one by one.
const SAGAS_MAX: u32 = 100_000;

/// Names and values for the API.
pub type Query = Vec<(&'static str, String)>;

impl FilterArgs {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self {
            status,
            definition,
            version,
            key,
            label,
            since,
            stuck,
            step,
            letter_group,
        } = self;
        [
            status,
            definition,
            version,
            key,
            label,
            since,
            stuck,
            step,
            letter_group,
        ]
        .iter()
        .all(|one| one.is_none())
    }

    /// The filters as the API has them. What it can check it checks.
    ///
    /// # Errors
    /// A span is none.
    pub fn query(&self) -> Result<Query, Failure> {
        let since = match &self.since {
            None => None,
            Some(text) => Some(clock::ago(clock::span("--since", text)?).to_string()),
        };
        let given = [
            ("status", self.status.clone()),
            ("definition", self.definition.clone()),
            ("version", self.version.clone()),
            ("key", self.key.clone()),
            ("label", self.label.clone()),
            ("since", since),
            ("cause", self.stuck.clone()),
            ("step", self.step.clone()),
            ("letter_group", self.letter_group.clone()),
        ];
        let given = given.into_iter();
        Ok(given
            .filter_map(|(name, value)| Some((name, value?)))
            .collect())
    }
}
