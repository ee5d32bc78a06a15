//! Runs the binary.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// What a command did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Standard output as one JSON document.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Checks how it failed: its exit code, nothing on standard output, and these words.
    pub(crate) fn failed(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        for word in words {
            assert!(
                self.err.contains(word),
                "`{word}` is missing in\n{}",
                self.err
            );
        }
    }
}

/// Runs `amends` to its end, with nothing set in the environment that could change what it does.
pub(crate) fn run(arguments: &[&str], settings: &[(&str, &str)]) -> Ran {
    run_with_input(arguments, settings, "")
}

/// The same, with standard input.
pub(crate) fn run_with_input(arguments: &[&str], settings: &[(&str, &str)], input: &str) -> Ran {
    let mut child = command(arguments)
        .envs(settings.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start amends");
    let mut stdin = child.stdin.take().expect("its standard input");
    // A command that fails at once does not read it.
    let _unread = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("wait for amends");
    Ran {
        code: output.status.code().expect("an exit code"),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_amends"));
    command
        .args(arguments)
        .env_remove("AMENDS_SERVER")
        .env_remove("AMENDS_TOKEN")
        .env_remove("AMENDS_TOKEN_UNENCRYPTED")
        .env_remove("AMENDS_PROFILE")
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .env("USER", "ada")
        .current_dir(repository());
    command
}

/// The folder with `sagas/`.
pub(crate) fn repository() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A file with this content that is gone with the test.
#[derive(Debug)]
pub(crate) struct TemporaryFile(PathBuf);

impl TemporaryFile {
    pub(crate) fn new(name: &str, content: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("amends-{}-{name}", std::process::id()));
        std::fs::write(&path, content).expect("write a file");
        Self(path)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().expect("a UTF-8 path")
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // It may be gone already; a file left behind harms nobody.
        let _gone = std::fs::remove_file(&self.0);
    }
}

/// `amends dev` on the embedded engine, for the tests of what talks to it.
#[derive(Debug)]
pub(crate) struct Dev {
    child: Child,
    pub(crate) server: String,
}

impl Dev {
    pub(crate) fn start() -> Self {
        let mut child = command(&["dev", "--port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("start amends dev");
        let stdout = child.stdout.take().expect("its standard output");
        let mut lines = BufReader::new(stdout).lines();
        let server = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                line.split_once("--server ")
                    .map(|(_, url)| url.trim().to_owned())
            })
            .expect("amends dev says where it is");
        // Somebody must read what it prints, or it would wait for room.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Self { child, server }
    }

    /// Runs a command against it.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        run(arguments, &[("AMENDS_SERVER", &self.server)])
    }

    /// The same, with standard input.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Ran {
        run_with_input(arguments, &[("AMENDS_SERVER", &self.server)], input)
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // It keeps nothing that a kill could lose.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
