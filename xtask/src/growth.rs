//! `cargo xtask growth`: what a step, a listing and retention cost with few and with many sagas
//! stored, on servers of its own.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use local_engine::{Durability, Keep, LocalEngine, Options};

use crate::repository::{command, root};
use crate::servers::{environment, start};

/// Runs the benchmark with these arguments, and ends with its exit code.
///
/// It runs twice: the server has to be told to count what each statement costs, and counts only from
/// its next start on.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    // On the disk of the project: gigabytes, and the disk is part of what is measured.
    let folder = root()
        .join("target")
        .join(format!("growth-{}", std::process::id()));
    let result = measured(&folder, args);
    std::fs::remove_dir_all(&folder).context("could not remove the servers' folder")?;
    result
}

fn measured(folder: &Path, args: &[String]) -> Result<ExitCode> {
    let options = Options {
        durability: Durability::Full,
        // From the first start to the second.
        keep: Keep::Data,
    };
    let engine = start(folder, options)?;
    let prepared = benchmark(&engine, &["--prepare".to_owned()]);
    engine.stop()?;
    ensure!(
        prepared? == ExitCode::SUCCESS,
        "the server could not be prepared"
    );
    let engine = start(folder, options)?;
    let figures = benchmark(&engine, args);
    engine.stop()?;
    figures
}

fn benchmark(engine: &LocalEngine, args: &[String]) -> Result<ExitCode> {
    let status = command("cargo")
        .args([
            "bench",
            "--quiet",
            "-p",
            "system-tests",
            "--bench",
            "growth",
            "--",
        ])
        .args(args)
        .envs(environment(engine))
        .status()
        .context("could not run cargo bench")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
