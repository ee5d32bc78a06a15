//! Why the ledger could not do something.

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why the ledger could not do something.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Its database cannot be reached, or asks to be tried again. Whether the operation took
    /// effect is not known; repeating it is safe.
    #[error("{operation} the ledger: its database is not available")]
    Unavailable {
        /// What was tried.
        operation: &'static str,
        /// What the database said.
        #[source]
        source: Source,
    },
    /// Its database refuses the operation and would refuse it again. Nothing was written.
    #[error("{operation} the ledger: its database refuses")]
    Refused {
        /// What was tried.
        operation: &'static str,
        /// What the database said.
        #[source]
        source: Source,
    },
    /// A transaction is no longer what the ledger left it as: a statement failed in it, or the
    /// handler ended it. It was rolled back.
    #[error("commit the ledger: the handler's transaction had failed or was already ended")]
    Spoiled,
    /// The settings cannot be used.
    #[error("connect the ledger: {what}")]
    Settings {
        /// What is wrong with them.
        what: String,
        /// Why.
        #[source]
        source: Source,
    },
}

impl LedgerError {
    /// Whether the same operation may succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable { .. } => true,
            Self::Refused { .. } | Self::Spoiled | Self::Settings { .. } => false,
        }
    }
}
