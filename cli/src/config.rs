//! Settings: built-in values, then a file, then the environment. Nobody else reads either.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use config::builder::DefaultState;
use config::{
    Config, ConfigBuilder, Environment, File, FileFormat, FileSourceString, Value, ValueKind,
};
use orchestrator::admission::AdmissionSettings;
use orchestrator::auth::AuthSettings;
use orchestrator::company::Company;
use orchestrator::orchestrator::OrchestratorSettings;
use serde::{Deserialize, Serialize};

use crate::auth_section::AuthSection;
use crate::endpoint::Token;
use crate::failure::{Failure, Kind};
use crate::mask::masked;

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
    /// Which starts are let in.
    pub admission: AdmissionSection,
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
    /// Let others than this machine reach what asks nobody who they are.
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

/// `[admission]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdmissionSection {
    /// Milliseconds that inputs may wait for the engine before some starts are refused; 0 refuses none.
    pub wait_target_ms: u64,
    /// Open sagas beside which no more are started; 0 for any number.
    pub open_sagas_max: u64,
}

/// `[retention]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionSection {
    /// Days that sagas are kept after their end; 0 for ever.
    pub days: u32,
}

impl AdmissionSection {
    const fn settings(&self) -> AdmissionSettings {
        AdmissionSettings {
            wait_target: match self.wait_target_ms {
                0 => None,
                millis => Some(Duration::from_millis(millis)),
            },
            open_sagas_max: match self.open_sagas_max {
                0 => None,
                max => Some(max),
            },
        }
    }
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

/// Where profiles are, in the user's folder of configurations.
const PROFILES: &str = "amends/profiles.toml";

/// What the environment says to commands that ask an orchestrator.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Its URL.
    pub server: Option<String>,
    /// Or the name of its profile.
    pub profile: Option<String>,
    /// Who asks, unless the profile says so.
    pub token: Option<Token>,
    /// The file with profiles; `None` when there is no home to look in.
    pub profiles: Option<PathBuf>,
}

impl Surroundings {
    /// What it says now. What is empty is not said.
    #[must_use]
    pub fn read() -> Self {
        let said = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let text = |name: &str| said(name).and_then(|value| value.into_string().ok());
        let home = || said("HOME").map(|home| Path::new(&home).join(".config"));
        let folder = said("XDG_CONFIG_HOME").map(PathBuf::from).or_else(home);
        Self {
            server: text("AMENDS_SERVER"),
            profile: text("AMENDS_PROFILE"),
            // Characters that no token has are for the client to refuse.
            token: said("AMENDS_TOKEN")
                .map(|value| Token::from(value.to_string_lossy().into_owned())),
            profiles: folder.map(|folder| folder.join(PROFILES)),
        }
    }
}

/// One setting, as `amends config show` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Section and name.
    pub name: String,
    /// What it is; a password in it is masked.
    pub value: String,
    /// `built in`, `file` or `environment`.
    pub from: &'static str,
}

/// Every setting and where it comes from. They are checked as [`read`] does.
///
/// # Errors
/// As for [`read`].
pub fn explain(file: Option<&Path>) -> Result<Vec<Setting>, Failure> {
    read(file)?;
    let wrong = |error| Failure::because("the settings cannot be listed", &error);
    let layer = |builder: ConfigBuilder<DefaultState>| {
        let built = builder.build().map_err(wrong)?;
        let sections: BTreeMap<String, Value> = built.try_deserialize().map_err(wrong)?;
        Ok::<_, Failure>(sections)
    };
    let layers = [
        ("built in", layer(Config::builder().add_source(built_in()))?),
        ("file", layer(from_file(Config::builder(), file))?),
        (
            "environment",
            layer(Config::builder().add_source(environment()))?,
        ),
    ];
    let mut settings: BTreeMap<String, Setting> = BTreeMap::new();
    for (from, sections) in layers {
        for (name, value) in sections {
            list(name, value, from, &mut settings);
        }
    }
    Ok(settings.into_values().collect())
}

/// Lists a setting, or those of a section and of the sections in it.
fn list(name: String, value: Value, from: &'static str, into: &mut BTreeMap<String, Setting>) {
    match value.kind {
        ValueKind::Table(values) => {
            for (below, value) in values {
                list(format!("{name}.{below}"), value, from, into);
            }
        }
        kind => {
            let value = masked(&kind.to_string());
            into.insert(name.clone(), Setting { name, value, from });
        }
    }
}

fn built_in() -> File<FileSourceString, FileFormat> {
    File::from_str(DEFAULTS, FileFormat::Toml)
}

fn from_file(
    builder: ConfigBuilder<DefaultState>,
    file: Option<&Path>,
) -> ConfigBuilder<DefaultState> {
    match file {
        Some(path) => builder.add_source(File::from(path).format(FileFormat::Toml)),
        None => builder,
    }
}

fn environment() -> Environment {
    // Without a separator between prefix and key of its own, AMENDS_SERVER would be a setting.
    Environment::with_prefix("AMENDS")
        .prefix_separator("__")
        .separator("__")
        .try_parsing(true)
}

/// Reads the settings.
///
/// # Errors
/// With the file or variable that is wrong.
pub fn read(file: Option<&Path>) -> Result<Settings, Failure> {
    if let Some(path) = file.filter(|path| !path.is_file()) {
        let message = format!("cannot read the configuration file {}", path.display());
        return Err(Failure::new(Kind::Usage, message).help("give the path of a TOML file"));
    }
    from_file(Config::builder().add_source(built_in()), file)
        .add_source(environment())
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
            admission: self.admission.settings(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_listed_with_where_it_comes_from() {
        let file = std::env::temp_dir().join(format!("settings-{}.toml", std::process::id()));
        std::fs::write(&file, "[engine]\nlanes = 4\n").unwrap();
        let settings = explain(Some(&file)).unwrap();
        std::fs::remove_file(&file).unwrap();
        let of = |name: &str| settings.iter().find(|one| one.name == name).unwrap();
        assert_eq!(
            (of("engine.lanes").value.as_str(), of("engine.lanes").from),
            ("4", "file")
        );
        assert_eq!(of("engine.lease_seconds").from, "built in");
        assert!(!of("broker.urls").value.contains("guest:guest"));
    }
}
