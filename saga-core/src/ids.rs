//! The names things go by: sagas, steps, actions, messages.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The identity of one saga: a `UUIDv7` minted by the store, so that ids sort by time.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct SagaId(pub Uuid);

impl fmt::Display for SagaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl SagaId {
    /// The id of the child saga of one step, element and round: asking for it again cannot mint a
    /// second child. It has the parent's time, so that both are retired together.
    #[must_use]
    pub fn child(self, key: &StepKey, round: u32) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.0.as_bytes());
        hash.update(key.step.as_str().as_bytes());
        hash.update(key.element.to_be_bytes());
        hash.update(round.to_be_bytes());
        let mut bytes = *self.0.as_bytes();
        let digest = hash.finalize();
        bytes[6..].copy_from_slice(&digest[..10]);
        bytes[6] = 0x70 | (bytes[6] & 0x0f);
        bytes[8] = 0x80 | (bytes[8] & 0x3f);
        Self(Uuid::from_bytes(bytes))
    }
}

impl FromStr for SagaId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        Uuid::parse_str(text).map(Self)
    }
}

/// The id of a step inside its definition, for example `charge`.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct StepName(Arc<str>);

impl StepName {
    /// Wraps a name; the compiler has checked it, and one from outside simply finds no step.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One piece of work of a saga: a step, or one element of a `for_each` step.
///
/// `element` is 0 outside `for_each` and counts from 1 inside it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(from = "String", into = "String")]
pub struct StepKey {
    /// The step's id in the definition.
    pub step: StepName,
    /// 0 outside `for_each`.
    pub element: u32,
}

impl StepKey {
    /// The key of a step that is not split into elements.
    #[must_use]
    pub const fn whole(step: StepName) -> Self {
        Self { step, element: 0 }
    }
}

impl Serialize for StepKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StepKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyText)
    }
}

/// Reads a key from where it stands: a state has one for each of its steps.
struct KeyText;

impl Visitor<'_> for KeyText {
    type Value = StepKey;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a step, or of one of its elements")
    }

    fn visit_str<E>(self, text: &str) -> Result<StepKey, E> {
        Ok(StepKey::parse(text))
    }
}

impl StepKey {
    /// Reads what is displayed, `charge` or `charge[3]`. Anything else is taken for the name of a
    /// step, which then simply does not exist.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let indexed = text
            .strip_suffix(']')
            .and_then(|text| text.rsplit_once('['));
        match indexed.map(|(step, element)| (step, element.parse())) {
            Some((step, Ok(element))) => Self {
                step: StepName::new(step),
                element,
            },
            Some((_, Err(_))) | None => Self::whole(StepName::new(text)),
        }
    }
}

impl fmt::Display for StepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.element {
            0 => f.write_str(self.step.as_str()),
            element => write!(f, "{}[{element}]", self.step),
        }
    }
}

/// What a worker implements: `pool.operation`, for example `payments.charge`.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct ActionName(Arc<str>);

impl ActionName {
    /// The pool of workers, the part before the dot.
    #[must_use]
    pub fn pool(&self) -> &str {
        self.0.split_once('.').map_or(&*self.0, |(pool, _)| pool)
    }

    /// The operation inside the pool, the part after the dot.
    #[must_use]
    pub fn operation(&self) -> &str {
        self.0
            .split_once('.')
            .map_or("", |(_, operation)| operation)
    }

    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ActionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is no `pool.operation`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an action; write pool.operation, each of letters, digits, `_` and `-`")]
pub struct BadActionName(String);

impl FromStr for ActionName {
    type Err = BadActionName;

    fn from_str(text: &str) -> Result<Self, BadActionName> {
        let part = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphabetic())
                && part
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        };
        match text.split_once('.') {
            Some((pool, operation)) if text.len() <= 100 && part(pool) && part(operation) => {
                Ok(Self(text.into()))
            }
            _ => Err(BadActionName(text.to_owned())),
        }
    }
}

impl TryFrom<String> for ActionName {
    type Error = BadActionName;

    fn try_from(text: String) -> Result<Self, BadActionName> {
        text.parse()
    }
}

impl From<ActionName> for String {
    fn from(name: ActionName) -> Self {
        name.0.as_ref().to_owned()
    }
}

/// What a command asks a worker to do with a step.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Do it.
    Action,
    /// Undo it.
    Compensate,
    /// Find out whether it happened, and make sure that it cannot happen later.
    Settle,
}

impl Op {
    /// The word on the wire and in the tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Compensate => "compensate",
            Self::Settle => "settle",
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Op {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "action" => Ok(Self::Action),
            "compensate" => Ok(Self::Compensate),
            "settle" => Ok(Self::Settle),
            other => Err(format!(
                "unknown op `{other}`; it is action, compensate or settle"
            )),
        }
    }
}

/// The stable id of a command: `<saga id>/<event seq>`.
///
/// It is derived from the stored event that caused the command, so doing a decision again cannot
/// mint a second id for the same command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    /// The saga that sends the command.
    pub saga: SagaId,
    /// The sequence number of the event that caused it.
    pub seq: u64,
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.saga, self.seq)
    }
}

impl FromStr for MessageId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a message id; it reads <saga id>/<event seq>");
        let (saga, seq) = text.split_once('/').ok_or_else(wrong)?;
        Ok(Self {
            saga: saga.parse().map_err(|_| wrong())?,
            seq: seq.parse().map_err(|_| wrong())?,
        })
    }
}
