//! One orchestrator, some workers, a database and a corner of the broker for one test.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use amends::client::Client;
use uuid::Uuid;

use crate::config;
use crate::database::Database;
use crate::process::Process;

/// Sagas that have not ended after this will not.
const END_WITHIN: Duration = Duration::from_secs(120);

/// A deployment of real processes.
#[derive(Debug)]
pub struct Deployment {
    /// The database of the orchestrator and of the workers.
    pub database: Database,
    settings: Vec<(String, String)>,
    address: String,
}

impl Deployment {
    /// Creates the database with its schema. Nothing runs yet.
    pub async fn prepare() -> Self {
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
        }
    }

    /// What its processes are told through the environment.
    pub fn settings(&self) -> &[(String, String)] {
        &self.settings
    }

    /// Starts an orchestrator with the example sagas.
    pub fn orchestrator(&self) -> Process {
        let sagas = concat!(env!("CARGO_MANIFEST_DIR"), "/../sagas");
        Process::start("the orchestrator", &["serve", sagas], &self.settings)
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
        Client::new(&format!("http://{}", self.address)).expect("a client")
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

/// An address nobody listens on. A process that is started again must find its own free, so it
/// cannot be left to the process to choose.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").to_string()
}
