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
    let level = section.level.as_deref().unwrap_or(level);
    let level = LevelFilter::from_str(level).map_err(|_| {
        let message = format!("log.level is `{level}`");
        Failure::new(Kind::Usage, message).help("it is off, error, warn, info, debug or trace")
    })?;
    // The AMQP client logs whole messages, their bodies included, as warnings.
    let filter = Targets::new().with_default(level).with_target("lapin", level.min(LevelFilter::ERROR));
    let lines = fmt::layer().with_writer(std::io::stderr);
    let logs = tracing_subscriber::registry().with(filter);
    let started = match section.format.as_str() {
        "json" => logs.with(lines.json()).try_init(),
        "pretty" => logs.with(lines.with_ansi(Settings::colour())).try_init(),
        other => {
            let message = format!("log.format is `{other}`");
            return Err(Failure::new(Kind::Usage, message).help("it is pretty or json"));
        }
    };
    started.map_err(|error| Failure::because("logs cannot be started", &error))
}
