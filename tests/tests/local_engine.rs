//! The private servers: they start, keep their data, keep others out, and go without a trace.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail like the test")]

use std::path::{Path, PathBuf};
use std::process::Command;

use local_engine::{Durability, Keep, LocalEngine, Options, Packages, StartError};

fn folder(test: &str) -> PathBuf {
    std::env::temp_dir().join(format!("amends-engine-{test}-{}", std::process::id()))
}

fn packages() -> Packages {
    Packages::find().unwrap()
}

fn start(packages: &Packages, folder: &Path, keep: Keep) -> Result<LocalEngine, StartError> {
    let options = Options {
        durability: Durability::Fast,
        keep,
    };
    LocalEngine::start(packages, folder, options)
}

/// What PostgreSQL answers to a statement, bare.
fn query(url: &str, statement: &str) -> String {
    let psql = packages().postgres.remove(0).programs.join("psql");
    let output = Command::new(psql)
        .args([url, "-XAtqc", statement])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn data_and_addresses_outlive_a_restart() {
    let folder = folder("restart");
    let engine = start(&packages(), &folder, Keep::Data).unwrap();
    let (postgres, amqp) = (engine.postgres_url(), engine.amqp_url());
    query(&postgres, "CREATE TABLE kept AS SELECT 42 AS answer");
    engine.rabbitmqctl(&["add_vhost", "kept"]).unwrap();
    let second = start(&packages(), &folder, Keep::Data);
    assert!(
        matches!(second, Err(StartError::Busy { .. })),
        "two engines share a folder"
    );
    engine.stop().unwrap();

    let engine = start(&packages(), &folder, Keep::Data).unwrap();
    assert_eq!((engine.postgres_url(), engine.amqp_url()), (postgres, amqp));
    assert_eq!(
        query(&engine.postgres_url(), "SELECT answer FROM kept"),
        "42"
    );
    let vhosts = engine
        .rabbitmqctl(&["--quiet", "list_vhosts", "name"])
        .unwrap();
    assert!(vhosts.lines().any(|name| name == "kept"), "{vhosts}");
    drop(engine);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn nothing_is_kept_where_nothing_is_wanted() {
    let folder = folder("nothing");
    let engine = start(&packages(), &folder, Keep::Nothing).unwrap();
    assert_eq!(
        query(&engine.postgres_url(), "SELECT current_user"),
        "amends"
    );
    let refused = engine.rabbitmqctl(&["no_such_command"]).unwrap_err();
    assert!(
        refused
            .to_string()
            .starts_with("rabbitmqctl no_such_command failed"),
        "{refused}"
    );
    engine.stop().unwrap();
    assert!(!folder.exists(), "{} is still there", folder.display());
}

#[test]
fn a_folder_with_something_in_it_is_not_taken_for_scratch() {
    let folder = folder("foreign");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("precious"), "data").unwrap();
    let refused = start(&packages(), &folder, Keep::Nothing);
    assert!(
        matches!(refused, Err(StartError::File { .. })),
        "{refused:?}"
    );
    assert_eq!(
        std::fs::read_to_string(folder.join("precious")).unwrap(),
        "data"
    );
    std::fs::remove_dir_all(&folder).unwrap();
}
