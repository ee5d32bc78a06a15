//! What came of a saga's matrix.

use serde::Serialize;

/// Every case of a saga.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The saga's name.
    pub saga: String,
    /// What was run, in the order of steps and faults.
    pub cases: Vec<CaseReport>,
    /// What makes no sense for its step, and was not run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Skipped>,
    /// The saga's version, for people.
    #[serde(skip)]
    pub version: String,
    /// The steps in their order, for the table.
    #[serde(skip)]
    pub steps: Vec<String>,
    /// Virtual seconds of the run without a fault.
    #[serde(skip)]
    pub smooth_seconds: f64,
}

/// One step with one fault.
#[derive(Debug, Clone, Serialize)]
pub struct CaseReport {
    /// The step.
    pub step: String,
    /// What went wrong with it.
    pub fault: &'static str,
    /// What the saga ended or rests in.
    pub end: &'static str,
    /// What was undone, in the order in which it was.
    pub undone: Vec<String>,
    /// Steps whose effect remains, because it was declared as not undoable.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub residue: Vec<String>,
    /// The time that would have passed.
    pub virtual_seconds: f64,
    /// The end is legal, and nothing was left behind.
    pub legal: bool,
    /// Why it is not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// The fault was over before the saga was.
    #[serde(skip)]
    pub outage_ended: bool,
    /// What happened, line by line.
    #[serde(skip)]
    pub chronicle: Vec<String>,
}

/// One case that makes no sense.
#[derive(Debug, Clone, Serialize)]
pub struct Skipped {
    /// The step.
    pub step: String,
    /// The fault.
    pub fault: &'static str,
    /// Why it makes no sense there.
    pub because: String,
}

impl Report {
    /// How many cases are not legal.
    #[must_use]
    pub fn illegal(&self) -> usize {
        self.cases.iter().filter(|case| !case.legal).count()
    }
}
