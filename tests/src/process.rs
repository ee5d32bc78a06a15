//! One process of the deployment, and what it logged.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A process that is not ready after this will not be.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// A process that has not come to its failpoint after this will not.
const FAILPOINT_WITHIN: Duration = Duration::from_secs(90);

/// The signal of a process that aborts.
const SIGABRT: i32 = 6;

/// A running `amends` process. Dropped, it is killed.
#[derive(Debug)]
pub struct Process {
    child: Child,
    name: String,
    log: Arc<Mutex<Vec<String>>>,
}

impl Process {
    /// Starts `amends` with these arguments and settings, and waits until it says `ready`.
    pub fn start(name: &str, arguments: &[&str], settings: &[(String, String)]) -> Self {
        let mut child = Command::new(crate::config::amends())
            .args(arguments)
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .env("AMENDS__LOG__FORMAT", "json")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start amends");
        let stderr = child.stderr.take().expect("its standard error");
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let lines = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                lines.lock().unwrap().push(line);
            }
        });
        let mut process = Self {
            child,
            name: name.to_owned(),
            log,
        };
        process.wait_for_line("\"message\":\"ready\"");
        process
    }

    /// A field of the first log line that has it.
    pub fn logged(&self, field: &str) -> Option<String> {
        let marker = format!("\"{field}\":\"");
        let log = self.log.lock().unwrap();
        log.iter().find_map(|line| {
            let (_, after) = line.split_once(&marker)?;
            after.split_once('"').map(|(value, _)| value.to_owned())
        })
    }

    /// Waits until it has aborted at this failpoint, which it was started with.
    pub async fn died_at(mut self, point: &str) {
        self.reached(point).await;
        let until = Instant::now() + READY_WITHIN;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("look after a process of ours") {
                break status;
            }
            assert!(Instant::now() < until, "{} does not die", self.name);
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        assert_eq!(
            status.signal(),
            Some(SIGABRT),
            "{} ended with {status}",
            self.name
        );
    }

    /// Waits until it has come to this failpoint, which it was started with.
    pub async fn reached(&mut self, point: &str) {
        let line = format!("failpoint {point}");
        let until = Instant::now() + FAILPOINT_WITHIN;
        while !self.has_line(|logged| logged == line) {
            assert!(
                Instant::now() < until,
                "{} never came to {point}; was the binary built with the feature `failpoints`? \
                 `cargo test -p system-tests -p amends` builds it so",
                self.name
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("look after a process of ours")
            .is_some()
    }

    /// Lets it go on after it was stopped.
    pub fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status();
        assert!(
            sent.expect("run kill").success(),
            "{} cannot be sent {signal}",
            self.name
        );
    }

    fn has_line(&self, is_meant: impl Fn(&str) -> bool) -> bool {
        let log = self.log.lock().unwrap();
        log.iter().any(|line| is_meant(line))
    }

    /// Ends it at once, as a crash does.
    pub fn kill(mut self) {
        self.child.kill().expect("kill a process of ours");
        self.child.wait().expect("wait for it");
    }

    /// Waits until it has ended by itself, and well.
    pub async fn ended(mut self, within: Duration) {
        let until = Instant::now() + within;
        while !self.has_ended() {
            assert!(Instant::now() < until, "{} does not end", self.name);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let status = self.child.wait().expect("wait for it");
        assert!(status.success(), "{} ended with {status}", self.name);
    }

    /// Asks it to drain and waits until it has ended.
    pub fn terminate(mut self) {
        self.signal("-TERM");
        let status = self.child.wait().expect("wait for it");
        assert!(
            status.success(),
            "{} ended with {status}\n{}",
            self.name,
            self.tail()
        );
    }

    fn wait_for_line(&mut self, part: &str) {
        let until = Instant::now() + READY_WITHIN;
        loop {
            if self.has_line(|line| line.contains(part)) {
                return;
            }
            let ended = self.child.try_wait().expect("look after a process of ours");
            assert!(
                ended.is_none(),
                "{} ended early\n{}",
                self.name,
                self.tail()
            );
            assert!(
                Instant::now() < until,
                "{} is not ready\n{}",
                self.name,
                self.tail()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn tail(&self) -> String {
        let log = self.log.lock().unwrap();
        log.iter()
            .rev()
            .take(30)
            .rev()
            .cloned()
            .collect::<Vec<_>>()
            .join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // After `kill` or `terminate` there is nothing left to kill.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
        if std::thread::panicking() {
            #[expect(
                clippy::print_stderr,
                reason = "what a failed test needs to be understood"
            )]
            {
                eprintln!("--- the end of the log of {}\n{}", self.name, self.tail());
            }
        }
    }
}
