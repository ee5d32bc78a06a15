//! One server under its supervisor.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::config::search_path;
use crate::error::{StartError, StopError, file_error, run_error};
use crate::log_tail::log_tail;

/// Runs `$@` until it ends by itself or standard input is closed, which happens when the engine
/// stops it and when the engine's process dies. Then it gets `$signal`, and after `$grace` tenths
/// of a second, KILL.
///
/// It may open as many files as the system allows, at most 65,536: RabbitMQ sets three aside for
/// each quorum queue, and stops to answer new connections once they are used up. Without a bound it
/// would make its tables as large as the limit, which can be a thousand million.
const SUPERVISOR: &str = r#"
signal=$1 grace=$2 log=$3
shift 3
files=$(ulimit -Hn)
[ "$files" != unlimited ] && [ "$files" -le 65536 ] || files=65536
ulimit -Sn "$files"
exec 3<&0 </dev/null
"$@" 3<&- >>"$log" 2>&1 &
server=$!
(
    while read -r _ <&3; do :; done
    kill -s "$signal" "$server"
    while [ "$grace" -gt 0 ] && kill -s 0 "$server"; do
        grace=$((grace - 1))
        sleep 0.1
    done
    kill -s KILL "$server"
) >/dev/null 2>&1 &
guard=$!
exec 3<&-
wait "$server"
status=$?
kill "$guard" 2>/dev/null
exit "$status"
"#;

const POLL_PERIOD: Duration = Duration::from_millis(50);

/// How a server is started and stopped.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The server's name in messages.
    pub(crate) name: &'static str,
    /// The program and its arguments.
    pub(crate) command: Vec<OsString>,
    /// Its whole environment, save for the search path.
    pub(crate) environment: Vec<(&'static str, OsString)>,
    /// The folder it runs in.
    pub(crate) folder: PathBuf,
    /// Where its output goes; an earlier run's is overwritten.
    pub(crate) log: PathBuf,
    /// The signal that asks it to end, without `SIG`.
    pub(crate) stop_signal: &'static str,
    /// How long it may take to end, in tenths of a second.
    pub(crate) stop_tenths: u32,
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Supervised {
    name: &'static str,
    supervisor: Child,
    /// Held open for as long as the server is to run.
    pipe: Option<ChildStdin>,
    log: PathBuf,
}

impl Supervised {
    /// Starts the server. The supervisor keeps `lock`, so that it is free only when all servers of
    /// a folder have ended, even if the process that took it was killed long before.
    pub(crate) fn start(plan: Plan, lock: &File) -> Result<Self, StartError> {
        let Plan {
            name,
            command,
            environment,
            folder,
            log,
            stop_signal,
            stop_tenths,
        } = plan;
        File::create(&log).map_err(file_error("create", &log))?;
        let lock = lock
            .try_clone()
            .map_err(file_error("keep the lock of", &folder))?;
        let mut supervisor = Command::new("sh")
            .args([
                "-c",
                SUPERVISOR,
                name,
                stop_signal,
                &stop_tenths.to_string(),
            ])
            .arg(&log)
            .args(command)
            .env_clear()
            .env("PATH", search_path())
            .envs(environment)
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(lock)
            .stderr(Stdio::null())
            // Ctrl-C on the terminal is for the program that uses the server: it drains first.
            .process_group(0)
            .spawn()
            .map_err(run_error("sh"))?;
        let pipe = supervisor.stdin.take();
        Ok(Self {
            name,
            supervisor,
            pipe,
            log,
        })
    }

    /// Waits until `is_ready`, at most for `deadline`.
    pub(crate) fn wait_until(
        &mut self,
        deadline: Duration,
        is_ready: impl Fn() -> bool,
    ) -> Result<(), StartError> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                let (server, log, tail) = (self.name, self.log.clone(), log_tail(&self.log));
                return Err(StartError::Ended {
                    server,
                    status,
                    log,
                    tail,
                });
            }
            if is_ready() {
                return Ok(());
            }
            if start.elapsed() > deadline {
                let (server, log, tail) = (self.name, self.log.clone(), log_tail(&self.log));
                let seconds = deadline.as_secs();
                return Err(StartError::Late {
                    server,
                    seconds,
                    log,
                    tail,
                });
            }
            sleep(POLL_PERIOD);
        }
    }

    /// How the server ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.supervisor.try_wait().ok().flatten()
    }

    /// Name and last words of a server that ended by itself.
    pub(crate) fn failure(&mut self) -> Option<String> {
        let status = self.ended()?;
        let (name, log, tail) = (self.name, self.log.display(), log_tail(&self.log));
        Some(format!(
            "{name} ended ({status}); the end of {log}:\n{tail}"
        ))
    }

    /// Asks the server to end, without waiting for it.
    pub(crate) fn ask_to_stop(&mut self) {
        self.pipe = None;
    }

    /// Stops the server and waits for its end, which the supervisor bounds.
    pub(crate) fn stop(&mut self) -> Result<(), StopError> {
        self.ask_to_stop();
        match self.supervisor.wait() {
            Ok(_) => Ok(()),
            Err(source) => Err(StopError::Wait {
                server: self.name,
                source,
            }),
        }
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        // A drop has nobody to report to; the supervisor does its work regardless.
        drop(self.stop());
    }
}
