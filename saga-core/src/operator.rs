//! What an operator can ask of a saga.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::definition::Definition;
use crate::ids::StepKey;

/// One verb of one person.
#[derive(Debug, Clone, PartialEq)]
pub struct Operator {
    /// Who asks, as authenticated.
    pub who: String,
    /// Why, in their words.
    pub reason: String,
    /// For what.
    pub verb: Verb,
}

impl Operator {
    /// The signature under the events that follow.
    #[must_use]
    pub fn by(&self) -> By {
        By {
            who: self.who.clone(),
            reason: self.reason.clone(),
        }
    }
}

/// Who did it and why; part of every event that an operator causes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct By {
    /// Who.
    pub who: String,
    /// Why, in their words.
    pub reason: String,
}

/// What an operator asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Verb {
    /// Undo what was done.
    Cancel,
    /// Send nothing more and stop the clock; replies are still recorded.
    Pause,
    /// Go on where it rested.
    Resume,
    /// End it without undoing anything.
    Terminate,
    /// Try a failed step or a failed undo again, or a waiting one now.
    Retry {
        /// Which.
        step: StepKey,
    },
    /// Go on without a failed step, as if it had answered this.
    Skip {
        /// Which.
        step: StepKey,
        /// What its dependents read.
        output: Arc<Value>,
    },
    /// Say what became of a step, or of an undo, that nobody else knows.
    Resolve {
        /// Which.
        step: StepKey,
        /// What became of it.
        resolution: Resolution,
    },
    /// Go on with another version of its definition.
    Move {
        /// With which.
        to: Arc<Definition>,
    },
}

/// What an operator found out.
#[derive(Debug, Clone, PartialEq)]
pub enum Resolution {
    /// It happened and answered this; of an undo the answer does not matter.
    Happened(Arc<Value>),
    /// It never happened and will not.
    Never,
}
