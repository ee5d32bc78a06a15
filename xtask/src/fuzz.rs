//! `cargo xtask fuzz`: the compiler's fuzz test, for as long as one likes and from another seed.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};

use crate::repository::command;

/// How long it runs when nobody says.
const SECONDS: u64 = 60;

/// What the command line asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Request {
    seconds: u64,
    seed: Option<u64>,
}

impl Request {
    /// Reads the arguments; `None` when they are not understood.
    pub(crate) fn parse(args: &[String]) -> Option<Self> {
        let mut request = Self {
            seconds: SECONDS,
            seed: None,
        };
        for pair in args.chunks(2) {
            let [name, value] = pair else { return None };
            let value = value.parse().ok()?;
            match name.as_str() {
                "--seconds" => request.seconds = value,
                "--seed" => request.seed = Some(value),
                _ => return None,
            }
        }
        Some(request)
    }
}

/// Runs the test, and ends with its exit code.
pub(crate) fn run(request: Request) -> Result<ExitCode> {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH);
    let seed = request
        .seed
        .unwrap_or_else(|| clock.map_or(1, |since| since.as_secs()));
    println!("seed {seed}, {} s", request.seconds);
    let status = command("cargo")
        .args(["test", "-p", "saga-core", "--test", "fuzz"])
        .args(["whatever_is_given_is_answered", "--", "--nocapture"])
        .env("AMENDS_FUZZ_SECONDS", request.seconds.to_string())
        .env("AMENDS_FUZZ_SEED", seed.to_string())
        .status()
        .context("could not run cargo test")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_or_refused() {
        let parse = |line: &str| {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            Request::parse(&words)
        };
        let all = Request {
            seconds: 5,
            seed: Some(7),
        };
        assert_eq!(parse("--seed 7 --seconds 5"), Some(all));
        assert_eq!(parse("").map(|request| request.seconds), Some(SECONDS));
        for wrong in ["--seconds", "--seconds soon", "--times 3"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
