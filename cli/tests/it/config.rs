//! What these tests take from the environment.

/// Whether snapshots are written instead of compared.
#[expect(
    clippy::disallowed_methods,
    reason = "this file is where settings are read"
)]
pub(crate) fn update_golden() -> bool {
    std::env::var("AMENDS_UPDATE_GOLDEN").is_ok()
}
