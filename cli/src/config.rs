//! Settings: built-in values, then a file, then the environment. Nobody else reads either.

use std::path::Path;
use std::time::Duration;

use config::{Config, Environment, File, FileFormat};
use orchestrator::auth::{AuthSettings, KeySource, OidcSettings, Role};
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
    /// Who may use the API.
    pub auth: AuthSection,
    /// The engine.
    pub engine: EngineSection,
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
    /// Let others than this machine reach what asks nobody who they are.
    pub expose_without_auth: bool,
}

/// `[auth]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthSection {
    /// Ask for tokens that `amends token create` has made.
    pub tokens: bool,
    /// `/metrics` asks nobody.
    pub open_metrics: bool,
    /// An identity provider.
    pub oidc: OidcSection,
}

/// `[auth.oidc]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcSection {
    /// The `iss` of its tokens; empty for none.
    pub issuer: String,
    /// What must be in their `aud`.
    pub audience: String,
    /// URL of its keys, or a file with them.
    pub jwks: String,
    /// The claim with the roles: its name, or a JSON Pointer.
    pub roles_claim: String,
    /// The claim with the name.
    pub name_claim: String,
    /// Values that stand for viewers, separated by commas.
    pub viewer: String,
    /// Values that stand for operators.
    pub operator: String,
    /// Values that stand for admins.
    pub admin: String,
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
            company: Company::Others,
        }
    }

    /// How callers of the API are known.
    ///
    /// # Errors
    /// A setting that the identity provider needs is missing.
    pub fn auth(&self) -> Result<AuthSettings, Failure> {
        let oidc = &self.auth.oidc;
        Ok(AuthSettings {
            tokens: self.auth.tokens,
            oidc: if oidc.issuer.is_empty() {
                None
            } else {
                Some(oidc.settings()?)
            },
            open_metrics: self.auth.open_metrics,
            exposed: self.http.expose_without_auth,
        })
    }

    /// Whether standard output takes colours: it is a terminal, and `NO_COLOR` is not set.
    #[must_use]
    pub fn colour() -> bool {
        use std::io::IsTerminal as _;
        std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::io::stdout().is_terminal()
    }
}

impl OidcSection {
    fn settings(&self) -> Result<OidcSettings, Failure> {
        let needed = [
            ("audience", &self.audience),
            ("jwks", &self.jwks),
            ("roles_claim", &self.roles_claim),
            ("name_claim", &self.name_claim),
        ];
        if let Some((name, _)) = needed.into_iter().find(|(_, value)| value.is_empty()) {
            let message = format!("auth.oidc.issuer is set, and auth.oidc.{name} is not");
            return Err(Failure::new(Kind::Usage, message)
                .help("the settings and their meaning are in docs/configuration.md"));
        }
        let is_url = self.jwks.starts_with("https://") || self.jwks.starts_with("http://");
        let keys = if is_url {
            KeySource::Url(self.jwks.clone())
        } else {
            KeySource::File(self.jwks.clone().into())
        };
        let values = |text: &str| {
            let values = text.split(',').map(str::trim);
            let values = values.filter(|value| !value.is_empty());
            values.map(str::to_owned).collect()
        };
        Ok(OidcSettings {
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            keys,
            roles_claim: self.roles_claim.clone(),
            name_claim: self.name_claim.clone(),
            roles: vec![
                (Role::Viewer, values(&self.viewer)),
                (Role::Operator, values(&self.operator)),
                (Role::Admin, values(&self.admin)),
            ],
        })
    }
}
