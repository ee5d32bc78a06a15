//! Where the tests find their database.

#[expect(clippy::disallowed_methods, reason = "this is the tests' config.rs")]
pub(crate) fn postgres_url() -> String {
    std::env::var("AMENDS_TEST_POSTGRES_URL")
        .expect("set AMENDS_TEST_POSTGRES_URL; `cargo xtask test` does")
}
