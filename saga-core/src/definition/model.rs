//! The checked definition: valid by construction, immutable, shared by every saga that runs it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::key_policy::KeyPolicy;
use super::retry::RetryPolicy;
use crate::expression::{Expression, Template};
use crate::ids::{ActionName, StepName};
use crate::schema::Schema;

/// Name and version of a definition, for example `order 1.0.0`.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct DefinitionRef {
    /// The saga's name.
    pub name: Arc<str>,
    /// Its semantic version; a registered version never changes.
    pub version: Version,
}

impl fmt::Display for DefinitionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

/// A saga definition that the compiler has accepted.
#[derive(Debug)]
pub struct Definition {
    /// Name and version.
    pub reference: DefinitionRef,
    /// One sentence for people.
    pub description: Option<String>,
    /// Computes the business key from the input.
    pub key: Option<Template>,
    /// What a start with a key that another saga has or had leads to.
    pub key_policy: KeyPolicy,
    /// How long the forward path may take.
    pub deadline: Option<Duration>,
    /// How long a saga may live before it rests paused.
    pub max_lifetime: Duration,
    /// What the input must look like.
    pub input_schema: Option<Schema>,
    /// Labels every saga of this definition carries.
    pub labels: BTreeMap<String, String>,
    /// The steps in the order they are written.
    pub steps: Vec<Step>,
    /// Computes the saga's result.
    pub output: Option<Template>,
    /// Hex SHA-256 of the source text.
    pub digest: String,
    /// The YAML it was compiled from.
    pub source: Arc<str>,
}

/// The same name, version and text are the same definition: compiling is a function of the text.
impl PartialEq for Definition {
    fn eq(&self, other: &Self) -> bool {
        self.reference == other.reference && self.digest == other.digest
    }
}

impl Definition {
    /// The step of that name, if there is one.
    #[must_use]
    pub fn step(&self, name: &StepName) -> Option<&Step> {
        self.steps.iter().find(|step| step.name == *name)
    }

    /// Whether it has a point of no return.
    #[must_use]
    pub fn has_pivot(&self) -> bool {
        self.steps.iter().any(|step| step.pivot)
    }
}

/// One step.
#[derive(Debug)]
pub struct Step {
    /// Its id.
    pub name: StepName,
    /// What it does.
    pub kind: StepKind,
    /// Skips the step when it computes false.
    pub when: Option<Expression>,
    /// Does it once for each element of a list.
    pub for_each: Option<ForEach>,
    /// Positions in [`Definition::steps`] of the steps that must finish first.
    pub depends_on: Vec<usize>,
    /// Positions of the steps that wait for this one.
    pub dependents: Vec<usize>,
    /// What it changes and how that is undone.
    pub effect: Effect,
    /// The point of no return.
    pub pivot: bool,
    /// How its action is retried.
    pub retry: RetryPolicy,
    /// How long its action may take.
    pub timeouts: Timeouts,
    /// What happens when it fails for good.
    pub on_failure: OnFailure,
    /// Orders the work of one queue; higher first.
    pub priority: Option<u8>,
}

impl Step {
    /// What is carried out: the step as it is written, or its fallback.
    #[must_use]
    pub fn plan(&self, fallback: bool) -> Plan<'_> {
        match &self.on_failure {
            OnFailure::Fallback(other) if fallback => Plan {
                kind: &other.kind,
                effect: &other.effect,
                retry: &other.retry,
                timeouts: other.timeouts,
            },
            OnFailure::Fallback(_)
            | OnFailure::Compensate
            | OnFailure::Pause
            | OnFailure::Continue
            | OnFailure::Output(_)
            | OnFailure::LastGood(_) => Plan {
                kind: &self.kind,
                effect: &self.effect,
                retry: &self.retry,
                timeouts: self.timeouts,
            },
        }
    }

    /// Both of its plans, or the one there is.
    pub fn plans(&self) -> impl Iterator<Item = Plan<'_>> {
        let fallback = matches!(self.on_failure, OnFailure::Fallback(_));
        [Some(self.plan(false)), fallback.then(|| self.plan(true))]
            .into_iter()
            .flatten()
    }
}

/// What a step does.
#[derive(Debug)]
pub enum StepKind {
    /// Has a worker do something.
    Action(Call),
    /// Waits for a signal.
    Wait(Wait),
    /// Waits a time: a span as text, `90s`.
    Sleep(Template),
    /// Runs another saga.
    Saga(Child),
}

/// One worker operation and what it is given.
#[derive(Debug)]
pub struct Call {
    /// Which operation.
    pub action: ActionName,
    /// Computes its input.
    pub input: Template,
}

/// Waiting for something from outside.
#[derive(Debug)]
pub struct Wait {
    /// Which signal.
    pub signal: Arc<str>,
    /// How long at most.
    pub timeout: Option<Duration>,
    /// What happens when none came in time.
    pub on_timeout: OnTimeout,
}

/// What happens when no signal came in time.
#[derive(Debug, Clone, PartialEq)]
pub enum OnTimeout {
    /// The step fails, and its `on_failure` says what follows.
    Fail,
    /// The step ends with this output.
    Output(Value),
}

/// Another saga as a step.
#[derive(Debug)]
pub struct Child {
    /// Name of its definition.
    pub name: Arc<str>,
    /// Version; the highest usable one when it starts, where none is written.
    pub version: Option<Version>,
    /// Computes its input.
    pub input: Template,
}

/// One run of a step for each element of a list.
#[derive(Debug)]
pub struct ForEach {
    /// Computes the list.
    pub items: Expression,
    /// What expressions of the step call an element.
    pub name: Arc<str>,
    /// Elements under way at once.
    pub max_parallel: u32,
}

/// One way to carry out a step.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'d> {
    /// What is done.
    pub kind: &'d StepKind,
    /// What that changes and how it is undone.
    pub effect: &'d Effect,
    /// How it is retried.
    pub retry: &'d RetryPolicy,
    /// How long it may take.
    pub timeouts: Timeouts,
}

/// What a step changes in the world, as far as undoing is concerned.
#[derive(Debug)]
pub enum Effect {
    /// `no_effect: true`: it changes nothing.
    None,
    /// It is undone by a compensation.
    Compensate(Compensation),
    /// It is a child saga, which undoes itself.
    Child,
    /// `compensate: none`, with the reason: unwinding past it leaves it as residue.
    Residue(String),
    /// It is the pivot or comes after it, and is never undone.
    Retriable,
}

/// How a step is undone.
#[derive(Debug)]
pub struct Compensation {
    /// Which worker operation undoes the step.
    pub action: ActionName,
    /// Computes the operation's input.
    pub input: Template,
    /// How the undo is retried.
    pub retry: RetryPolicy,
    /// How long the undo may take.
    pub timeouts: Timeouts,
}

/// Time limits of an action or an undo. `None` means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timeouts {
    /// From dispatch until a worker begins.
    pub schedule_to_start: Option<Duration>,
    /// From the handler's start to its end, for one attempt; the worker enforces it.
    pub start_to_close: Option<Duration>,
    /// From the first dispatch to the end of the last attempt.
    pub schedule_to_close: Option<Duration>,
    /// Longest silence of a running handler.
    pub heartbeat: Option<Duration>,
}

/// What a saga does when a step has failed for good.
#[derive(Debug)]
pub enum OnFailure {
    /// Undo what was done.
    Compensate,
    /// Rest for an operator.
    Pause,
    /// Go on as if it had finished; its output is null.
    Continue,
    /// Go on with this output.
    Output(Value),
    /// Do this instead.
    Fallback(Box<Fallback>),
    /// Go on with the newest output of this operation for the same input, if it is no older.
    LastGood(Duration),
}

/// What is done in the place of a step that failed for good.
#[derive(Debug)]
pub struct Fallback {
    /// An action.
    pub kind: StepKind,
    /// What it changes and how that is undone.
    pub effect: Effect,
    /// How it is retried.
    pub retry: RetryPolicy,
    /// How long it may take.
    pub timeouts: Timeouts,
}
