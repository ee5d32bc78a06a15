//! Settings: built-in values, then a file, then the environment. Nobody else reads either.

use std::path::Path;
use std::time::Duration;

use config::{Config, Environment, File, FileFormat};
use orchestrator::company::Company;
use orchestrator::orchestrator::OrchestratorSettings;
use serde::Deserialize;

use crate::failure::{Failure, Kind};

/// Everything that can be set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The orchestrator's database.
    pub postgres: PostgresSection,
    /// The broker.
    pub broker: BrokerSection,
    /// The API.
    pub http: HttpSection,
    /// The engine.
    pub engine: EngineSection,
    /// How long sagas are kept.
    pub retention: RetentionSection,
    /// Worker processes.
    pub worker: WorkerSection,
    /// Logs.
    pub log: LogSection,
}

/// `[postgres]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresSection {
    /// `postgres://user:password@host:port/database`.
    pub url: String,
    /// Connections in the pool.
    pub pool_size: usize,
}

/// `[broker]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerSection {
    /// `amqp://user:password@host:port/vhost`, one for each host, separated by commas.
    pub urls: String,
    /// First part of every queue's and exchange's name.
    pub prefix: String,
    /// Deliveries of one message before its queue gives it up.
    pub delivery_limit: u32,
}

/// `[http]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpSection {
    /// Address and port of the API.
    pub listen: String,
    /// Let others than this machine reach the API, which asks nobody who they are.
    pub expose_without_auth: bool,
}

/// `[engine]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineSection {
    /// Lanes that decide and store side by side.
    pub lanes: usize,
    /// Seconds without a sign of life after which others take an orchestrator's outbox over.
    pub lease_seconds: u64,
    /// Seconds to finish what is under way when told to stop.
    pub drain_seconds: u64,
}

/// `[retention]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionSection {
    /// Days that sagas are kept after their end; 0 for ever.
    pub days: u32,
}

impl RetentionSection {
    /// How long sagas are kept after their end; `None` for ever.
    #[must_use]
    pub const fn keep(&self) -> Option<Duration> {
        match self.days {
            0 => None,
            days => Some(Duration::from_hours(24 * days as u64)),
        }
    }
}

/// `[worker]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerSection {
    /// The workers' own database.
    pub postgres_url: String,
    /// Schema of the ledger and the demo's books in it.
    pub schema: String,
    /// Connections in the pool.
    pub pool_size: usize,
    /// Seconds without a sign of life after which others take a worker's claims over.
    pub lease_seconds: u64,
    /// Seconds to finish what is under way when told to stop.
    pub drain_seconds: u64,
    /// Address and port of the worker's health and metrics; empty for none.
    pub http_listen: String,
}

/// `[log]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSection {
    /// `off`, `error`, `warn`, `info`, `debug` or `trace`; without it each command has its own.
    pub level: Option<String>,
    /// `pretty` or `json`.
    pub format: String,
}

const DEFAULTS: &str = include_str!("defaults.toml");

/// Reads the settings.
///
/// # Errors
/// With the file or variable that is wrong.
pub fn read(file: Option<&Path>) -> Result<Settings, Failure> {
    let mut builder = Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
    if let Some(path) = file {
        if !path.is_file() {
            let message = format!("cannot read the configuration file {}", path.display());
            return Err(Failure::new(Kind::Usage, message).help("give the path of a TOML file"));
        }
        builder = builder.add_source(File::from(path).format(FileFormat::Toml));
    }
    // Without a separator between prefix and key of its own, AMENDS_SERVER would be a setting.
    let environment = Environment::with_prefix("AMENDS")
        .prefix_separator("__")
        .separator("__");
    builder
        .add_source(environment.try_parsing(true))
        .build()
        .and_then(Config::try_deserialize)
        .map_err(|error| {
            let from = file.map_or_else(String::new, |path| format!(" in {}", path.display()));
            Failure::new(Kind::Usage, format!("a setting{from} is wrong: {error}"))
                .help("the settings and their meaning are in docs/configuration.md")
        })
}

impl Settings {
    /// The broker's hosts, one URL each.
    #[must_use]
    pub fn broker_urls(&self) -> Vec<String> {
        self.broker
            .urls
            .split(',')
            .map(|url| url.trim().to_owned())
            .collect()
    }

    /// How much the orchestrator does side by side, and how long it may be silent.
    #[must_use]
    pub const fn orchestrator(&self) -> OrchestratorSettings {
        OrchestratorSettings {
            lanes: self.engine.lanes,
            lease: Duration::from_secs(self.engine.lease_seconds),
            retention: self.retention.keep(),
            company: Company::Others,
        }
    }

    /// Whether standard output takes colours: it is a terminal, and `NO_COLOR` is not set.
    #[must_use]
    pub fn colour() -> bool {
        use std::io::IsTerminal as _;
        std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::io::stdout().is_terminal()
    }
}
