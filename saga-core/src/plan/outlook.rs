//! What would be undone, as plain data.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::PauseCause;
use crate::ids::{SagaId, StepKey};
use crate::saga::Status;

/// Entries of each list, at most.
pub const LISTED_MAX: usize = 1000;

/// What would follow. Of each list the first 1,000 entries are told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outlook {
    /// The step that would fail; without one the saga would be cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_failed_at: Option<StepKey>,
    /// What the saga would end in, or rest in.
    pub ends: Status,
    /// Why it would rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rests: Option<PauseCause>,
    /// What must be found out before anything that it stands in front of is undone.
    #[schemars(length(max = LISTED_MAX))]
    pub settle_first: Vec<Doubt>,
    /// What would be undone, in this order.
    #[schemars(length(max = LISTED_MAX))]
    pub undo: Vec<Undo>,
    /// The other steps, of which nothing is there to undo.
    #[schemars(length(max = LISTED_MAX))]
    pub nothing_to_undo: Vec<NothingToUndo>,
    /// What happened and would stay.
    #[schemars(length(max = LISTED_MAX))]
    pub remains: Vec<Remains>,
    /// Where the outlook is a guess, and why.
    #[schemars(length(max = LISTED_MAX))]
    pub unclear: Vec<String>,
    /// How many entries of the lists are not told; absent when all are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<LeftOut>,
}

/// How many entries of each list are not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    /// Of what must be found out.
    pub settle_first: u32,
    /// Of what would be undone.
    pub undo: u32,
    /// Of the steps with nothing to undo.
    pub nothing_to_undo: u32,
    /// Of what would stay.
    pub remains: u32,
    /// Of what is a guess.
    pub unclear: u32,
}

/// Something of which it is not known whether it happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Doubt {
    /// Which piece of work.
    pub step: StepKey,
    /// A person must say; otherwise its worker is asked.
    pub by_hand: bool,
    /// It is the point of no return: if it happened, the saga goes forward and nothing is undone.
    pub pivot: bool,
}

/// One undo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Undo {
    /// Its place; those with the same run side by side.
    pub order: u32,
    /// Which piece of work.
    pub step: StepKey,
    /// The worker operation that undoes it; a child saga undoes itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The child saga.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub child: Option<SagaId>,
    /// What the operation would be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// The input is computed from outputs that are not known yet: those read `<steps.…>`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub input_is_guessed: bool,
    /// It is done only if settling finds that the step happened.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub if_it_happened: bool,
    /// It is under way already.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub under_way: bool,
    /// It would fail at once, because its input cannot be computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A step of which nothing is there to undo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NothingToUndo {
    /// Which piece of work.
    pub step: StepKey,
    /// Why.
    pub why: Why,
}

/// Why there is nothing to undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It would not have begun.
    NotStarted,
    /// It was skipped.
    Skipped,
    /// It failed, which certifies that it had no effect.
    Failed,
    /// It was settled as never having happened.
    NeverHappened,
    /// Its definition says that it changes nothing.
    NoEffect,
    /// It is undone already.
    UndoneAlready,
}

impl Why {
    /// The reason in a few words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotStarted => "not started",
            Self::Skipped => "skipped",
            Self::Failed => "failed, without effect",
            Self::NeverHappened => "never happened",
            Self::NoEffect => "has no effect",
            Self::UndoneAlready => "undone already",
        }
    }
}

/// An effect that would stay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Remains {
    /// Which piece of work.
    pub step: StepKey,
    /// What its definition says about that.
    pub because: String,
}
