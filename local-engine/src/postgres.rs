//! The private PostgreSQL: its data folder, its settings, its start.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::account::Account;
use crate::engine::{Durability, USER};
use crate::error::{StartError, file_error, run_error};
use crate::log_tail::last_lines;
use crate::packages::PostgresPackage;
use crate::settings::{Settings, write_private};
use crate::supervised::{Plan, Supervised};

/// Where root's engines keep their PostgreSQL data when the server's account cannot reach the
/// engine's folder: opening up somebody's home directory is not ours to decide.
const REACHABLE_FOLDER: &str = "/var/lib/amends";
/// Connections the server accepts.
const MAX_CONNECTIONS: u32 = 200;
/// Longest path of a Unix socket, in bytes, without its closing zero.
const MAX_SOCKET_PATH_BYTES: usize = 107;
/// How long the server may take to accept connections; recovery after a crash is the long case.
const START_DEADLINE: Duration = Duration::from_secs(90);
/// How long it may take to end before it is killed, in tenths of a second.
const STOP_TENTHS: u32 = 200;

/// A prepared PostgreSQL.
#[derive(Debug)]
pub(crate) struct Postgres {
    account: Account,
    /// The folder that the account owns: `data` and the socket.
    home: PathBuf,
    log: PathBuf,
    port: u16,
    durability: Durability,
}

impl Postgres {
    pub(crate) fn new(
        folder: &Path,
        settings: &Settings,
        durability: Durability,
    ) -> Result<Self, StartError> {
        let account = Account::unprivileged()?;
        let home = if account.can_enter(folder)? {
            folder.join("postgres")
        } else {
            // Found by the node's name, which is this folder's alone: when the folder goes, its
            // data are not taken up by another one that happens to have the same path.
            let name = settings.node.split('@').next().unwrap_or(&settings.node);
            Path::new(REACHABLE_FOLDER).join(name)
        };
        let log = folder.join("postgres.log");
        Ok(Self {
            account,
            home,
            log,
            port: settings.postgres_port,
            durability,
        })
    }

    /// The folder with the server's data.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    /// Makes the data folder unless there is one, starts the server and waits until it answers.
    pub(crate) fn start(
        &self,
        packages: &[PostgresPackage],
        settings: &Settings,
        lock: &File,
    ) -> Result<Supervised, StartError> {
        self.create_home()?;
        let data = self.home.join("data");
        let package = if data.is_dir() {
            self.package_of(&data, packages)?
        } else {
            let newest = packages
                .first()
                .ok_or_else(|| self.no_package("any", packages))?;
            self.create_data(newest, &data, &settings.password)?;
            newest
        };
        let mut server = Supervised::start(self.plan(package, &data), lock)?;
        let isready = package.programs.join("pg_isready");
        let port = self.port.to_string();
        server.wait_until(START_DEADLINE, || {
            let mut command = Command::new(&isready);
            command
                .args(["--quiet", "--host=127.0.0.1", "--timeout=1", "--port"])
                .arg(&port);
            command.stdin(Stdio::null()).stderr(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        })?;
        Ok(server)
    }

    fn create_home(&self) -> Result<(), StartError> {
        if self.home.is_dir() {
            return Ok(());
        }
        if let Some(parent) = self.home.parent() {
            fs::create_dir_all(parent).map_err(file_error("create", parent))?;
        }
        let mut builder = DirBuilder::new();
        builder
            .mode(0o700)
            .create(&self.home)
            .map_err(file_error("create", &self.home))?;
        self.account.own(&self.home)
    }

    /// The installed version that wrote the data.
    fn package_of<'a>(
        &self,
        data: &Path,
        packages: &'a [PostgresPackage],
    ) -> Result<&'a PostgresPackage, StartError> {
        let file = data.join("PG_VERSION");
        let version = fs::read_to_string(&file).map_err(file_error("read", file))?;
        let version = version.trim();
        packages
            .iter()
            .find(|package| package.major.to_string() == version)
            .ok_or_else(|| self.no_package(version, packages))
    }

    fn no_package(&self, found: &str, packages: &[PostgresPackage]) -> StartError {
        let majors: Vec<String> = packages.iter().map(|p| p.major.to_string()).collect();
        StartError::DataVersion {
            folder: self.home.clone(),
            found: found.to_owned(),
            installed: majors.join(", "),
        }
    }

    /// Makes the data under another name and renames them when they are complete, so that an
    /// interrupted run leaves nothing that looks intact.
    fn create_data(
        &self,
        package: &PostgresPackage,
        data: &Path,
        password: &str,
    ) -> Result<(), StartError> {
        let draft = self.home.join("data.new");
        if draft.exists() {
            fs::remove_dir_all(&draft).map_err(file_error("remove", &draft))?;
        }
        let password_file = self.home.join("password");
        write_private(&password_file, password)?;
        self.account.own(&password_file)?;
        let mut initdb = self.account.command(package.programs.join("initdb"));
        initdb
            .current_dir(&self.home)
            .args(["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"])
            .args(["--username", USER, "--pwfile=password", "--pgdata=data.new"]);
        if self.durability == Durability::Fast {
            initdb.arg("--no-sync");
        }
        let output = initdb.output().map_err(run_error("initdb"))?;
        fs::remove_file(&password_file).map_err(file_error("remove", &password_file))?;
        check("initdb", &output)?;
        self.create_database(package)?;
        fs::rename(&draft, data).map_err(file_error("rename", &draft))
    }

    /// Creates the user's database without a running server, and so without a password.
    fn create_database(&self, package: &PostgresPackage) -> Result<(), StartError> {
        let program = "postgres --single";
        let mut postgres = self.account.command(package.programs.join("postgres"));
        postgres
            .current_dir(&self.home)
            .args(["--single", "-D", "data.new", "-c", "exit_on_error=on"])
            .args(self.durability_settings())
            .arg("postgres")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = postgres.spawn().map_err(run_error(program))?;
        if let Some(mut input) = child.stdin.take() {
            writeln!(input, "CREATE DATABASE {USER}").map_err(run_error(program))?;
        }
        check(
            program,
            &child.wait_with_output().map_err(run_error(program))?,
        )
    }

    fn plan(&self, package: &PostgresPackage, data: &Path) -> Plan {
        let socket = self.home.join(format!(".s.PGSQL.{}", self.port));
        // A path that is too long leaves TCP, which is what the URL names anyway.
        let fits = socket.as_os_str().len() <= MAX_SOCKET_PATH_BYTES;
        let mut sockets = OsString::from("unix_socket_directories=");
        if fits {
            sockets.push(&self.home);
        }
        let mut command: Vec<OsString> = self
            .account
            .prefix()
            .into_iter()
            .map(OsString::from)
            .collect();
        command.push(package.programs.join("postgres").into());
        command.extend(["-D".into(), data.into(), "-c".into(), sockets]);
        let settings = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={}", self.port),
            format!("max_connections={MAX_CONNECTIONS}"),
            "timezone=UTC".to_owned(),
            "log_timezone=UTC".to_owned(),
            "logging_collector=off".to_owned(),
            "log_destination=stderr".to_owned(),
        ];
        for setting in settings {
            command.extend(["-c".into(), setting.into()]);
        }
        command.extend(self.durability_settings().into_iter().map(OsString::from));
        Plan {
            name: "PostgreSQL",
            command,
            environment: Vec::new(),
            folder: self.home.clone(),
            log: self.log.clone(),
            // A fast shutdown: open sessions are cut off, committed data are written.
            stop_signal: "INT",
            stop_tenths: STOP_TENTHS,
        }
    }

    fn durability_settings(&self) -> Vec<&'static str> {
        match self.durability {
            Durability::Full => {
                vec![
                    "-c",
                    "fsync=on",
                    "-c",
                    "synchronous_commit=on",
                    "-c",
                    "full_page_writes=on",
                ]
            }
            Durability::Fast => {
                vec![
                    "-c",
                    "fsync=off",
                    "-c",
                    "synchronous_commit=off",
                    "-c",
                    "full_page_writes=off",
                ]
            }
        }
    }
}

fn check(program: &'static str, output: &Output) -> Result<(), StartError> {
    if output.status.success() {
        return Ok(());
    }
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    Err(StartError::Prepare {
        program,
        status: output.status,
        tail: last_lines(&text),
    })
}
