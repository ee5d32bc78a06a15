//! One orchestrator, some workers, a database and a corner of the broker for one test.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use amends::client::Client;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};
use uuid::Uuid;

use crate::config;
use crate::database::Database;
use crate::process::Process;
use crate::rabbit;

/// Sagas that have not ended after this will not.
const END_WITHIN: Duration = Duration::from_secs(120);

/// Seconds without a sign of life after which others take over, so that tests need not wait long.
const LEASE_SECONDS: &str = "2";

/// A deployment of real processes.
#[derive(Debug)]
pub struct Deployment {
    /// The database of the orchestrator and of the workers.
    pub database: Database,
    settings: Vec<(String, String)>,
    address: String,
    prefix: String,
    _servers: Servers,
}

/// The right to use the servers: with others, or alone to do something to all who use them.
#[derive(Debug)]
enum Servers {
    Shared { _guard: OwnedRwLockReadGuard<()> },
    Alone { _guard: OwnedRwLockWriteGuard<()> },
}

static SERVERS: std::sync::LazyLock<Arc<RwLock<()>>> = std::sync::LazyLock::new(Arc::default);

impl Deployment {
    /// Creates the database with its schema. Nothing runs yet.
    pub async fn prepare() -> Self {
        let guard = Arc::clone(&SERVERS).read_owned().await;
        Self::on(Servers::Shared { _guard: guard }).await
    }

    /// The same, while no other test uses the servers: something will be done to them.
    pub async fn prepare_alone() -> Self {
        let guard = Arc::clone(&SERVERS).write_owned().await;
        Self::on(Servers::Alone { _guard: guard }).await
    }

    async fn on(servers: Servers) -> Self {
        let database = Database::create().await;
        let address = free_address();
        let setting = |name: &str, value: &str| (format!("AMENDS__{name}"), value.to_owned());
        let prefix = format!("t{}", Uuid::now_v7().simple());
        let settings = vec![
            setting("POSTGRES__URL", &database.url),
            setting("WORKER__POSTGRES_URL", &database.url),
            setting("BROKER__URLS", &config::amqp_url()),
            setting("BROKER__PREFIX", &prefix),
            setting("HTTP__LISTEN", &address),
            setting("ENGINE__LEASE_SECONDS", LEASE_SECONDS),
            setting("WORKER__LEASE_SECONDS", LEASE_SECONDS),
        ];
        let migrated = std::process::Command::new(config::amends())
            .args(["db", "migrate"])
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .output()
            .expect("run amends db migrate");
        assert!(
            migrated.status.success(),
            "{}",
            String::from_utf8_lossy(&migrated.stderr)
        );
        Self {
            database,
            settings,
            address,
            prefix,
            _servers: servers,
        }
    }

    /// Tells the processes that are started from now on something else, say `BROKER__URLS`.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings
            .push((format!("AMENDS__{name}"), value.to_owned()));
    }

    /// First part of the names of its queues.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Address of the orchestrator's API.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What its processes are told through the environment.
    pub fn settings(&self) -> &[(String, String)] {
        &self.settings
    }

    /// Starts an orchestrator with the example sagas.
    pub fn orchestrator(&self) -> Process {
        Process::start("the orchestrator", &SERVE, &self.settings)
    }

    /// Starts an orchestrator that does something when it comes to a failpoint, see the crate
    /// `failpoint`.
    pub fn armed_orchestrator(&self, failpoint: &str) -> Process {
        Process::start("the orchestrator", &SERVE, &self.armed(failpoint))
    }

    /// Starts a worker process that does something when it comes to a failpoint.
    pub fn armed_worker(&self, name: &str, failpoint: &str) -> Process {
        let arguments = ["demo-worker", "--name", name];
        Process::start(name, &arguments, &self.armed(failpoint))
    }

    fn armed(&self, failpoint: &str) -> Vec<(String, String)> {
        let armed = ("AMENDS_FAILPOINT".to_owned(), failpoint.to_owned());
        self.settings.iter().cloned().chain([armed]).collect()
    }

    /// Starts another orchestrator beside it; its API is nobody's business.
    pub fn second_orchestrator(&self) -> Process {
        let mut settings = self.settings.clone();
        settings.push(("AMENDS__HTTP__LISTEN".to_owned(), "127.0.0.1:0".to_owned()));
        Process::start("the second orchestrator", &["serve"], &settings)
    }

    /// Starts a worker process.
    pub fn worker(&self, name: &str) -> Process {
        Process::start(name, &["demo-worker", "--name", name], &self.settings)
    }

    /// Starts a worker process that is told something more, as `SECTION__NAME` and value.
    pub fn worker_with(&self, name: &str, more: &[(&str, &str)]) -> Process {
        let more = more
            .iter()
            .map(|(name, value)| (format!("AMENDS__{name}"), (*value).to_owned()));
        let settings: Vec<_> = self.settings.iter().cloned().chain(more).collect();
        Process::start(name, &["demo-worker", "--name", name], &settings)
    }

    /// A client of the orchestrator's API.
    pub fn client(&self) -> Client {
        Client::at(&format!("http://{}", self.address)).expect("a client")
    }

    /// Waits until as many sagas have ended, whatever happens to the processes meanwhile.
    pub async fn wait_for_ends(&self, sagas: i64) {
        let until = Instant::now() + END_WITHIN;
        let sql = "SELECT count(*) FROM amends.sagas WHERE ended_at IS NOT NULL";
        loop {
            let ended = self.database.number(sql).await;
            if ended >= sagas {
                return;
            }
            if Instant::now() > until {
                let open = "SELECT status || ' ' || state::text FROM amends.sagas
                            WHERE ended_at IS NULL LIMIT 5";
                let open: Vec<String> = self
                    .database
                    .query(open)
                    .await
                    .iter()
                    .map(|row| row.get(0))
                    .collect();
                panic!(
                    "{ended} of {sagas} sagas have ended; open are\n{}",
                    open.join("\n")
                );
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        // A test that failed may have left processes or a broker behind which this cannot work with.
        if !std::thread::panicking() {
            rabbit::delete_queues(&self.prefix);
        }
    }
}

/// The example sagas, and those that only tests need.
const SERVE: [&str; 3] = [
    "serve",
    concat!(env!("CARGO_MANIFEST_DIR"), "/../sagas"),
    concat!(env!("CARGO_MANIFEST_DIR"), "/sagas"),
];

/// An address nobody listens on. A process that is started again must find its own free, so it
/// cannot be left to the process to choose.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").to_string()
}
