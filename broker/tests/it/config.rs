//! Where the servers of the tests are, from the environment that `cargo xtask test` sets.

/// URL of a RabbitMQ that the tests may use.
///
/// # Panics
/// When there is none: a test that does not run must not look like one that passed.
#[must_use]
pub(crate) fn amqp_url() -> String {
    variable("AMENDS_TEST_AMQP_URL")
}

/// Command that runs `rabbitmqctl` against that node; further words are its first arguments.
///
/// # Panics
/// When it is not set.
#[must_use]
pub(crate) fn rabbitmqctl() -> Vec<String> {
    let command = variable("AMENDS_TEST_RABBITMQCTL");
    command.split_whitespace().map(str::to_owned).collect()
}

#[expect(clippy::disallowed_methods, reason = "this is the tests' config.rs")]
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("set {name}; `cargo xtask test` does"))
}
