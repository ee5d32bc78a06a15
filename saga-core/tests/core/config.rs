//! What the environment says to these tests.

/// Write what is found now into the files, instead of comparing.
pub(crate) fn update_expectations() -> bool {
    std::env::var_os("UPDATE_EXPECT").is_some()
        || std::env::var_os("AMENDS_UPDATE_GOLDEN").is_some()
}
