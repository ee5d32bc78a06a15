//! `cargo xtask bench`: builds everything as for production, and measures it on servers of its own.

use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};
use local_engine::{Durability, Keep, Options};

use crate::repository::{command, root};
use crate::servers::start;

/// The profile that is measured: what users run in production.
const PROFILE: &str = "production";

/// Builds, starts the servers, and hands the rest to the benchmark; its arguments are described by
/// `cargo xtask bench --help`.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let mut build = command("cargo");
    build.args(["build", "--profile", PROFILE, "-p", "amends", "-p", "bench"]);
    if !build.status().context("could not run cargo")?.success() {
        bail!("the benchmark does not build");
    }
    let target = root().join("target");
    // On the disk of the project, not in memory: durability is part of what is measured.
    let folder = target.join(format!("bench-{}", std::process::id()));
    let options = Options {
        durability: Durability::Full,
        keep: Keep::Nothing,
    };
    let engine = start(&folder, options)?;
    let built = target.join(PROFILE);
    let mut bench = Command::new(built.join("amends-bench"));
    bench.arg("--amends").arg(built.join("amends"));
    bench.arg("--folder").arg(engine.folder());
    bench.args(["--servers", &std::process::id().to_string()]);
    bench.args([
        "--postgres",
        &engine.postgres_url(),
        "--amqp",
        &engine.amqp_url(),
    ]);
    bench.arg("--rabbitmqctl").arg(engine.rabbitmqctl_program());
    let status = bench
        .args(args)
        .status()
        .context("could not run the benchmark")?;
    engine.stop()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
