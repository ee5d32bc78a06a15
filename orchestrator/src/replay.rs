//! Replays dead letters: each becomes an input of its saga as that is now, or is refused with the
//! reason. No message is ever published again as it was.

use broker::envelope::replies::{self, ReplyItem};
use broker::envelope::{Address, child, command, signal, start};
use broker::message::{Incoming, Properties};
use bytes::Bytes;
use saga_core::decide::decide;
use saga_core::decision::Outcome;
use saga_core::ids::{MessageId, SagaId};
use saga_core::input::{DeadLetter, Input};
use saga_core::operator::By;
use saga_core::resend::{self, MovedOn, Resend};
use saga_core::saga::Saga;
use saga_core::time::Timestamp;
use saga_core::values::Values;
use serde_json::Value;
use uuid::Uuid;

use crate::catalog::CatalogError;
use crate::engine::{Engine, OperateError};
use crate::inbound::{self, NotStarted};
use crate::signals;
use crate::store::{Handling, LetterFilter, LetterRecord, PAGE_ROWS_MAX, StoreError};

/// What was done with a letter, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// What.
    pub how: How,
    /// The saga that was told.
    pub saga: Option<SagaId>,
    /// The step that it is about.
    pub step: Option<String>,
    /// Other letters of the same command, which are handled with it.
    pub with: Vec<Uuid>,
}

/// What a replay does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The command is sent once more under the same attempt.
    Resent,
    /// The step, or its undo, is tried again.
    Retried,
    /// The message can be read now, and counts as if it had come just now.
    Applied,
    /// Nothing; it is only written down.
    Dropped,
}

impl How {
    /// The word in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resent => "resent",
            Self::Retried => "retried",
            Self::Applied => "applied",
            Self::Dropped => "dropped",
        }
    }
}

/// Why a letter was not handled. It is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// There is none.
    #[error("there is no dead letter {0}")]
    NoLetter(Uuid),
    /// Somebody was there before.
    #[error("it was {} at {at} by {who}", how.as_str())]
    Handled {
        /// What was done.
        how: Handling,
        /// When.
        at: Timestamp,
        /// By whom.
        who: String,
    },
    /// Its saga has no use for it any more.
    #[error("{0}; `drop` it")]
    MovedOn(MovedOn),
    /// Its saga has no use for the answer.
    #[error("the saga has no use for it, {0}; `drop` it")]
    NoUse(String),
    /// It can no more be read than before.
    #[error("it cannot be read, so it can only be dropped: {0}")]
    Unreadable(String),
    /// It is of a kind that is not replayed.
    #[error("it can only be dropped: {0}")]
    OnlyDropped(&'static str),
    /// The saga, or what would become one, refuses it.
    #[error("{0}")]
    Refused(String),
    /// The saga's answer.
    #[error(transparent)]
    Operate(#[from] OperateError),
    /// The saga's definition cannot be had.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What to tell whom.
enum Plan {
    /// A saga, with an input.
    Tell(SagaId, Input, Replayed),
    /// Several answers in one message.
    Answers(Vec<ReplyItem>),
    /// A saga is to be started.
    Start(Incoming, start::StartMessage),
}

/// Replays a letter, or says what that would do.
///
/// # Errors
/// Why not.
pub async fn replay(
    engine: &Engine,
    id: Uuid,
    by: &By,
    dry_run: bool,
) -> Result<Replayed, ReplayError> {
    let letter = open_letter(engine, id).await?;
    let plan = plan(engine, &letter, by).await?;
    let told_at = engine.shared().store.now();
    let mut done = match plan {
        Plan::Tell(_, _, mut would) if dry_run => {
            would.with = siblings(engine, &letter, told_at).await?;
            return Ok(would);
        }
        Plan::Answers(answers) if dry_run => return Ok(applied(answers.first())),
        Plan::Start(..) if dry_run => return Ok(applied(None)),
        Plan::Tell(saga, input, done) => {
            engine.replay(saga, input).await?;
            done
        }
        Plan::Answers(answers) => {
            let done = applied(answers.first());
            for answer in answers {
                engine
                    .replay(answer.saga, Input::Reply(answer.reply))
                    .await?;
            }
            done
        }
        Plan::Start(message, start) => {
            inbound::begin(engine, &message, &start)
                .await
                .map_err(not_started)?;
            applied(None)
        }
    };
    // Should this be lost, the next replay finds that the saga has moved on.
    let store = &engine.shared().store;
    store.handle_letter(id, Handling::Replayed, by).await?;
    done.with = siblings(engine, &letter, told_at).await?;
    for other in &done.with {
        store.handle_letter(*other, Handling::Replayed, by).await?;
    }
    Ok(done)
}

/// A command and the probe that followed it leave two letters. Replaying one is for both, and the
/// other would be refused from then on.
async fn siblings(
    engine: &Engine,
    letter: &LetterRecord,
    told_at: Timestamp,
) -> Result<Vec<Uuid>, ReplayError> {
    let Some(about) = round_of(letter) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    let store = &engine.shared().store;
    let filter = LetterFilter {
        saga: letter.summary.saga,
        limit: PAGE_ROWS_MAX,
        ..LetterFilter::default()
    };
    for other in store.dead_letters(&filter).await?.letters {
        // What has come since the saga was told is a failure of its own.
        if other.id == letter.summary.id || other.received_at >= told_at {
            continue;
        }
        let record = store.dead_letter(other.id).await?;
        if record.as_ref().and_then(round_of) == Some(about.clone()) {
            found.push(other.id);
        }
    }
    Ok(found)
}

/// Which round of which piece of work a command's letter is about, and at which attempt.
fn round_of(letter: &LetterRecord) -> Option<Address> {
    command::address(&message_of(letter)).ok()
}

/// Writes down that nothing is done with a letter.
///
/// # Errors
/// Why not.
pub async fn give_up(
    engine: &Engine,
    id: Uuid,
    by: &By,
    dry_run: bool,
) -> Result<Replayed, ReplayError> {
    let letter = open_letter(engine, id).await?;
    let store = &engine.shared().store;
    if !dry_run && !store.handle_letter(id, Handling::Dropped, by).await? {
        open_letter(engine, id).await?;
    }
    Ok(Replayed {
        how: How::Dropped,
        saga: letter.summary.saga,
        step: None,
        with: Vec::new(),
    })
}

async fn open_letter(engine: &Engine, id: Uuid) -> Result<LetterRecord, ReplayError> {
    let letter = engine.shared().store.dead_letter(id).await?;
    let letter = letter.ok_or(ReplayError::NoLetter(id))?;
    match letter.summary.handled {
        Some(handled) => Err(ReplayError::Handled {
            how: handled.how,
            at: handled.at,
            who: handled.by.who,
        }),
        None => Ok(letter),
    }
}

async fn plan(engine: &Engine, letter: &LetterRecord, by: &By) -> Result<Plan, ReplayError> {
    let message = message_of(letter);
    match message.properties.kind.as_str() {
        command::KIND => command_again(engine, letter, &message, by).await,
        replies::KIND => answers_now(engine, &message).await,
        start::KIND => match start::decode(&message) {
            Ok(start) => Ok(Plan::Start(message, start)),
            Err(error) => Err(ReplayError::Unreadable(crate::chain(&error))),
        },
        signal::KIND => signal_now(engine, &message).await,
        child::KIND => Err(ReplayError::OnlyDropped(
            "what a step asks of a child saga is sent again by `amends reconcile`",
        )),
        _ => Err(ReplayError::OnlyDropped(
            "nobody takes messages of this type",
        )),
    }
}

/// The message as it came. Answers that came apart from their message are put into one again.
fn message_of(letter: &LetterRecord) -> Incoming {
    // Answers that the store could not take were kept without any properties.
    let properties = serde_json::from_value(letter.properties.clone());
    let properties = properties.unwrap_or_else(|_| Properties {
        kind: replies::KIND.to_owned(),
        ..Properties::default()
    });
    let mut body = Bytes::copy_from_slice(&letter.body);
    let alone = |body: &[u8]| {
        let read: Result<Value, _> = serde_json::from_slice(body);
        read.is_ok_and(|value| value.get("replies").is_none() && value.get("outcome").is_some())
    };
    if properties.kind == replies::KIND && alone(&body) {
        body = [br#"{"replies":["#, &*body, b"]}"].concat().into();
    }
    Incoming {
        properties,
        body,
        redelivered: false,
        death: None,
    }
}

async fn command_again(
    engine: &Engine,
    letter: &LetterRecord,
    message: &Incoming,
    by: &By,
) -> Result<Plan, ReplayError> {
    let about =
        command::address(message).map_err(|error| ReplayError::Unreadable(crate::chain(&error)))?;
    let saga = find(engine, about.saga).await?;
    let shared = engine.shared();
    let definition = shared.catalog.get(&saga.definition).await?;
    let sent: Option<MessageId> = message.properties.message_id.parse().ok();
    let step = about.key.to_string();
    let dead = DeadLetter {
        key: about.key,
        op: about.op,
        round: about.round,
        attempt: about.attempt,
        command: sent.map(|id| id.seq),
        reason: letter.summary.reason.clone(),
    };
    let resend = resend::judge(&definition, &saga, &dead, by, shared.store.now())
        .map_err(ReplayError::MovedOn)?;
    let how = match &resend {
        Resend::Again(_) => How::Resent,
        Resend::Retry(_) => How::Retried,
    };
    let done = Replayed {
        how,
        saga: Some(about.saga),
        step: Some(step),
        with: Vec::new(),
    };
    Ok(Plan::Tell(about.saga, resend.input(), done))
}

/// Every answer of the message, if all can be read and their sagas want them.
async fn answers_now(engine: &Engine, message: &Incoming) -> Result<Plan, ReplayError> {
    let items =
        replies::decode(message).map_err(|error| ReplayError::Unreadable(crate::chain(&error)))?;
    let mut answers = Vec::new();
    for item in items {
        let item = item.map_err(|error| ReplayError::Unreadable(crate::chain(&error)))?;
        let saga = find(engine, item.saga).await?;
        wanted(engine, &saga, &Input::Reply(item.reply.clone())).await?;
        answers.push(item);
    }
    Ok(Plan::Answers(answers))
}

async fn signal_now(engine: &Engine, message: &Incoming) -> Result<Plan, ReplayError> {
    let envelope =
        signal::decode(message).map_err(|error| ReplayError::Unreadable(crate::chain(&error)))?;
    let id = signals::find(engine, &envelope.to).await?;
    let id = id.ok_or_else(|| ReplayError::NoUse("which does not exist".to_owned()))?;
    let saga = find(engine, id).await?;
    let input = Input::Signal(envelope.signal);
    wanted(engine, &saga, &input).await?;
    let done = Replayed {
        saga: Some(id),
        ..applied(None)
    };
    Ok(Plan::Tell(id, input, done))
}

/// Whether the saga would take it.
async fn wanted(engine: &Engine, saga: &Saga, input: &Input) -> Result<(), ReplayError> {
    let shared = engine.shared();
    let definition = shared.catalog.get(&saga.definition).await?;
    let now = shared.store.now();
    match decide(&definition, saga, &Values::default(), input, now) {
        Outcome::Applied(_) | Outcome::Needs(_) => Ok(()),
        Outcome::Ignored(why) => Err(ReplayError::NoUse(why.as_str().replace('_', " "))),
        Outcome::Refused(why) => Err(ReplayError::NoUse(why.to_string())),
        Outcome::Illegal(why) => Err(ReplayError::NoUse(why)),
    }
}

async fn find(engine: &Engine, id: SagaId) -> Result<Saga, ReplayError> {
    let (sagas, _) = engine.shared().store.load(&[id]).await?;
    let saga = sagas.into_iter().next();
    saga.ok_or_else(|| ReplayError::NoUse(format!("there is no saga {id}")))
}

fn applied(answer: Option<&ReplyItem>) -> Replayed {
    Replayed {
        how: How::Applied,
        saga: answer.map(|item| item.saga),
        step: answer.map(|item| item.reply.key.to_string()),
        with: Vec::new(),
    }
}

fn not_started(error: NotStarted) -> ReplayError {
    match error {
        NotStarted::Refused(_, reason) | NotStarted::Later(reason) => ReplayError::Refused(reason),
        NotStarted::Stopping => OperateError::ShuttingDown.into(),
    }
}
