//! What the environment says to these tests.

/// How long to go on; without it a fixed number of inputs is tried.
pub(crate) fn seconds() -> Option<u64> {
    std::env::var("AMENDS_FUZZ_SECONDS").ok()?.parse().ok()
}

/// Where the random numbers begin. Always the same unless somebody asks, so that a failure is one
/// for everybody.
pub(crate) fn seed() -> u64 {
    let written = std::env::var("AMENDS_FUZZ_SEED").ok();
    written.and_then(|text| text.parse().ok()).unwrap_or(1)
}
