//! What goes into the ledger and what comes out of it.

use std::sync::Arc;

use saga_core::delivery::Standing;
use saga_core::input::StepError;
use serde_json::Value;

use super::key::LedgerKey;
use super::proof::Recorded;

/// A key that is asked for.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The key.
    pub key: LedgerKey,
    /// The attempt that asks, for the audit.
    pub attempt: u32,
}

/// What a key turned out to hold.
#[derive(Debug)]
pub enum Found {
    /// Nothing, and the claim is ours.
    Fresh(Claim),
    /// A call that somebody began and left; the claim is ours now.
    Interrupted(Claim),
    /// Somebody else's claim or open transaction.
    InProgress,
    /// A result.
    Stored(Stored, Recorded),
}

impl Found {
    /// The same as one word.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        match self {
            Self::Fresh(_) => Standing::Fresh,
            Self::Interrupted(_) => Standing::Interrupted,
            Self::InProgress => Standing::InProgress,
            Self::Stored(stored, _) => stored.standing(),
        }
    }
}

/// The right to call the outside for a key, until it is closed or lost.
#[derive(Debug, Clone)]
#[must_use = "a claim that is not closed keeps its key busy until the lease ends"]
pub struct Claim {
    /// The key.
    pub key: LedgerKey,
    /// Rises with every take-over; closing an older one is fenced.
    pub epoch: i64,
}

/// The result of a key. It never changes.
#[derive(Debug, Clone, PartialEq)]
pub enum Stored {
    /// The effect is there, with this output; without one, the output was too large to keep.
    Applied(Option<Arc<Value>>),
    /// It was refused for good, without effect.
    Rejected(StepError),
    /// It never happened and must not happen any more.
    Blocked,
}

impl Stored {
    /// The same as one word.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        match self {
            Self::Applied(_) => Standing::Applied,
            Self::Rejected(_) => Standing::Rejected,
            Self::Blocked => Standing::Blocked,
        }
    }
}

/// How a claim ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// With a result.
    Settled(Stored),
    /// Without one: whoever asks next takes it over. The error is kept for the audit.
    Released(StepError),
}

/// The result of a call without effect.
#[derive(Debug, Clone)]
pub struct Note {
    /// The key.
    pub ask: Ask,
    /// What came of it.
    pub stored: Stored,
}

/// A claim and how it ends.
#[derive(Debug, Clone)]
pub struct Closing {
    /// The claim.
    pub claim: Claim,
    /// How it ends.
    pub outcome: Outcome,
}

/// What became of a closing.
#[derive(Debug)]
pub enum Recording {
    /// It is on disk.
    Recorded(Recorded),
    /// The claim was lost meanwhile. What is there instead, when it is a result.
    Fenced(Option<Stored>, Recorded),
}

/// An action that is about to be undone.
#[derive(Debug, Clone)]
pub struct Barrier {
    /// The action's key.
    pub action: LedgerKey,
    /// The attempt of the undo, for the audit.
    pub attempt: u32,
    /// What the action answered, when the command certifies that it happened.
    pub output: Option<Arc<Value>>,
}

/// Where an action stands that is about to be undone; it cannot begin any more, unless it is
/// [`Standing::InProgress`] or [`Standing::Interrupted`].
#[derive(Debug, Clone, Copy)]
pub struct Barred {
    /// Where it stood.
    pub standing: Standing,
    /// That it stays so.
    pub recorded: Recorded,
}
