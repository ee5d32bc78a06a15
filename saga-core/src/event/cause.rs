//! Why a saga undoes what it did, and why it rests.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::StepName;
use crate::operator::By;

/// Why a saga undoes what it did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnwindCause {
    /// A step failed for good.
    StepFailed(StepName),
    /// The forward path took too long.
    Deadline,
    /// An operator cancelled it.
    Cancelled(By),
    /// The saga that it is a step of undoes it.
    Parent,
}

/// Why a saga rests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PauseCause {
    /// A step failed after the pivot, where nothing is undone.
    FailedAfterPivot(StepName),
    /// A step failed and its definition says to rest.
    StepFailed(StepName),
    /// A pivot was settled and nobody knows whether it happened.
    PivotUnknown(StepName),
    /// The saga lived longer than its definition allows.
    MaxLifetime,
    /// An input could not be applied: a bug, or data that the store cannot hold.
    Parked(String),
    /// An operator paused it.
    Operator(By),
}
