//! The supervisor, with shell scripts in the servers' place.

use std::fs::{self, File, TryLockError};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{Plan, Supervised};
use crate::error::StartError;

const DEADLINE: Duration = Duration::from_secs(20);

/// A folder for one test, removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let name = format!("amends-supervised-{test}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn start(&self, script: &str, stop_tenths: u32) -> Supervised {
        let lock = self.lock();
        lock.try_lock().unwrap();
        let plan = Plan {
            name: "the script",
            command: vec!["sh".into(), "-c".into(), script.into()],
            environment: vec![("GREETING", "hello".into())],
            folder: self.0.clone(),
            log: self.0.join("log"),
            stop_signal: "TERM",
            stop_tenths,
        };
        Supervised::start(plan, &lock).unwrap()
    }

    fn lock(&self) -> File {
        File::create(self.0.join("lock")).unwrap()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.0.join("log")).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn a_server_gets_its_signal_when_the_pipe_closes() {
    let folder = Folder::new("signal");
    let script =
        "trap 'echo told to end; exit 0' TERM; echo $GREETING; while :; do sleep 0.05; done";
    let mut server = folder.start(script, 200);
    server
        .wait_until(DEADLINE, || folder.log().contains("hello"))
        .unwrap();
    assert!(matches!(
        folder.lock().try_lock(),
        Err(TryLockError::WouldBlock)
    ));
    server.stop().unwrap();
    assert_eq!(folder.log(), "hello\ntold to end\n");
    folder
        .lock()
        .try_lock()
        .expect("the folder is free once the server has ended");
}

#[test]
fn a_server_may_open_as_many_files_as_the_system_allows() {
    let folder = Folder::new("files");
    let mut server = folder.start("ulimit -Sn; ulimit -Hn; exec sleep 60", 200);
    server
        .wait_until(DEADLINE, || folder.log().lines().count() == 2)
        .unwrap();
    server.stop().unwrap();
    let log = folder.log();
    let (soft, hard) = log.trim().split_once('\n').unwrap();
    // Where there is no limit, the shell says so in a word.
    let hard = hard.parse().unwrap_or(u64::MAX);
    assert_eq!(soft.parse(), Ok(hard.min(65_536)));
}

#[test]
fn a_server_that_will_not_end_is_killed() {
    let folder = Folder::new("kill");
    let mut server = folder.start("trap '' TERM; echo up; while :; do sleep 0.05; done", 5);
    server
        .wait_until(DEADLINE, || folder.log().contains("up"))
        .unwrap();
    let begin = Instant::now();
    server.stop().unwrap();
    assert!(
        begin.elapsed() >= Duration::from_millis(400),
        "it had its time to end"
    );
    assert!(
        begin.elapsed() < DEADLINE,
        "and was not waited for without bound"
    );
}

#[test]
fn a_server_that_ends_while_starting_is_reported_with_its_log() {
    let folder = Folder::new("ended");
    let mut server = folder.start("echo no such thing >&2; exit 3", 200);
    let error = server.wait_until(DEADLINE, || false).unwrap_err();
    assert!(matches!(&error, StartError::Ended { status, .. } if status.code() == Some(3)));
    assert!(error.to_string().ends_with("no such thing"), "{error}");
    assert!(server.failure().unwrap().contains("the script ended"));
}

#[test]
fn a_server_that_does_not_answer_is_given_up() {
    let folder = Folder::new("late");
    let mut server = folder.start("exec sleep 60", 200);
    let error = server
        .wait_until(Duration::from_millis(100), || false)
        .unwrap_err();
    assert!(matches!(error, StartError::Late { .. }), "{error}");
}
