//! amends as users run it: orchestrators and workers, a process each.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio_postgres::{Client, NoTls};

use crate::api::Api;
use crate::processes::Processes;

/// A process that does not answer after this long will not.
const READY_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Environment variables.
type Settings = Vec<(&'static str, String)>;

/// Where the servers are, and what is run on them.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) amends: PathBuf,
    pub(crate) postgres: String,
    pub(crate) amqp: String,
    /// The servers are descendants of this process.
    pub(crate) servers: u32,
    pub(crate) orchestrators: u32,
    pub(crate) workers: u32,
}

/// Running orchestrators and workers. Dropped, they are killed.
#[derive(Debug)]
pub(crate) struct Deployment {
    pub(crate) database: Client,
    /// Of each orchestrator's API.
    pub(crate) authorities: Vec<String>,
    orchestrators: Vec<Child>,
    workers: Vec<Child>,
    servers: u32,
    /// First part of every queue's name.
    prefix: String,
    settings: Settings,
}

impl Deployment {
    /// A fresh database, orchestrators with the benchmark's sagas, and workers.
    pub(crate) async fn start(site: &Site) -> Result<Self> {
        let database = format!("bench{}", std::process::id());
        let url = fresh_database(&site.postgres, &database).await?;
        let settings: Settings = [
            ("AMENDS__POSTGRES__URL", url.as_str()),
            ("AMENDS__BROKER__URLS", &site.amqp),
            ("AMENDS__BROKER__PREFIX", &database),
            ("AMENDS__WORKER__POSTGRES_URL", &url),
            ("AMENDS__LOG__LEVEL", "warn"),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .into();
        let migrated = command(&site.amends, &["db", "migrate"], &settings).status()?;
        if !migrated.success() {
            bail!("`amends db migrate` ended with {migrated}");
        }
        let mut running = Self {
            database: connect(&url).await?,
            authorities: Vec::new(),
            orchestrators: Vec::new(),
            workers: Vec::new(),
            servers: site.servers,
            prefix: database,
            settings,
        };
        let sagas = Path::new(env!("CARGO_MANIFEST_DIR")).join("sagas");
        for _ in 0..site.orchestrators {
            let arguments = ["serve", &sagas.display().to_string()];
            let authority = format!("127.0.0.1:{}", free_port()?);
            let mut serve = command(&site.amends, &arguments, &running.settings);
            let child = serve.env("AMENDS__HTTP__LISTEN", &authority).spawn()?;
            running.orchestrators.push(child);
            running.await_api(&authority).await?;
            running.authorities.push(authority);
        }
        Ok(running)
    }

    /// Starts the workers.
    pub(crate) fn start_workers(&mut self, site: &Site) -> Result<()> {
        for number in 0..site.workers {
            let name = format!("bench-{number}");
            let arguments = ["demo-worker", "--name", &name];
            let child = command(&site.amends, &arguments, &self.settings).spawn()?;
            self.workers.push(child);
        }
        Ok(())
    }

    /// The queue of an operation.
    pub(crate) fn queue(&self, operation: &str) -> String {
        format!("{}.steps.{operation}", self.prefix)
    }

    /// Its processes, and the servers'.
    pub(crate) fn processes(&self) -> Processes {
        let ids = |children: &[Child]| children.iter().map(Child::id).collect();
        Processes {
            servers: self.servers,
            orchestrators: ids(&self.orchestrators),
            workers: ids(&self.workers),
        }
    }

    /// Says which process has ended, when one has.
    pub(crate) fn check(&mut self) -> Result<()> {
        for child in self.orchestrators.iter_mut().chain(&mut self.workers) {
            if let Some(status) = child.try_wait()? {
                bail!("a process of amends has ended with {status}");
            }
        }
        Ok(())
    }

    async fn await_api(&mut self, authority: &str) -> Result<()> {
        let until = Instant::now() + READY_WITHIN;
        loop {
            self.check()?;
            let knows = async { Api::connect(authority).await?.knows("four-steps").await };
            match knows.await {
                Ok(true) => return Ok(()),
                Ok(false) | Err(_) if Instant::now() < until => {
                    tokio::time::sleep(LOOK_EVERY).await;
                }
                Ok(false) => bail!("amends serve does not register the benchmark's saga"),
                Err(error) => return Err(error.context("amends serve does not answer")),
            }
        }
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        for mut child in self.orchestrators.drain(..).chain(self.workers.drain(..)) {
            // It may have ended; there is nobody to tell.
            let _gone = child.kill();
            let _reaped = child.wait();
        }
    }
}

fn command(amends: &Path, arguments: &[&str], settings: &Settings) -> Command {
    let mut command = Command::new(amends);
    command
        .args(arguments)
        .envs(settings.iter().cloned())
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

/// A port that nobody has now.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

async fn fresh_database(server: &str, name: &str) -> Result<String> {
    let client = connect(server).await?;
    client
        .batch_execute(&format!("CREATE DATABASE {name}"))
        .await?;
    let (before, _) = server
        .rsplit_once('/')
        .context("the URL names no database")?;
    Ok(format!("{before}/{name}"))
}

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .context("connect to PostgreSQL")?;
    tokio::spawn(async move {
        // It ends with its client.
        let _ended = connection.await;
    });
    Ok(client)
}
