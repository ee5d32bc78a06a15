//! Logs, on standard error.

use std::str::FromStr;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{LogSection, Settings};
use crate::failure::{Failure, Kind};

/// Starts to write logs, at this level unless the settings say another.
pub fn start(section: &LogSection, level: &str) -> Result<(), Failure> {
    let (level, form) = read(section, level)?;
    // The AMQP client logs whole messages, their bodies included, as warnings.
    let filter = Targets::new()
        .with_default(level)
        .with_target("lapin", level.min(LevelFilter::ERROR));
    let lines = fmt::layer().with_writer(std::io::stderr);
    let logs = tracing_subscriber::registry().with(filter);
    let started = match form {
        Form::Json => logs.with(lines.json()).try_init(),
        Form::Pretty => logs.with(lines.with_ansi(Settings::colour())).try_init(),
    };
    started.map_err(|error| Failure::because("logs cannot be started", &error))
}

/// How a line of a log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Pretty,
    /// For programs.
    Json,
}

/// What the settings ask for, with this level where they name none.
///
/// # Errors
/// When there is no such level or form.
pub fn read(section: &LogSection, level: &str) -> Result<(LevelFilter, Form), Failure> {
    let level = section.level.as_deref().unwrap_or(level);
    let level = LevelFilter::from_str(level).map_err(|_| {
        let message = format!("log.level is `{level}`");
        Failure::new(Kind::Usage, message).help("it is off, error, warn, info, debug or trace")
    })?;
    match section.format.as_str() {
        "json" => Ok((level, Form::Json)),
        "pretty" => Ok((level, Form::Pretty)),
        other => {
            let message = format!("log.format is `{other}`");
            Err(Failure::new(Kind::Usage, message).help("it is pretty or json"))
        }
    }
}
