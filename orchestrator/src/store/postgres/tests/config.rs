//! Where the tests find their database.

/// The URL of a Postgres that tests may use.
#[expect(
    clippy::disallowed_methods,
    reason = "this file is where the tests read their settings"
)]
pub(super) fn postgres_url() -> String {
    std::env::var("AMENDS_TEST_POSTGRES_URL")
        .expect("set AMENDS_TEST_POSTGRES_URL; `cargo xtask test` does")
}
