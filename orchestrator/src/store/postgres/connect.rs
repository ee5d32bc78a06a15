//! Making connections, and saying in one sentence why one cannot be made.

use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::settings::{
    CONNECT_TIMEOUT, IDLE_IN_TRANSACTION_TIMEOUT, LOCK_TIMEOUT, PostgresSettings, STATEMENT_TIMEOUT,
};
use super::tls;
use crate::store::StoreError;

/// Silence after which a connection is probed, and after which unacknowledged data kills it.
/// The system's defaults are hours.
const DEAD_PEER_AFTER: Duration = Duration::from_secs(10);

/// Why a connection cannot be made. It names the server and never the password.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is none.
    #[error("the database URL cannot be used: {0}")]
    Url(String),
    /// No answer.
    #[error(
        "no PostgreSQL answers at {target}: {reason}; is it running, and are host and port right?"
    )]
    Unreachable {
        /// Host, port, database, user.
        target: String,
        /// What the system said.
        reason: String,
    },
    /// Wrong user or password.
    #[error("{target} refused the login: {reason}; check user and password")]
    Login {
        /// Host, port, database, user.
        target: String,
        /// What the server said.
        reason: String,
    },
    /// There is no such database.
    #[error("{target}: {reason}; create it with `createdb`")]
    NoDatabase {
        /// Host, port, database, user.
        target: String,
        /// What the server said.
        reason: String,
    },
    /// Anything else.
    #[error("{target} cannot be used: {reason}")]
    Other {
        /// Host, port, database, user.
        target: String,
        /// What was said.
        reason: String,
    },
}

/// What it takes to make connections.
#[derive(Clone)]
pub(in crate::store) struct Connector {
    pub(super) config: Config,
    pub(super) tls: MakeRustlsConnect,
    target: String,
}

impl Connector {
    /// Reads the URL and adds what every connection of the store has.
    pub(in crate::store) fn new(settings: &PostgresSettings) -> Result<Self, StoreError> {
        Self::read(settings).map_err(|error| StoreError::Refused {
            operation: "read the database URL",
            source: Box::new(error),
        })
    }

    /// The same, with what is wrong in its own words.
    pub(super) fn read(settings: &PostgresSettings) -> Result<Self, ConnectError> {
        let no_url = |why: &str| {
            ConnectError::Url(format!(
                "{why}; write postgres://user:password@host:5432/database"
            ))
        };
        let mut config = Config::from_str(&settings.url).map_err(|error| no_url(&chain(&error)))?;
        if config.get_hosts().is_empty() {
            return Err(no_url("it names no host"));
        }
        let schema = &settings.schema;
        if schema.is_empty()
            || !schema
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_')
        {
            return Err(ConnectError::Url(format!(
                "`{schema}` is no schema name of letters, digits and _"
            )));
        }
        let given = config.get_options().unwrap_or_default().to_owned();
        // What the URL says wins: the last word counts.
        config.options(format!("{} {given}", session_options(schema)));
        if config.get_application_name().is_none() {
            config.application_name("amends");
        }
        if config.get_target_session_attrs() == TargetSessionAttrs::Any {
            // After a failover the old primary answers first, and nothing is ever decided from a
            // replica.
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        config
            .connect_timeout(CONNECT_TIMEOUT)
            .keepalives_idle(DEAD_PEER_AFTER)
            .keepalives_interval(Duration::from_secs(3))
            .keepalives_retries(3)
            .tcp_user_timeout(DEAD_PEER_AFTER);
        let tls = tls::connector(config.get_ssl_mode()).map_err(ConnectError::Url)?;
        let target = describe(&config);
        Ok(Self {
            config,
            tls,
            target,
        })
    }

    /// One connection outside every pool, for the work that must not share one.
    pub(in crate::store) async fn dedicated(&self, options: &str) -> Result<Client, StoreError> {
        let mut config = self.config.clone();
        let shared = config.get_options().unwrap_or_default().to_owned();
        config.options(format!("{shared} {options}"));
        let connecting =
            tokio::time::timeout(CONNECT_TIMEOUT * 2, config.connect(self.tls.clone()));
        let (client, connection) = match connecting.await {
            Ok(connected) => connected.map_err(|error| self.explain(&error))?,
            Err(_) => return Err(self.explain_timeout()),
        };
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = %chain(&error), "a dedicated database connection ended");
            }
        });
        Ok(client)
    }

    /// Why a connection could not be made.
    pub(super) fn explain(&self, error: &tokio_postgres::Error) -> StoreError {
        let target = self.target.clone();
        let reason = chain(error);
        let error = match error.code() {
            Some(&SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION) => {
                ConnectError::Login { target, reason }
            }
            Some(&SqlState::INVALID_CATALOG_NAME) => ConnectError::NoDatabase { target, reason },
            Some(code) if code.code().starts_with("57") || code.code().starts_with("53") => {
                return Self::unavailable(ConnectError::Other { target, reason });
            }
            Some(_) => ConnectError::Other { target, reason },
            None if reason.contains("TLS") => ConnectError::Other { target, reason },
            None => return Self::unavailable(ConnectError::Unreachable { target, reason }),
        };
        StoreError::Refused {
            operation: "connect to the database",
            source: Box::new(error),
        }
    }

    /// Nothing answered in time.
    pub(super) fn explain_timeout(&self) -> StoreError {
        Self::unavailable(ConnectError::Unreachable {
            target: self.target.clone(),
            reason: format!("no answer within {CONNECT_TIMEOUT:?}"),
        })
    }

    fn unavailable(error: ConnectError) -> StoreError {
        StoreError::Unavailable {
            operation: "connect",
            source: Box::new(error),
        }
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Connector").field(&self.target).finish()
    }
}

/// Settings of every session.
///
/// The hot statements look up a few rows by key in tables that grow while plans are cached. Plans
/// for unknown parameters with nested loops over indexes are right at every size; what the planner
/// thinks of tables that were empty when it planned is not. `JIT` would be set off by the
/// arithmetic behind `enable_seqscan`.
fn session_options(schema: &str) -> String {
    let settings = [
        ("search_path", schema.to_owned()),
        (
            "statement_timeout",
            STATEMENT_TIMEOUT.as_millis().to_string(),
        ),
        ("lock_timeout", LOCK_TIMEOUT.as_millis().to_string()),
        (
            "idle_in_transaction_session_timeout",
            IDLE_IN_TRANSACTION_TIMEOUT.as_millis().to_string(),
        ),
        ("plan_cache_mode", "force_generic_plan".to_owned()),
        ("enable_seqscan", "off".to_owned()),
        ("enable_hashjoin", "off".to_owned()),
        ("enable_mergejoin", "off".to_owned()),
        ("jit", "off".to_owned()),
    ];
    settings
        .map(|(name, value)| format!("-c {name}={value}"))
        .join(" ")
}

fn describe(config: &Config) -> String {
    let ports = config.get_ports();
    let hosts = config.get_hosts().iter().enumerate().map(|(index, host)| {
        let port = ports
            .get(index)
            .or_else(|| ports.first())
            .copied()
            .unwrap_or(5432);
        match host {
            Host::Tcp(host) => format!("{host}:{port}"),
            Host::Unix(path) => format!("{}:{port}", path.display()),
        }
    });
    let user = config.get_user().unwrap_or("(the system user)");
    let database = config.get_dbname().unwrap_or(user);
    let hosts = hosts.collect::<Vec<_>>().join(",");
    let tls = if config.get_ssl_mode() == SslMode::Require {
        ", TLS"
    } else {
        ""
    };
    format!("{hosts} (database `{database}`, user `{user}`{tls})")
}

/// An error with everything that caused it, on one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
