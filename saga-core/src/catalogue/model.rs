//! What workers can do.

use std::collections::BTreeMap;

use semver::Version;

use crate::ids::ActionName;
use crate::schema::Schema;

/// Error codes that a step can fail with whatever its operation is: the worker runtime and the
/// orchestrator say them.
pub(crate) const SYSTEM_ERRORS: [&str; 9] = [
    "busy",
    "cancelled",
    "dead_lettered",
    "expression_error",
    "never_happened",
    "panic",
    "timeout",
    "transaction_failed",
    "unknown",
];

/// Every operation that is described, by name.
#[derive(Debug, Default)]
pub struct Catalogue {
    pub(crate) operations: BTreeMap<ActionName, Operation>,
}

/// One operation of a pool.
#[derive(Debug)]
pub struct Operation {
    /// Its semantic version, which its workers announce.
    pub version: Version,
    /// One sentence for people.
    pub description: Option<String>,
    /// Where its effect is kept.
    pub effect: Carries,
    /// What may be done when its outcome is in doubt.
    pub repeat: Repeat,
    /// What it takes.
    pub input: Option<Schema>,
    /// What it answers.
    pub output: Option<Schema>,
    /// The codes it fails with, and what each means; `None` when nothing is said about them.
    pub errors: Option<BTreeMap<String, String>>,
}

/// Where the effect of an operation is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carries {
    /// In the database of the worker's ledger: effect and idempotency row commit together.
    Transactional,
    /// Somewhere else; the call carries an idempotency key.
    Outside,
}

/// What may be done about an outside call that was started and never answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Call again with the same key.
    Safe,
    /// Ask first what became of the key.
    Resolve,
    /// Neither; a person must find out.
    Never,
}

impl Catalogue {
    /// The operation of that name.
    #[must_use]
    pub fn operation(&self, action: &ActionName) -> Option<&Operation> {
        self.operations.get(action)
    }

    /// Every operation, in name order.
    pub fn iter(&self) -> impl Iterator<Item = (&ActionName, &Operation)> {
        self.operations.iter()
    }

    /// How many operations there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether nothing is described.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }
}

impl Operation {
    /// Whether it can fail with this code; true when nothing is said about its errors.
    pub(crate) fn knows_error(&self, code: &str) -> bool {
        SYSTEM_ERRORS.contains(&code)
            || self
                .errors
                .as_ref()
                .is_none_or(|errors| errors.contains_key(code))
    }
}
