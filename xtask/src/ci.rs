//! `cargo xtask ci`: everything that has to pass before a change is merged.

use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use crate::readme::test_command;
use crate::repository::command;

/// What became of a step.
#[derive(Debug)]
enum Outcome {
    Passed,
    Failed(String),
    LeftOut(&'static str),
}

/// A step that has been taken.
#[derive(Debug)]
struct Report {
    name: &'static str,
    outcome: Outcome,
    time: Duration,
}

/// Takes all steps, also after one has failed, and sums them up.
pub(crate) fn run() -> ExitCode {
    let reports = [
        take("format", format),
        take("lint", lint),
        take("test", test),
        take("docs", docs),
        take("deny", deny),
    ];
    println!("\n== summary");
    for Report {
        name,
        outcome,
        time,
    } in &reports
    {
        let seconds = time.as_secs_f64();
        match outcome {
            Outcome::Passed => println!("{name:<8} passed   {seconds:>7.1} s"),
            Outcome::Failed(why) => println!("{name:<8} FAILED   {seconds:>7.1} s  {why}"),
            Outcome::LeftOut(why) => println!("{name:<8} left out            {why}"),
        }
    }
    let count = |is: fn(&Outcome) -> bool| reports.iter().filter(|r| is(&r.outcome)).count();
    let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
    let passed = count(|outcome| matches!(outcome, Outcome::Passed));
    println!("{passed} passed, {failed} failed");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn take(name: &'static str, step: fn() -> Outcome) -> Report {
    println!("\n== {name}");
    let begin = Instant::now();
    let outcome = step();
    Report {
        name,
        outcome,
        time: begin.elapsed(),
    }
}

fn format() -> Outcome {
    cargo(&["fmt", "--all", "--check"], &[])
}

fn lint() -> Outcome {
    cargo(
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
        &[],
    )
}

fn test() -> Outcome {
    match test_command() {
        Ok(words) => {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            execute(&words, &[])
        }
        Err(error) => Outcome::Failed(format!("{error:#}")),
    }
}

fn docs() -> Outcome {
    let args = [
        "doc",
        "--no-deps",
        "--workspace",
        "--document-private-items",
    ];
    cargo(&args, &[("RUSTDOCFLAGS", "-D warnings")])
}

/// Advisories are left out: their database needs the network, and changes without a change of ours.
fn deny() -> Outcome {
    let version = command("cargo")
        .args(["deny", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if version.is_ok_and(|status| status.success()) {
        cargo(
            &[
                "deny",
                "check",
                "--hide-inclusion-graph",
                "bans",
                "licenses",
                "sources",
            ],
            &[],
        )
    } else {
        Outcome::LeftOut("cargo-deny is not installed; `cargo install cargo-deny` adds it")
    }
}

fn cargo(args: &[&str], environment: &[(&str, &str)]) -> Outcome {
    let mut words = vec!["cargo"];
    words.extend(args);
    execute(&words, environment)
}

fn execute(words: &[&str], environment: &[(&str, &str)]) -> Outcome {
    let line = words.join(" ");
    println!("$ {line}");
    let Some((program, args)) = words.split_first() else {
        return Outcome::Failed("there is no command".to_owned());
    };
    let mut command = command(program);
    command
        .args(args)
        .envs(environment.iter().copied())
        .stdin(Stdio::null());
    match command.status() {
        Ok(status) if status.success() => Outcome::Passed,
        Ok(status) => Outcome::Failed(format!("{line}: {status}")),
        Err(error) => Outcome::Failed(format!("could not run {line}: {error}")),
    }
}
