//! Which reply queues there are, and whose they are.

/// Orchestrators that have a reply queue of their own, at most. Those beyond share one.
pub const REPLY_QUEUES_MAX: u32 = 64;

/// The reply queues of single orchestrators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReplyQueues {
    /// The number of the one that belongs to whoever asks. None while somebody else was faster, or
    /// when all are taken.
    pub own: Option<u32>,
    /// There are those from 1 to this number. Answers may wait in each, also where it belongs to
    /// nobody alive.
    pub all: u32,
}
