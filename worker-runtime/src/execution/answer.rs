//! What is answered, within what a message can carry.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use broker::envelope::replies::REPLY_BYTES_MAX;
use saga_core::delivery::{UNACCOUNTED, Verdict};
use saga_core::ids::Op;
use saga_core::input::{ReplyOutcome, StepError};
use serde_json::Value;

use crate::ledger::{Recorded, Stored};

/// Bytes of an output. The rest of a reply's limit is for the names and ids around it.
const OUTPUT_BYTES_MAX: usize = REPLY_BYTES_MAX - 16 * 1024;

const ERROR_CODE_BYTES_MAX: usize = 128;
const ERROR_MESSAGE_BYTES_MAX: usize = 4 * 1024;
const ERROR_DETAILS_BYTES_MAX: usize = 16 * 1024;

/// How the handling of a delivery ends.
pub(super) enum Ending {
    /// With an answer.
    Reply(ReplyOutcome, Recorded),
    /// With another look, shortly.
    Busy,
    /// Among the dead letters.
    Reject(&'static str),
    /// Unsettled: the worker stops, and the delivery goes back to its queue.
    Stopped,
}

impl Ending {
    /// The attempt failed, and another may work.
    pub(super) const fn attempt_failed(
        error: StepError,
        retry_after: Option<Duration>,
        recorded: Recorded,
    ) -> Self {
        Self::Reply(ReplyOutcome::AttemptFailed { error, retry_after }, recorded)
    }

    /// The ending of a delivery that comes to no call and has no stored answer.
    pub(super) fn without_call(verdict: Verdict, recorded: Recorded) -> Self {
        match verdict {
            Verdict::Fenced => Self::Reply(ReplyOutcome::Fenced, recorded),
            Verdict::Expired => Self::Reply(ReplyOutcome::Expired, recorded),
            Verdict::NeverHappened => Self::Reply(ReplyOutcome::NeverHappened, recorded),
            Verdict::Unaccounted => Self::attempt_failed(unaccounted(), None, recorded),
            Verdict::Reject => Self::Reject("it is for another operation than its queue"),
            Verdict::Busy | Verdict::Run | Verdict::Resolve | Verdict::Replay => Self::Busy,
        }
    }

    /// The ending with a result from the ledger.
    pub(super) fn replay(op: Op, stored: Stored, recorded: Recorded) -> Self {
        let outcome = match (op, stored) {
            (_, Stored::Applied(Some(output))) => ReplyOutcome::Done(output),
            (Op::Settle, Stored::Applied(None)) => ReplyOutcome::Unknown(too_large()),
            (Op::Action | Op::Compensate, Stored::Applied(None)) => ReplyOutcome::AttemptFailed {
                error: too_large(),
                retry_after: None,
            },
            (Op::Settle, Stored::Rejected(_) | Stored::Blocked) => ReplyOutcome::NeverHappened,
            (Op::Action | Op::Compensate, Stored::Rejected(error)) => ReplyOutcome::Fail(error),
            (Op::Action | Op::Compensate, Stored::Blocked) => ReplyOutcome::Fenced,
        };
        Self::Reply(outcome, recorded)
    }
}

/// An earlier call may have had its effect, and nobody can say.
pub(super) fn unaccounted() -> StepError {
    StepError::new(
        UNACCOUNTED,
        "an earlier call may have taken effect and was not repeated; implement `resolve`, or \
         declare `Repeat::Safe` if the callee honours the idempotency key",
    )
}

/// The output cannot be told.
pub(super) fn too_large() -> StepError {
    StepError::new(
        "output_too_large",
        format!("the operation's output is larger than {OUTPUT_BYTES_MAX} bytes"),
    )
}

/// The output, or `None` when it is larger than a reply can carry.
pub(super) fn fitting(output: Value) -> Option<Arc<Value>> {
    fits(&output, OUTPUT_BYTES_MAX).then(|| Arc::new(output))
}

/// The error, cut to what a reply can carry beside others.
pub(super) fn bounded(mut error: StepError) -> StepError {
    cut(&mut error.code, ERROR_CODE_BYTES_MAX);
    cut(&mut error.message, ERROR_MESSAGE_BYTES_MAX);
    error.details = error
        .details
        .filter(|details| fits(details, ERROR_DETAILS_BYTES_MAX));
    error
}

fn cut(text: &mut String, bytes: usize) {
    text.truncate(text.floor_char_boundary(bytes));
}

fn fits(value: &Value, bytes: usize) -> bool {
    serde_json::to_writer(Room { left: bytes }, value).is_ok()
}

/// Takes that many bytes and then no more.
struct Room {
    left: usize,
}

impl io::Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.left = self
            .left
            .checked_sub(bytes.len())
            .ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
