//! Connections that give up by themselves: every wait is bounded on the server's side.

use std::str::FromStr;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, QueueMode, RecyclingMethod, Runtime};
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::Config;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::settings::PostgresSettings;
use crate::ledger::error::LedgerError;
use crate::ledger::limits::LOCK_TIMEOUT;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a task waits for a connection of the pool.
const POOL_WAIT: Duration = Duration::from_secs(10);

/// Settings of the connections that only the ledger's own statements run on. Those look up rows by
/// their keys: plans for unknown parameters with loops over the index are right at every size. How
/// handlers' statements are planned is the handlers' business.
pub(super) const RECORDS: &str = "-c plan_cache_mode=force_generic_plan -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off";

/// How to connect; `more` are further settings of the session.
pub(super) fn config(settings: &PostgresSettings, more: &str) -> Result<Config, LedgerError> {
    let mut config = Config::from_str(&settings.url).map_err(|source| LedgerError::Settings {
        what: "the URL is not one of PostgreSQL".to_owned(),
        source: Box::new(source),
    })?;
    let given = config
        .get_options()
        .map(|it| format!("{it} "))
        .unwrap_or_default();
    let options = format!(
        "{given}-c search_path={schema} -c statement_timeout={statement} -c lock_timeout={lock} \
         -c idle_in_transaction_session_timeout={idle} {more}",
        schema = quote(&settings.schema)
            .replace('\\', "\\\\")
            .replace(' ', "\\ "),
        statement = settings.statement_timeout.as_millis(),
        lock = LOCK_TIMEOUT.as_millis(),
        idle = settings.idle_in_transaction_timeout.as_millis(),
    );
    config
        .options(options)
        .application_name("amends-worker")
        .connect_timeout(CONNECT_TIMEOUT)
        .keepalives(true)
        .keepalives_idle(KEEPALIVE_IDLE)
        .tcp_user_timeout(TCP_USER_TIMEOUT)
        .target_session_attrs(TargetSessionAttrs::ReadWrite);
    Ok(config)
}

pub(super) fn tls() -> MakeRustlsConnect {
    MakeRustlsConnect::with_native_certs().map_or_else(
        // No roots on this system: plain connections work, and encrypted ones fail with a reason.
        |_none| {
            let roots = RootCertStore::empty();
            let config = ClientConfig::builder()
                .with_root_certificates(roots)
                .with_no_client_auth();
            MakeRustlsConnect::new(config)
        },
        |(tls, _unreadable)| tls,
    )
}

pub(super) fn pool(
    settings: &PostgresSettings,
    connections: usize,
    tls: MakeRustlsConnect,
    more: &str,
) -> Result<Pool, LedgerError> {
    let manager = Manager::from_config(
        config(settings, more)?,
        tls,
        ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        },
    );
    Pool::builder(manager)
        .max_size(connections.max(1))
        // The one that was used last has its plans in the processor's caches.
        .queue_mode(QueueMode::Lifo)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(POOL_WAIT))
        .create_timeout(Some(CONNECT_TIMEOUT))
        .build()
        .map_err(|source| LedgerError::Settings {
            what: "the pool cannot be built".to_owned(),
            source: Box::new(source),
        })
}

/// A name as SQL writes it.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
