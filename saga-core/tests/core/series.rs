//! A series comes to what one decision after the other comes to.

use std::sync::Arc;

use saga_core::decide::Series;
use saga_core::decision::{Decision, Outcome, Verdict};
use saga_core::definition::Definition;
use saga_core::input::Input;
use saga_core::saga::{Saga, Status};
use saga_core::time::Timestamp;
use saga_core::values::{ValueKey, Values};

/// An input that was judged by itself, and what followed.
pub(crate) struct Judged {
    pub(crate) definition: Arc<Definition>,
    pub(crate) saga: Saga,
    /// All that was at hand in the end.
    pub(crate) values: Values,
    pub(crate) input: Input,
    pub(crate) now: Timestamp,
    pub(crate) outcome: Outcome,
}

/// Judges all that came at the same time once more, in one series.
pub(crate) fn check(history: &[Judged]) {
    for together in history.chunk_by(|one, next| one.now == next.now) {
        check_together(together);
    }
}

fn check_together(together: &[Judged]) {
    // Nothing is compared after what is illegal: only the series parks the saga.
    let illegal = |one: &Judged| matches!(one.outcome, Outcome::Illegal(_));
    let parks = together.iter().position(illegal);
    let together = &together[..parks.map_or(together.len(), |at| at + 1)];
    let (verdicts, decision) = judge_all(together);
    let wanted: Vec<Verdict> = together.iter().map(|one| verdict(&one.outcome)).collect();
    assert_eq!(verdicts, wanted);
    let applied: Vec<&Decision> = together.iter().filter_map(decided).collect();
    let Some(decision) = decision else {
        assert!(applied.is_empty(), "the series has decided nothing");
        return;
    };
    let mut events: Vec<_> = applied.iter().flat_map(|one| one.events.clone()).collect();
    let mut saga = applied
        .last()
        .map_or_else(|| together[0].saga.clone(), |one| one.saga.clone());
    if parks.is_some() {
        assert!(decision.saga.status() == Status::Paused || decision.events == events);
        events.extend(decision.events.get(events.len()).cloned());
        saga = decision.saga.clone();
    }
    let commands: Vec<_> = applied
        .iter()
        .flat_map(|one| one.commands.clone())
        .collect();
    let values: Vec<_> = applied.iter().flat_map(|one| one.values.clone()).collect();
    let notes: Vec<_> = applied.iter().flat_map(|one| one.notes.clone()).collect();
    let good: Vec<_> = applied.iter().flat_map(|one| one.good.clone()).collect();
    assert_eq!(decision.events, events);
    assert_eq!(decision.saga, saga);
    assert_eq!(decision.commands, commands);
    assert_eq!(decision.values, values);
    assert_eq!(decision.notes, notes);
    assert_eq!(decision.good, good);
    if let (None, Some(last)) = (parks, applied.last()) {
        assert_eq!(decision.wake_at, last.wake_at);
    }
}

/// What the engine does: what is missing is loaded, and the series begun again.
fn judge_all(together: &[Judged]) -> (Vec<Verdict>, Option<Decision>) {
    let first = &together[0];
    let (saga, mut values) = (Arc::new(first.saga.clone()), first.values.clone());
    'again: loop {
        let mut series = Series::new(&first.definition, &saga, &values, first.now);
        let mut verdicts = Vec::new();
        for one in together {
            match series.judge(&one.input) {
                Ok(verdict) => verdicts.push(verdict),
                Err(missing) => {
                    load(&missing, one, &mut values);
                    continue 'again;
                }
            }
        }
        return (verdicts, series.finish().0);
    }
}

fn load(missing: &[ValueKey], of: &Judged, values: &mut Values) {
    for key in missing {
        let value = of.values.share(key);
        let value = value.unwrap_or_else(|| panic!("{key:?} was not needed before"));
        values.insert(key.clone(), value);
    }
}

fn verdict(outcome: &Outcome) -> Verdict {
    match outcome {
        Outcome::Applied(_) => Verdict::Applied,
        Outcome::Ignored(reason) => Verdict::Ignored(*reason),
        Outcome::Refused(why) => Verdict::Refused(why.clone()),
        Outcome::Illegal(why) => Verdict::Illegal(why.clone()),
        Outcome::Needs(keys) => panic!("{keys:?} were never found"),
    }
}

fn decided(one: &Judged) -> Option<&Decision> {
    match &one.outcome {
        Outcome::Applied(decision) => Some(decision),
        Outcome::Ignored(_) | Outcome::Refused(_) | Outcome::Illegal(_) | Outcome::Needs(_) => None,
    }
}
