//! `amends dev`: everything on one machine, from one command.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use system_tests::config;
use system_tests::deployment::Deployment;

fn summary_of(engine: &str, folder: &PathBuf, settings: &[(String, String)]) -> Value {
    let run = Command::new(config::amends())
        .args([
            "dev", "--demo", "--exit", "--output", "json", "--engine", engine,
        ])
        .current_dir(folder)
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .output()
        .expect("run amends dev");
    let (out, err) = (
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr),
    );
    assert!(
        run.status.success(),
        "exit code {:?}\n{out}\n{err}",
        run.status.code()
    );
    serde_json::from_str(out.lines().last().expect("a last line")).expect("a JSON summary")
}

/// The sagas that the demo starts, and those that they start as a step.
const EXAMPLES: i64 = 14;
const CHILDREN: i64 = 2;

fn check(summary: &Value, engine: &str) {
    assert_eq!(summary["engine"], engine);
    assert_eq!(summary["unexpected"], 0);
    let count = |name: &str| summary[name].as_u64().expect("a count");
    assert_eq!(summary["sagas"], EXAMPLES);
    assert_eq!((count("completed"), count("compensated")), (7, 7));
}

#[test]
fn the_demo_runs_with_nothing_installed() {
    check(
        &summary_of("embedded", &std::env::temp_dir(), &[]),
        "embedded",
    );
}

#[test]
fn the_demo_runs_on_private_servers() {
    let folder = std::env::temp_dir().join(format!("amends-dev-{}", std::process::id()));
    std::fs::create_dir(&folder).expect("a folder for the servers");
    check(&summary_of("local", &folder, &[]), "local");
    // What an earlier run has kept does not stand in the way of the next.
    check(&summary_of("local", &folder, &[]), "local");
    std::fs::remove_dir_all(&folder).expect("remove the folder");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_runs_on_the_servers_that_the_settings_name() {
    let deployment = Deployment::prepare().await;
    let settings = deployment.settings().to_vec();
    let folder = std::env::temp_dir();
    let run = tokio::task::spawn_blocking(move || summary_of("connect", &folder, &settings));
    check(&run.await.expect("the demo"), "connect");
    let ended = "SELECT count(*) FROM amends.sagas WHERE ended_at IS NOT NULL";
    assert_eq!(
        deployment.database.number(ended).await,
        EXAMPLES + CHILDREN,
        "they ran somewhere else"
    );
}
