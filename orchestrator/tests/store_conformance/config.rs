//! Where the tests find their database.

/// The URL of a superuser of a Postgres that tests may use.
#[expect(
    clippy::disallowed_methods,
    reason = "this file is where the tests read their settings"
)]
pub(crate) fn postgres_url() -> String {
    std::env::var("AMENDS_TEST_POSTGRES_URL")
        .expect("set AMENDS_TEST_POSTGRES_URL; `cargo xtask test` does")
}

/// Whether files that pin output are to be written anew instead of compared.
#[expect(
    clippy::disallowed_methods,
    reason = "this file is where the tests read their settings"
)]
pub(crate) fn update_golden() -> bool {
    std::env::var("AMENDS_UPDATE_GOLDEN").is_ok()
}
