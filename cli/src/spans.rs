//! When each step of a saga was under way, and what became of its elements, from the history.

use std::collections::BTreeMap;

use orchestrator::http::EventView;
use saga_core::event::EventKind;
use saga_core::ids::StepKey;
use saga_core::time::Timestamp;

/// When something of a step was under way, first to do it and then to undo it.
pub(crate) struct StepSpan {
    pub(crate) from: Timestamp,
    pub(crate) to: Option<Timestamp>,
    pub(crate) undo: Option<(Timestamp, Option<Timestamp>)>,
    pub(crate) attempts: u32,
    /// Where each element stands, of those that were begun.
    pub(crate) elements: BTreeMap<u32, Stand>,
    pub(crate) instead: Option<Instead>,
    /// For what it waits, as a line.
    pub(crate) waits: Option<String>,
    /// When nothing of it ran although it was under way.
    pub(crate) gaps: Vec<Gap>,
}

/// A time in which nothing of a step ran although it was under way.
pub(crate) struct Gap {
    pub(crate) from: Timestamp,
    /// Absent while it lasts.
    pub(crate) to: Option<Timestamp>,
    pub(crate) why: Why,
}

/// Why nothing ran.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// An attempt had failed, and the next was not due.
    Retry,
    /// It waited for a signal, a time or a person.
    Wait,
}

/// What took the place of a step that failed.
pub(crate) enum Instead {
    Fallback,
    LastGood(Timestamp),
}

/// Where one element stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stand {
    UnderWay,
    InDoubt,
    Done,
    Skipped,
    Failed,
    NeverHappened,
    NotUndone,
    Undone,
}

impl Stand {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::UnderWay => "under way",
            Self::InDoubt => "in doubt",
            Self::Done => "done",
            Self::Skipped => "skipped by hand",
            Self::Failed => "failed",
            Self::NeverHappened => "never happened",
            Self::NotUndone => "could not be undone",
            Self::Undone => "undone",
        }
    }
}

impl StepSpan {
    pub(crate) fn end(&self, now: Timestamp) -> Timestamp {
        self.to.unwrap_or(now)
    }

    /// A wait ends with its step, and before its time when something of the step goes on.
    fn ends_waiting(&mut self, at: Timestamp) {
        let lasts = |gap: &&mut Gap| gap.to.is_none_or(|to| to > at);
        for gap in self.gaps.iter_mut().filter(lasts) {
            gap.to = Some(at);
        }
    }

    /// Something of it is sent, now or when it is due.
    fn is_sent(&mut self, at: Timestamp, not_before: Option<Timestamp>) {
        if not_before.is_none() {
            self.ends_waiting(at);
        }
    }

    fn stands(&mut self, key: &StepKey, stand: Stand) {
        if key.element > 0 {
            self.elements.insert(key.element, stand);
        }
    }

    /// A step with elements is under way until the last of them is over.
    fn is_over(&mut self, key: &StepKey, at: Timestamp, stand: Stand) {
        self.stands(key, stand);
        self.ends_waiting(at);
        if key.element > 0 || self.to.is_none() {
            self.to = Some(at);
        }
    }

    fn undo_is_over(&mut self, key: &StepKey, at: Timestamp, stand: Stand) {
        self.stands(key, stand);
        self.ends_waiting(at);
        if let Some((_, to)) = &mut self.undo
            && (key.element > 0 || to.is_none())
        {
            *to = Some(at);
        }
    }
}

/// When each step was under way, by its id.
#[expect(
    clippy::too_many_lines,
    reason = "one arm for each event, all of them in one place"
)]
pub(crate) fn spans(history: &[EventView]) -> BTreeMap<String, StepSpan> {
    let mut spans: BTreeMap<String, StepSpan> = BTreeMap::new();
    for EventView { at, event, .. } in history {
        let at = *at;
        match event {
            EventKind::StepScheduled {
                key,
                attempt,
                not_before,
                ..
            } => {
                let span = open(&mut spans, key, at);
                span.is_sent(at, *not_before);
                span.attempts = span.attempts.max(*attempt);
                span.stands(key, Stand::UnderWay);
            }
            EventKind::StepSplit { key, .. } => {
                open(&mut spans, key, at);
            }
            EventKind::StepWaiting { key, signal, until } => {
                let span = open(&mut spans, key, at);
                span.waits = Some(waits(signal.as_deref(), *until));
                span.gaps.push(Gap {
                    from: at,
                    to: None,
                    why: Why::Wait,
                });
            }
            // Of one with elements the others go on meanwhile.
            EventKind::AttemptFailed {
                key,
                retry_at,
                last: false,
                ..
            } if key.element == 0 => open(&mut spans, key, at).gaps.push(Gap {
                from: at,
                to: Some(*retry_at),
                why: Why::Retry,
            }),
            EventKind::StepSucceeded { key, .. } => {
                open(&mut spans, key, at).is_over(key, at, Stand::Done);
            }
            EventKind::StepFailed { key, .. } => {
                open(&mut spans, key, at).is_over(key, at, Stand::Failed);
            }
            EventKind::StepNeverHappened { key } => {
                open(&mut spans, key, at).is_over(key, at, Stand::NeverHappened);
            }
            EventKind::StepOutcomeUnknown { key, .. } => {
                open(&mut spans, key, at).is_over(key, at, Stand::InDoubt);
            }
            EventKind::StepSkippedByOperator { key, .. } => {
                open(&mut spans, key, at).stands(key, Stand::Skipped);
            }
            // Its fallback goes on with the step, and a wait that is cut short is over.
            EventKind::FallbackStarted { key, .. } => {
                let span = open(&mut spans, key, at);
                (span.to, span.instead) = (None, Some(Instead::Fallback));
            }
            EventKind::LastGoodTaken { key, recorded_at } => {
                open(&mut spans, key, at).instead = Some(Instead::LastGood(*recorded_at));
            }
            EventKind::StepSkipped { key } => {
                if let Some(span) = spans.get_mut(key.step.as_str()) {
                    span.ends_waiting(at);
                    span.to = Some(at);
                }
            }
            // What is in doubt because the saga turns back waits for no other attempt.
            EventKind::StepSettling {
                key, not_before, ..
            } => open(&mut spans, key, at).is_sent(at, *not_before),
            EventKind::RetryHastened { key, .. } => open(&mut spans, key, at).ends_waiting(at),
            EventKind::UndoScheduled {
                key, not_before, ..
            } => {
                let span = open(&mut spans, key, at);
                span.is_sent(at, *not_before);
                span.undo.get_or_insert((at, None));
            }
            EventKind::StepCompensated { key, .. } => {
                open(&mut spans, key, at).undo_is_over(key, at, Stand::Undone);
            }
            EventKind::UndoFailed { key, .. } => {
                open(&mut spans, key, at).undo_is_over(key, at, Stand::NotUndone);
            }
            EventKind::SagaStarted { .. }
            | EventKind::SignalReceived { .. }
            | EventKind::SignalTaken { .. }
            | EventKind::ParentAsked { .. }
            | EventKind::SagaReopened
            | EventKind::AttemptStarted { .. }
            | EventKind::AttemptFailed { .. }
            | EventKind::CompensationStarted { .. }
            | EventKind::UnwindHeld { .. }
            | EventKind::StepProbed { .. }
            | EventKind::CommandResent { .. }
            | EventKind::LateReply { .. }
            | EventKind::EffectAfterUndo { .. }
            | EventKind::DeadlinePassed
            | EventKind::SagaPaused { .. }
            | EventKind::SagaCompleted { .. }
            | EventKind::SagaCompensated { .. }
            | EventKind::CompensationFailed
            | EventKind::SagaResumed { .. }
            | EventKind::SagaMoved { .. }
            | EventKind::SagaTerminated { .. }
            | EventKind::CancelTooLate { .. }
            | EventKind::StepRetried { .. }
            | EventKind::UndoRetried { .. }
            | EventKind::StepResolved { .. } => {}
        }
    }
    spans
}

fn open<'a>(
    spans: &'a mut BTreeMap<String, StepSpan>,
    key: &StepKey,
    at: Timestamp,
) -> &'a mut StepSpan {
    spans.entry(key.step.to_string()).or_insert(StepSpan {
        from: at,
        to: None,
        undo: None,
        attempts: 0,
        elements: BTreeMap::new(),
        instead: None,
        waits: None,
        gaps: Vec::new(),
    })
}

fn waits(signal: Option<&str>, until: Option<Timestamp>) -> String {
    match (signal, until) {
        (Some(signal), Some(until)) => {
            format!("    waits for the signal {signal}, until {until} at most")
        }
        (Some(signal), None) => format!("    waits for the signal {signal}"),
        (None, Some(until)) => format!("    sleeps until {until}"),
        (None, None) => "    waits".to_owned(),
    }
}
