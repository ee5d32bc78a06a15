//! amends as users run it: orchestrators and workers, a process each.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio_postgres::{Client, NoTls};

use crate::api::Api;
use crate::arguments::{Arguments, Verb};
use crate::definitions::definitions;
use crate::processes::Processes;
use crate::workload::Workload;

/// A process that does not answer after this long will not.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// A process that has not drained after this long hangs.
const STOPPED_WITHIN: Duration = Duration::from_secs(60);
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
    /// On the servers' disk.
    pub(crate) folder: PathBuf,
    /// Whether starts are refused when they wait for long. Only a flood is to be kept out: in all else
    /// it is the load that bounds how much is open.
    pub(crate) refuses: bool,
}

impl Site {
    pub(crate) fn of(arguments: &Arguments) -> Self {
        Self {
            amends: arguments.amends.clone(),
            postgres: arguments.postgres.clone(),
            amqp: arguments.amqp.clone(),
            servers: arguments.servers,
            folder: arguments.folder.clone(),
            refuses: matches!(arguments.verb, Some(Verb::Flood)),
        }
    }
}

/// Running orchestrators and workers. Dropped, they are killed.
#[derive(Debug)]
pub(crate) struct Deployment {
    pub(crate) database: Client,
    site: Site,
    orchestrators: Vec<Orchestrator>,
    workers: Vec<Child>,
    definitions: [PathBuf; 2],
    /// First part of every queue's name.
    prefix: String,
    url: String,
    settings: Settings,
}

#[derive(Debug)]
struct Orchestrator {
    child: Child,
    /// Of its API.
    authority: String,
}

impl Deployment {
    /// A fresh database, and orchestrators with the benchmark's sagas.
    pub(crate) async fn start(site: Site, orchestrators: u32) -> Result<Self> {
        let database = format!("bench{}", std::process::id());
        let url = fresh_database(&site.postgres, &database).await?;
        let mut settings: Settings = [
            ("AMENDS__POSTGRES__URL", url.as_str()),
            ("AMENDS__BROKER__URLS", &site.amqp),
            ("AMENDS__BROKER__PREFIX", &database),
            ("AMENDS__WORKER__POSTGRES_URL", &url),
            ("AMENDS__LOG__LEVEL", "warn"),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .into();
        if !site.refuses {
            settings.push(("AMENDS__ADMISSION__WAIT_TARGET_MS", "0".to_owned()));
        }
        let migrated = command(&site.amends, &["db", "migrate"], &settings).status()?;
        if !migrated.success() {
            bail!("`amends db migrate` ended with {migrated}");
        }
        let mut running = Self {
            database: connect(&url).await?,
            definitions: definitions(&site.folder)?,
            site,
            orchestrators: Vec::new(),
            workers: Vec::new(),
            prefix: database,
            url,
            settings,
        };
        running.set_orchestrators(orchestrators).await?;
        Ok(running)
    }

    /// Starts or stops orchestrators until there are so many.
    pub(crate) async fn set_orchestrators(&mut self, count: u32) -> Result<()> {
        let count = usize::try_from(count)?;
        while self.orchestrators.len() < count {
            let authority = format!("127.0.0.1:{}", free_port()?);
            self.start_orchestrator(authority).await?;
        }
        let surplus = self.orchestrators.drain(count..);
        stop(surplus.map(|it| it.child).collect()).await
    }

    /// Starts or stops workers until there are so many.
    pub(crate) async fn set_workers(&mut self, count: u32) -> Result<()> {
        let count = usize::try_from(count)?;
        while self.workers.len() < count {
            let name = format!("bench-{}", self.workers.len());
            let arguments = ["demo-worker", "--name", &name];
            let child = command(&self.site.amends, &arguments, &self.settings).spawn()?;
            self.workers.push(child);
            // The first creates tables that the others need.
            self.await_worker(&name).await?;
        }
        stop(self.workers.drain(count..).collect()).await
    }

    /// Starts the orchestrators anew, which let so many sagas be open from then on.
    pub(crate) async fn limit_open_sagas(&mut self, most: u64) -> Result<()> {
        let count = u32::try_from(self.orchestrators.len())?;
        let name = "AMENDS__ADMISSION__OPEN_SAGAS_MAX";
        self.settings.push((name, most.to_string()));
        self.set_orchestrators(0).await?;
        self.set_orchestrators(count).await
    }

    /// Starts an orchestrator, and waits until its API answers.
    async fn start_orchestrator(&mut self, authority: String) -> Result<()> {
        let mut arguments = vec!["serve"];
        let paths = self.definitions.each_ref().map(|it| it.to_string_lossy());
        arguments.extend(paths.iter().map(AsRef::as_ref));
        let mut serve = command(&self.site.amends, &arguments, &self.settings);
        let child = serve.env("AMENDS__HTTP__LISTEN", &authority).spawn()?;
        self.orchestrators.push(Orchestrator {
            child,
            authority: authority.clone(),
        });
        self.await_api(&authority).await
    }

    /// Kills an orchestrator and a worker, as a crash does. Returns where the orchestrator's API was.
    pub(crate) fn kill_one_of_each(&mut self) -> Result<String> {
        let mut orchestrator = self.orchestrators.pop().context("no orchestrator")?;
        let mut worker = self.workers.pop().context("no worker")?;
        for child in [&mut orchestrator.child, &mut worker] {
            child.kill()?;
            child.wait()?;
        }
        Ok(orchestrator.authority)
    }

    /// Starts one of each again.
    pub(crate) async fn start_again(&mut self, authority: String) -> Result<()> {
        self.set_workers(u32::try_from(self.workers.len() + 1)?)
            .await?;
        self.start_orchestrator(authority).await
    }

    /// Another connection to the database.
    pub(crate) async fn another_connection(&self) -> Result<Client> {
        connect(&self.url).await
    }

    /// Of each orchestrator's API.
    pub(crate) fn authorities(&self) -> Vec<String> {
        let of = |it: &Orchestrator| it.authority.clone();
        self.orchestrators.iter().map(of).collect()
    }

    /// The queue of an operation.
    pub(crate) fn queue(&self, operation: &str) -> String {
        format!("{}.steps.{operation}", self.prefix)
    }

    /// Its processes, and the servers'.
    pub(crate) fn processes(&self) -> Processes {
        Processes {
            servers: self.site.servers,
            orchestrators: self.orchestrators.iter().map(|it| it.child.id()).collect(),
            workers: self.workers.iter().map(Child::id).collect(),
        }
    }

    /// Says which process has ended, when one has.
    pub(crate) fn check(&mut self) -> Result<()> {
        let orchestrators = self.orchestrators.iter_mut().map(|it| &mut it.child);
        for child in orchestrators.chain(&mut self.workers) {
            if let Some(status) = child.try_wait()? {
                bail!("a process of amends has ended with {status}");
            }
        }
        Ok(())
    }

    async fn await_worker(&mut self, name: &str) -> Result<()> {
        let until = Instant::now() + READY_WITHIN;
        loop {
            self.check()?;
            let row = self
                .database
                .query_one(include_str!("sql/announced.sql"), &[&name])
                .await?;
            if row.get(0) {
                return Ok(());
            }
            if Instant::now() > until {
                bail!("the worker {name} has not announced itself");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn await_api(&mut self, authority: &str) -> Result<()> {
        let until = Instant::now() + READY_WITHIN;
        loop {
            self.check()?;
            // It is registered last.
            let last = Workload::HundredSteps.definition();
            let knows = async { Api::connect(authority).await?.knows(last).await };
            match knows.await {
                Ok(true) => return Ok(()),
                Ok(false) | Err(_) if Instant::now() < until => {
                    tokio::time::sleep(LOOK_EVERY).await;
                }
                Ok(false) => bail!("amends serve does not register the benchmark's sagas"),
                Err(error) => return Err(error.context("amends serve does not answer")),
            }
        }
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        let orchestrators = self.orchestrators.drain(..).map(|it| it.child);
        for mut child in orchestrators.chain(self.workers.drain(..)) {
            // It may have ended; there is nobody to tell.
            let _gone = child.kill();
            let _reaped = child.wait();
        }
    }
}

/// Asks processes to end, and waits until they have.
async fn stop(children: Vec<Child>) -> Result<()> {
    for child in &children {
        let asked = Command::new("kill")
            .args(["-TERM", &child.id().to_string()])
            .status();
        asked.context("run kill")?;
    }
    let until = Instant::now() + STOPPED_WITHIN;
    let mut hung = 0;
    for mut child in children {
        while child.try_wait()?.is_none() {
            if Instant::now() > until {
                child.kill()?;
                child.wait()?;
                hung += 1;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
    if hung > 0 {
        bail!("{hung} processes of amends did not end within {STOPPED_WITHIN:?} of SIGTERM");
    }
    Ok(())
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
