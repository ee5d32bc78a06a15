//! What a worker does with a delivery, judged by what its ledger holds.

use crate::ids::{ActionName, Op};
use crate::time::Timestamp;

/// What may be done with an outside call that was begun and whose end nobody recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Repeat {
    /// Make it again: the callee honours the idempotency key.
    Safe,
    /// Ask the handler what became of it, and make it again only if it never happened.
    #[default]
    Resolve,
    /// Leave it alone; a person must say what became of it.
    Never,
}

/// Error code of an attempt that was not made, because nobody knows what became of an earlier call.
pub const UNACCOUNTED: &str = "unaccounted";

/// Where a key of the ledger stood when it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It was not there; whoever asked has it now.
    Fresh,
    /// Its call was begun by somebody who is lost or gave up.
    Interrupted,
    /// Somebody else is at it.
    InProgress,
    /// The effect is there.
    Applied,
    /// It was refused for good, without effect.
    Rejected,
    /// It never happened and must not happen any more.
    Blocked,
}

/// What a worker does with a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Call the handler.
    Run,
    /// Ask the handler what became of an earlier call, then go on from there.
    Resolve,
    /// Answer what is stored.
    Replay,
    /// Look again shortly, as the same attempt.
    Busy,
    /// Answer that another decision keeps it from running.
    Fenced,
    /// Answer that its deadline has passed.
    Expired,
    /// Answer that there is nothing, and will be nothing, to undo.
    NeverHappened,
    /// Answer that an earlier call is unaccounted for, and that this one was not made.
    Unaccounted,
    /// Not for this worker: to the dead letters.
    Reject,
}

/// Judges a delivery before the ledger is asked; `None` means that it goes on.
///
/// The deadline only saves work, so a worker's own clock will do. Undoing and settling never
/// expire.
#[must_use]
pub fn on_arrival(
    asked: (&ActionName, Op),
    served: (&ActionName, Op),
    deadline: Option<Timestamp>,
    now: Timestamp,
) -> Option<Verdict> {
    if asked != served {
        return Some(Verdict::Reject);
    }
    match (asked.1, deadline) {
        (Op::Action, Some(deadline)) if deadline < now => Some(Verdict::Expired),
        (Op::Action | Op::Compensate | Op::Settle, _) => None,
    }
}

/// Judges an action or an undo by its own key.
#[must_use]
pub const fn on_run(standing: Standing, repeat: Repeat) -> Verdict {
    match (standing, repeat) {
        (Standing::Fresh, _) | (Standing::Interrupted, Repeat::Safe) => Verdict::Run,
        (Standing::Interrupted, Repeat::Resolve) => Verdict::Resolve,
        (Standing::Interrupted, Repeat::Never) => Verdict::Unaccounted,
        (Standing::InProgress, _) => Verdict::Busy,
        (Standing::Applied | Standing::Rejected, _) => Verdict::Replay,
        (Standing::Blocked, _) => Verdict::Fenced,
    }
}

/// Judges an undo by its action's key, before its own is asked for.
///
/// A command that says what the action answered certifies that the action happened. Its key may
/// then be absent, because the action's ledger is another one or because an operator has vouched
/// for it. Without that, an absent key is a null compensation.
#[must_use]
pub const fn on_undo(action: Standing, certified: bool) -> Verdict {
    match (action, certified) {
        (Standing::Fresh | Standing::Interrupted, true) | (Standing::Applied, _) => Verdict::Run,
        (Standing::Fresh, false) | (Standing::Rejected | Standing::Blocked, _) => {
            Verdict::NeverHappened
        }
        (Standing::Interrupted, false) => Verdict::Unaccounted,
        (Standing::InProgress, _) => Verdict::Busy,
    }
}

/// Judges a request to settle by the action's key.
#[must_use]
pub const fn on_settle(action: Standing) -> Verdict {
    match action {
        Standing::Fresh | Standing::Rejected | Standing::Blocked => Verdict::NeverHappened,
        Standing::Applied => Verdict::Replay,
        Standing::InProgress => Verdict::Busy,
        Standing::Interrupted => Verdict::Resolve,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ActionName {
        text.parse().unwrap()
    }

    #[test]
    fn an_action_past_its_deadline_expires_but_an_undo_does_not() {
        let (charge, soon, late) = (
            name("payments.charge"),
            Timestamp::from_micros(1),
            Timestamp::from_micros(2),
        );
        let judge = |op, now| on_arrival((&charge, op), (&charge, op), Some(soon), now);
        assert_eq!(judge(Op::Action, late), Some(Verdict::Expired));
        assert_eq!(judge(Op::Action, soon), None);
        assert_eq!(judge(Op::Compensate, late), None);
        assert_eq!(judge(Op::Settle, late), None);
    }

    #[test]
    fn a_command_for_another_operation_is_rejected() {
        let (charge, refund) = (name("payments.charge"), name("payments.refund"));
        let now = Timestamp::from_micros(0);
        let judge = |asked, served| on_arrival(asked, served, None, now);
        assert_eq!(
            judge((&refund, Op::Action), (&charge, Op::Action)),
            Some(Verdict::Reject)
        );
        assert_eq!(
            judge((&charge, Op::Settle), (&charge, Op::Action)),
            Some(Verdict::Reject)
        );
    }

    #[test]
    fn an_interrupted_call_is_repeated_only_where_that_is_safe() {
        assert_eq!(on_run(Standing::Interrupted, Repeat::Safe), Verdict::Run);
        assert_eq!(
            on_run(Standing::Interrupted, Repeat::Resolve),
            Verdict::Resolve
        );
        assert_eq!(
            on_run(Standing::Interrupted, Repeat::Never),
            Verdict::Unaccounted
        );
    }

    #[test]
    fn an_undo_without_certificate_waits_for_settling() {
        assert_eq!(on_undo(Standing::Interrupted, false), Verdict::Unaccounted);
        assert_eq!(on_undo(Standing::Interrupted, true), Verdict::Run);
        assert_eq!(on_undo(Standing::InProgress, true), Verdict::Busy);
        assert_eq!(on_undo(Standing::Fresh, false), Verdict::NeverHappened);
    }

    #[test]
    fn settling_finds_nothing_where_nothing_was_begun() {
        assert_eq!(on_settle(Standing::Fresh), Verdict::NeverHappened);
        assert_eq!(on_settle(Standing::Interrupted), Verdict::Resolve);
        assert_eq!(on_settle(Standing::Applied), Verdict::Replay);
    }
}
