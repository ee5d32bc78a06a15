//! What of a deployment's exchanges and queues is there, as far as one can see without changing it.

use crate::broker::Depth;

/// One exchange or queue that a deployment needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// What it is.
    pub kind: ItemKind,
    /// Its name.
    pub name: String,
    /// Whether it is there.
    pub condition: Condition,
    /// How full a queue is; `None` for exchanges, and for what is not there.
    pub depth: Option<Depth>,
}

/// What an inspected thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ItemKind {
    /// An exchange.
    Exchange,
    /// A queue.
    Queue,
}

impl ItemKind {
    /// The word in the API and the tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exchange => "exchange",
            Self::Queue => "queue",
        }
    }
}

/// Whether something is there as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// It is, with the arguments that it would be declared with.
    Fine,
    /// It is not there.
    Missing,
    /// It is there with other arguments. The broker's words name the first of them.
    Different(String),
    /// The broker does not let us look; its words.
    Unknown(String),
}
