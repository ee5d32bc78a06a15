//! What a start leads to when another saga has, or had, its business key.

use crate::saga::Status;

/// The two policies of a definition. Without any, starting twice finds the same saga, open or
/// closed: a start that is repeated because its answer was lost must not run anything again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyPolicy {
    /// Whether a new saga may take the key of a closed one.
    pub reuse: KeyReuse,
    /// What a start gets that may not.
    pub conflict: KeyConflict,
}

/// `id_reuse_policy`: whether a new saga may take the key of a closed one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyReuse {
    /// Of every closed one.
    AllowDuplicate,
    /// Of one that did not complete.
    AllowDuplicateFailedOnly,
    /// Never.
    #[default]
    RejectDuplicate,
}

/// `id_conflict_policy`: what a start gets whose key is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyConflict {
    /// The saga that has the key.
    #[default]
    UseExisting,
    /// A refusal.
    Fail,
}

/// What becomes of a start whose key another saga has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyVerdict {
    /// It is answered with that saga.
    UseExisting,
    /// A new saga takes the key over.
    TakeOver,
    /// It is refused.
    Refuse,
}

impl KeyPolicy {
    /// Judges a start by where the saga stands that has its key.
    #[must_use]
    pub const fn judge(self, holder: Status) -> KeyVerdict {
        let free = match (self.reuse, holder) {
            (
                _,
                Status::Running
                | Status::Paused
                | Status::Compensating
                | Status::CompensationFailed,
            )
            | (KeyReuse::RejectDuplicate, _)
            | (KeyReuse::AllowDuplicateFailedOnly, Status::Completed) => false,
            (KeyReuse::AllowDuplicate, Status::Completed)
            | (
                KeyReuse::AllowDuplicate | KeyReuse::AllowDuplicateFailedOnly,
                Status::Compensated | Status::Terminated,
            ) => true,
        };
        match (free, self.conflict) {
            (true, _) => KeyVerdict::TakeOver,
            (false, KeyConflict::UseExisting) => KeyVerdict::UseExisting,
            (false, KeyConflict::Fail) => KeyVerdict::Refuse,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_saga_keeps_its_key_and_a_closed_one_as_the_policy_says() {
        let judge = |reuse, holder| {
            KeyPolicy {
                reuse,
                conflict: KeyConflict::Fail,
            }
            .judge(holder)
        };
        for open in [Status::Running, Status::Paused, Status::CompensationFailed] {
            assert_eq!(judge(KeyReuse::AllowDuplicate, open), KeyVerdict::Refuse);
        }
        let failed_only = KeyReuse::AllowDuplicateFailedOnly;
        assert_eq!(judge(failed_only, Status::Completed), KeyVerdict::Refuse);
        assert_eq!(
            judge(failed_only, Status::Compensated),
            KeyVerdict::TakeOver
        );
        assert_eq!(
            judge(KeyReuse::AllowDuplicate, Status::Completed),
            KeyVerdict::TakeOver
        );
        assert_eq!(
            judge(KeyReuse::RejectDuplicate, Status::Terminated),
            KeyVerdict::Refuse
        );
    }

    #[test]
    fn without_a_policy_starting_twice_finds_the_same_saga() {
        let policy = KeyPolicy::default();
        assert_eq!(policy.judge(Status::Completed), KeyVerdict::UseExisting);
        assert_eq!(policy.judge(Status::Running), KeyVerdict::UseExisting);
    }
}
