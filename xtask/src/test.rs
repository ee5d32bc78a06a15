//! `cargo xtask test`: the tests, with servers of their own.

use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};
use local_engine::{Durability, Keep, Options};

use crate::repository::command;
use crate::servers::{environment, start};

/// Runs `cargo test` with private servers, and ends with its exit code.
///
/// The tests run in the terminal's foreground with us, so Ctrl-C ends both; the servers notice that
/// we are gone, stop, and their folder is removed.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let folder = std::env::temp_dir().join(format!("amends-test-{}", std::process::id()));
    let options = Options {
        durability: Durability::Fast,
        keep: Keep::Nothing,
    };
    let engine = start(&folder, options)?;
    let status = cargo_test(args)
        .envs(environment(&engine))
        .status()
        .context("could not run cargo test")?;
    engine.stop()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

fn cargo_test(args: &[String]) -> Command {
    let mut cargo = command("cargo");
    cargo.arg("test");
    if !names_a_package(args) {
        cargo.arg("--workspace");
    }
    cargo.arg("--no-fail-fast").args(args);
    cargo
}

/// Whether the arguments for cargo, which end at `--`, choose packages themselves.
fn names_a_package(args: &[String]) -> bool {
    args.iter()
        .take_while(|arg| *arg != "--")
        .any(|arg| arg.starts_with("-p") || arg.starts_with("--package"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(args: &[&str]) -> Vec<String> {
        args.iter().map(|arg| (*arg).to_owned()).collect()
    }

    #[test]
    fn takes_the_whole_workspace_unless_told_otherwise() {
        let line = |args: &[&str]| format!("{:?}", cargo_test(&words(args)));
        assert!(line(&["--", "-p"]).contains(r#""--workspace" "--no-fail-fast" "--" "-p""#));
        assert!(!line(&["-p", "saga-core"]).contains("--workspace"));
    }
}
