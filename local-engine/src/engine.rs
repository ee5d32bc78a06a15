//! Both servers in one folder, from start to stop.

use std::ffi::OsString;
use std::fs::{self, File, Permissions, TryLockError};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use crate::config::search_path;
use crate::error::{CommandError, StartError, StopError, file_error, run_error};
use crate::packages::Packages;
use crate::postgres::Postgres;
use crate::rabbitmq::Rabbitmq;
use crate::settings::Settings;
use crate::supervised::Supervised;

/// Name of the user on both servers, and of the database.
pub(crate) const USER: &str = "amends";

/// How long a start waits for the folder: servers of a process that was killed are still stopping.
const LOCK_DEADLINE: Duration = Duration::from_secs(5);
const LOCK_POLL: Duration = Duration::from_millis(50);

/// Removes folders when the engine ends in whatever way: waits for standard input to close, then
/// for the lock `$1` that the engine and its servers hold, then removes the rest.
const JANITOR: &str = r#"
while read -r _; do :; done
lock=$1
shift
exec flock "$lock" rm -rf -- "$@"
"#;

/// Whether the database survives a loss of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Every commit is on disk before it is reported.
    #[default]
    Full,
    /// Commits are not forced to disk: for tests that do not measure.
    Fast,
}

/// What stays when the engine stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// The data, for the next start in the same folder.
    #[default]
    Data,
    /// Nothing: the folder, which must not exist before, is removed, also when the process is
    /// killed.
    Nothing,
}

/// How an engine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    pub durability: Durability,
    pub keep: Keep,
}

/// A running PostgreSQL and a running RabbitMQ.
///
/// Dropping it stops both.
#[derive(Debug)]
pub struct LocalEngine {
    postgres: Supervised,
    node: Supervised,
    epmd: Supervised,
    rabbitmq: Rabbitmq,
    settings: Settings,
    folder: PathBuf,
    // Declared last, so dropped last: the folder is free, or goes, after the servers have ended.
    _hold: Hold,
}

impl LocalEngine {
    /// Starts both servers with their data in `folder`, which is created when it is missing, and
    /// returns when both accept clients.
    ///
    /// A folder of an earlier run keeps its data, passwords and, where they are free, its ports.
    pub fn start(packages: &Packages, folder: &Path, options: Options) -> Result<Self, StartError> {
        let folder = create_folder(folder, options.keep)?;
        let mut hold = Hold {
            lock: lock(&folder)?,
            janitor: None,
        };
        let settings = Settings::load_or_create(&folder)?;
        let postgres = Postgres::new(&folder, &settings, options.durability)?;
        let rabbitmq = Rabbitmq::new(&folder, &packages.rabbitmq, &settings, options.keep)?;
        if options.keep == Keep::Nothing {
            hold.janitor = Some(Janitor::start(&folder, &[&folder, postgres.home()])?);
        }
        let (postgres, broker) = thread::scope(|scope| {
            let starting =
                scope.spawn(|| postgres.start(&packages.postgres, &settings, &hold.lock));
            let broker = rabbitmq.start(&hold.lock);
            let panicked = |_| {
                Err(StartError::Panicked {
                    server: "PostgreSQL",
                })
            };
            (starting.join().unwrap_or_else(panicked), broker)
        });
        let (postgres, (epmd, node)) = (postgres?, broker?);
        Ok(Self {
            postgres,
            node,
            epmd,
            rabbitmq,
            settings,
            folder,
            _hold: hold,
        })
    }

    /// URL of the database `amends`, as a superuser.
    pub fn postgres_url(&self) -> String {
        let Settings {
            postgres_port,
            password,
            ..
        } = &self.settings;
        format!("postgres://{USER}:{password}@127.0.0.1:{postgres_port}/{USER}")
    }

    /// URL of the default virtual host, as an administrator.
    pub fn amqp_url(&self) -> String {
        let Settings {
            amqp_port,
            password,
            ..
        } = &self.settings;
        format!("amqp://{USER}:{password}@127.0.0.1:{amqp_port}/%2f")
    }

    /// A program that runs `rabbitmqctl` against this node, whatever the caller's environment.
    pub fn rabbitmqctl_program(&self) -> &Path {
        self.rabbitmq.control()
    }

    /// Runs `rabbitmqctl` with the arguments and returns what it prints.
    pub fn rabbitmqctl(&self, args: &[&str]) -> Result<String, CommandError> {
        self.rabbitmq.run_control(args)
    }

    /// The folder with data and logs.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Name and last words of a server that ended although nobody stopped it.
    pub fn failure(&mut self) -> Option<String> {
        self.postgres
            .failure()
            .or_else(|| self.node.failure())
            .or_else(|| self.epmd.failure())
    }

    /// Stops both servers in an orderly way and returns when they have ended.
    pub fn stop(mut self) -> Result<(), StopError> {
        self.ask_to_stop();
        self.postgres.stop()?;
        self.node.stop()?;
        self.epmd.stop()
    }

    fn ask_to_stop(&mut self) {
        self.postgres.ask_to_stop();
        self.node.ask_to_stop();
    }
}

impl Drop for LocalEngine {
    fn drop(&mut self) {
        // The fields' own drops wait for one server after the other; they may end side by side.
        self.ask_to_stop();
    }
}

/// Keeps others out of the folder.
#[derive(Debug)]
struct Hold {
    lock: File,
    // After the lock, for which it waits.
    janitor: Option<Janitor>,
}

/// The process that removes the folder in the end.
#[derive(Debug)]
struct Janitor {
    process: Child,
}

impl Janitor {
    fn start(folder: &Path, remove: &[&Path]) -> Result<Self, StartError> {
        let mut words: Vec<OsString> = vec![lock_file(folder).into()];
        words.extend(remove.iter().map(|path| path.as_os_str().to_owned()));
        let process = Command::new("sh")
            .args(["-c", JANITOR, "janitor"])
            .args(words)
            .env("PATH", search_path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(run_error("sh"))?;
        Ok(Self { process })
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // A drop has nobody to report to.
        drop(self.process.wait());
    }
}

/// Creates the folder so that the servers' account can pass through it, and returns its full path.
/// One that is to be removed in the end must not exist yet: it could hold something else.
fn create_folder(folder: &Path, keep: Keep) -> Result<PathBuf, StartError> {
    if keep == Keep::Nothing || !folder.is_dir() {
        if let Some(parent) = folder.parent() {
            fs::create_dir_all(parent).map_err(file_error("create", parent))?;
        }
        fs::create_dir(folder).map_err(file_error("create", folder))?;
        fs::set_permissions(folder, Permissions::from_mode(0o755))
            .map_err(file_error("change the mode of", folder))?;
    }
    fs::canonicalize(folder).map_err(file_error("find", folder))
}

fn lock_file(folder: &Path) -> PathBuf {
    folder.join("lock")
}

fn lock(folder: &Path) -> Result<File, StartError> {
    let path = lock_file(folder);
    let file = File::create(&path).map_err(file_error("create", &path))?;
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if start.elapsed() < LOCK_DEADLINE => sleep(LOCK_POLL),
            Err(TryLockError::WouldBlock) => {
                return Err(StartError::Busy {
                    folder: folder.to_path_buf(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(file_error("lock", path)(error)),
        }
    }
}
