//! The proof that an answer may be sent.

/// What an answer says is on disk, or there is nothing that would have to be.
///
/// Only the ledger makes these. An answer cannot be sent without one, and a delivery cannot be
/// acknowledged without a sent answer.
#[derive(Debug, Clone, Copy)]
#[must_use = "an answer that is not sent leaves its delivery unsettled"]
pub struct Recorded(());

impl Recorded {
    /// The ledger has committed what the answer says, or has read it committed.
    pub(super) const fn committed() -> Self {
        Self(())
    }

    /// Nothing was begun, so nothing needs to be on disk: the delivery only moves on, or its
    /// answer claims no knowledge of an effect.
    pub(crate) const fn nothing_to_record() -> Self {
        Self(())
    }
}
