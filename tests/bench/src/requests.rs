//! How sagas are asked for. A share of the full rate means something only where both are asked for alike.

/// What a request that starts sagas holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Requests {
    /// One saga, as of users that come one after the other.
    Single,
    /// Many, as of whoever has many.
    Batched,
}

impl Requests {
    /// Sagas in a request, at most.
    pub(crate) const fn at_once(self) -> u32 {
        match self {
            Self::Single => 1,
            Self::Batched => 32,
        }
    }

    /// Connections that ask. A start is answered when it is stored, so this many requests may be
    /// waiting for a commit.
    pub(crate) const fn connections(self) -> usize {
        match self {
            Self::Single => 256,
            Self::Batched => 32,
        }
    }
}
