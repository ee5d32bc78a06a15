//! Runs a command of `amends` against a deployment, as an operator would.

use std::process::Command;

use serde_json::Value;

use crate::deployment::Deployment;

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ran {
    /// Standard output as one JSON document.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

/// Runs `amends` to its end, with the deployment's settings and orchestrator.
pub async fn amends(deployment: &Deployment, arguments: &[&str]) -> Ran {
    run(command(deployment, arguments)).await
}

/// The same, not yet run: there is more to say to it.
pub fn command(deployment: &Deployment, arguments: &[&str]) -> Command {
    let mut command = Command::new(crate::config::amends());
    command
        .args(arguments)
        .envs(
            deployment
                .settings()
                .iter()
                .map(|(name, value)| (name, value)),
        )
        .env("AMENDS_SERVER", format!("http://{}", deployment.address()));
    command
}

/// Runs a command to its end.
pub async fn run(mut command: Command) -> Ran {
    let running = tokio::task::spawn_blocking(move || command.output());
    let output = running.await.expect("a thread").expect("run amends");
    Ran {
        code: output.status.code().expect("an exit code"),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}
