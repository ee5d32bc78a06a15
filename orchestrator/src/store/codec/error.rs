//! Why something stored cannot be read.

/// Why something stored cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// A later release wrote it.
    #[error("it has format {found}, and this release reads up to {known}; upgrade this process")]
    Newer {
        /// What it has.
        found: u16,
        /// The newest this release knows.
        known: u16,
    },
    /// It is not what the format says.
    #[error("it is not what its format says")]
    Malformed(#[source] serde_json::Error),
    /// A definition's version is no semantic version.
    #[error("its definition's version is no semantic version")]
    Version(#[source] semver::Error),
}
