//! Where the servers are that the tests run against.

use std::path::PathBuf;

/// URL of a PostgreSQL superuser's database.
pub fn postgres_url() -> String {
    read("AMENDS_TEST_POSTGRES_URL")
}

/// URL of a RabbitMQ virtual host.
pub fn amqp_url() -> String {
    read("AMENDS_TEST_AMQP_URL")
}

/// The program that controls RabbitMQ, with its first arguments.
pub fn rabbitmqctl() -> Vec<String> {
    let command = read("AMENDS_TEST_RABBITMQCTL");
    command.split_whitespace().map(str::to_owned).collect()
}

#[expect(clippy::disallowed_methods, reason = "this is the config.rs that may")]
fn read(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("set {name}; `cargo xtask test` does"))
}

/// The `amends` binary that was built with these tests.
pub fn amends() -> PathBuf {
    let tests = std::env::current_exe().expect("the path of this test");
    let built = tests
        .parent()
        .and_then(|deps| deps.parent())
        .expect("a target folder");
    let binary = built.join("amends");
    assert!(
        binary.is_file(),
        "{} is missing; `cargo xtask test` builds it first",
        binary.display()
    );
    binary
}

/// Whether documents that hold what was seen are written instead of compared.
#[expect(clippy::disallowed_methods, reason = "this is the config.rs that may")]
pub fn update_golden() -> bool {
    std::env::var("AMENDS_UPDATE_GOLDEN").is_ok()
}
