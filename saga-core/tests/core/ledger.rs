//! A worker's ledger and the world outside, as the properties know them.

use std::collections::BTreeMap;
use std::sync::Arc;

use saga_core::decision::Command;
use saga_core::ids::Op;
use saga_core::input::{ReplyOutcome, StepError};
use serde_json::json;

/// What a handler does when it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    Done,
    Fail,
    FailBeforeEffect,
    FailAfterEffect,
}

/// What the ledger and the world outside hold of one piece of work, by round.
#[derive(Debug, Default)]
pub(crate) struct Books {
    actions: BTreeMap<u32, Row>,
    undos: BTreeMap<u32, Row>,
    pub(crate) undone_without_effect: bool,
}

#[derive(Debug, Default)]
struct Row {
    happened: bool,
    blocked: bool,
    rejected: bool,
}

impl Books {
    /// How often the action took effect.
    pub(crate) fn happened(&self) -> usize {
        count(&self.actions)
    }

    /// How often it was undone.
    pub(crate) fn undone(&self) -> usize {
        count(&self.undos)
    }

    /// A worker takes the command.
    pub(crate) fn work(&mut self, command: &Command, how: How) -> ReplyOutcome {
        match command.op {
            Op::Action => act(self.actions.entry(command.round).or_default(), how),
            Op::Settle => settle(self.actions.entry(command.round).or_default(), how),
            Op::Compensate => self.undo(command, how),
        }
    }

    fn undo(&mut self, command: &Command, how: How) -> ReplyOutcome {
        let undoes = command.undoes.as_ref().expect("what an undo undoes");
        let action = self.actions.get(&undoes.round);
        if !action.is_some_and(|row| row.happened) {
            self.undone_without_effect = true;
        }
        act(self.undos.entry(command.round).or_default(), how)
    }
}

fn count(rows: &BTreeMap<u32, Row>) -> usize {
    rows.values().filter(|row| row.happened).count()
}

/// The ledger's row decides before the handler is asked.
fn act(row: &mut Row, how: How) -> ReplyOutcome {
    if row.blocked {
        return ReplyOutcome::Fenced;
    }
    if row.rejected {
        return refused();
    }
    if row.happened {
        return done();
    }
    match how {
        How::Done => {
            row.happened = true;
            done()
        }
        How::Fail => {
            row.rejected = true;
            refused()
        }
        How::FailBeforeEffect => failed(),
        How::FailAfterEffect => {
            row.happened = true;
            failed()
        }
    }
}

fn settle(row: &mut Row, how: How) -> ReplyOutcome {
    match how {
        How::FailBeforeEffect => return failed(),
        How::Fail => return ReplyOutcome::Unknown(StepError::new("unknown", "who knows")),
        How::Done | How::FailAfterEffect => {}
    }
    if row.happened {
        return done();
    }
    if row.rejected {
        return refused();
    }
    row.blocked = true;
    ReplyOutcome::NeverHappened
}

fn done() -> ReplyOutcome {
    ReplyOutcome::Done(Arc::new(json!({ "n": 1 })))
}

fn refused() -> ReplyOutcome {
    ReplyOutcome::Fail(StepError::new("refused", "no"))
}

fn failed() -> ReplyOutcome {
    ReplyOutcome::AttemptFailed {
        error: StepError::new("flaky", "failed"),
        retry_after: None,
    }
}
