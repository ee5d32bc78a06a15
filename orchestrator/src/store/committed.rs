//! Proof that a decision is on disk.

use broker::receipt::Durable;

/// Only this module's stores make one, after a commit or from a freshly loaded row, and every
/// acknowledgement asks for one.
#[derive(Debug, Clone, Copy)]
pub struct Committed(());

impl Committed {
    /// The store has committed, or has just read what it judged against.
    pub(in crate::store) const fn new() -> Self {
        Self(())
    }
}

impl Durable for Committed {}
