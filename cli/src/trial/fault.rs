//! What can go wrong with a step.

use std::fmt;
use std::str::FromStr;

use saga_core::compiler::closest;
use saga_core::ids::{StepKey, StepName};

/// A kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The handler refuses, without effect.
    Fail,
    /// The handler never answers, whatever the attempt.
    Timeout,
    /// The worker dies after the effect and before it could record it.
    CrashAfterEffect,
    /// Every command and every reply of the step is delivered twice.
    Duplicate,
    /// The reply of the first attempt arrives after the step was decided without it.
    LateReply,
    /// A later step fails, and the undo of this one refuses.
    UndoFails,
}

impl Fault {
    /// Every kind, in the order of the table.
    pub const ALL: [Self; 6] = [
        Self::Fail,
        Self::Timeout,
        Self::CrashAfterEffect,
        Self::Duplicate,
        Self::LateReply,
        Self::UndoFails,
    ];

    /// The word on the command line and in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Timeout => "timeout",
            Self::CrashAfterEffect => "crash_after_effect",
            Self::Duplicate => "duplicate",
            Self::LateReply => "late_reply",
            Self::UndoFails => "undo_fails",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words = Self::ALL.map(Self::as_str);
        Self::ALL
            .into_iter()
            .find(|fault| fault.as_str() == text)
            .ok_or_else(|| match closest(text, words) {
                Some(close) => format!("`{text}` is no fault; did you mean `{close}`?"),
                None => format!("`{text}` is no fault; there are {}", words.join(", ")),
            })
    }
}

/// One case that was asked for, as `STEP=KIND`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The step.
    pub step: StepName,
    /// What goes wrong with it.
    pub fault: Fault,
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (step, fault) = text
            .split_once('=')
            .ok_or_else(|| format!("`{text}` is no case; write STEP=KIND, as in charge=timeout"))?;
        Ok(Self {
            step: StepName::new(step),
            fault: fault.parse()?,
        })
    }
}

/// A fault where it is to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planted {
    /// The step.
    pub step: StepName,
    /// The element it hits; 0 outside `for_each`.
    pub element: u32,
    /// What goes wrong.
    pub fault: Fault,
    /// The later step whose failure makes the saga turn back, for [`Fault::UndoFails`].
    pub culprit: Option<StepName>,
    /// The step of the child saga that refuses, where the step runs one.
    pub inner: Option<StepName>,
}

impl Planted {
    /// The piece of work that it hits.
    #[must_use]
    pub fn key(&self) -> StepKey {
        StepKey {
            step: self.step.clone(),
            element: self.element,
        }
    }

    /// Whether it is for this piece of work.
    pub(super) fn hits(&self, step: &StepName, element: u32) -> bool {
        self.step == *step && self.element == element
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_reads_as_step_and_kind() {
        let wanted: Wanted = "charge=late_reply".parse().unwrap();
        assert_eq!(
            (wanted.step.as_str(), wanted.fault),
            ("charge", Fault::LateReply)
        );
        assert!(
            "charge"
                .parse::<Wanted>()
                .unwrap_err()
                .contains("STEP=KIND"),
            "it says how to write one"
        );
        let close = "charge=timeuot".parse::<Wanted>().unwrap_err();
        assert!(close.contains("did you mean `timeout`?"), "{close}");
        let far = "charge=earthquake".parse::<Wanted>().unwrap_err();
        assert!(far.contains("undo_fails"), "{far}");
    }
}
