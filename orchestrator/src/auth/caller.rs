//! Who asks.

use super::role::Role;

/// Role in the audit log of those whom nobody has asked who they are.
pub const NO_ROLE: &str = "none";

/// Name of those who say none.
const UNKNOWN: &str = "unknown";

/// Whoever a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// No authentication is configured: anybody on this machine, who may do anything.
    Anybody,
    /// Somebody whose token is good.
    Known {
        /// The token's name, or what the identity provider calls them.
        name: String,
        /// What they may do.
        role: Role,
    },
}

impl Caller {
    /// Whether they may do what takes this role.
    #[must_use]
    pub fn may(&self, needed: Role) -> bool {
        match self {
            Self::Anybody => true,
            Self::Known { role, .. } => *role >= needed,
        }
    }

    /// Who it was, for histories: as authentication knows them, and only where it knows nobody as
    /// they say.
    #[must_use]
    pub fn name<'a>(&'a self, claimed: Option<&'a str>) -> &'a str {
        match self {
            Self::Anybody => claimed.unwrap_or(UNKNOWN),
            Self::Known { name, .. } => name,
        }
    }

    /// For whom they say that they ask, when that is somebody else.
    #[must_use]
    pub fn on_behalf_of<'a>(&self, claimed: Option<&'a str>) -> Option<&'a str> {
        match self {
            Self::Anybody => None,
            Self::Known { name, .. } => claimed.filter(|claimed| claimed != name),
        }
    }

    /// The word for what they may do.
    #[must_use]
    pub const fn role(&self) -> &'static str {
        match self {
            Self::Anybody => NO_ROLE,
            Self::Known { role, .. } => role.as_str(),
        }
    }
}
