//! Logs, on standard error.

use std::str::FromStr;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt;

use crate::config::LogSection;
use crate::failure::{Failure, Kind};

/// Starts to write logs, at this level unless the settings say another.
pub fn start(section: &LogSection, level: &str) -> Result<(), Failure> {
    let level = section.level.as_deref().unwrap_or(level);
    let level = LevelFilter::from_str(level).map_err(|_| {
        let message = format!("log.level is `{level}`");
        Failure::new(Kind::Usage, message).help("it is off, error, warn, info, debug or trace")
    })?;
    let builder = fmt().with_max_level(level).with_writer(std::io::stderr);
    let started = match section.format.as_str() {
        "json" => builder.json().try_init(),
        "pretty" => builder
            .with_ansi(crate::config::Settings::colour())
            .try_init(),
        other => {
            let message = format!("log.format is `{other}`");
            return Err(Failure::new(Kind::Usage, message).help("it is pretty or json"));
        }
    };
    started.map_err(|error| Failure::because("logs cannot be started", &*error))
}
