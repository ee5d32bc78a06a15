//! Which role every path of the API takes, and what the audit log calls what is done there.

use axum::http::Method;

use super::route::Route;
use super::routes::routes;
use crate::auth::Role::{self, Viewer};

/// Who may go there, and what is written down of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Anybody, always: it says nothing of sagas.
    Open,
    /// Viewers, or anybody where the settings say so.
    Metrics,
    /// Whoever has the role. Nothing changes.
    Look(Role),
    /// Whoever has the role. What changes is an event of its saga, and there are too many for a log
    /// that is one chain; the name is for those who were denied.
    Change(Role, &'static str),
    /// Whoever has the role; the audit log says who did it.
    Audited(Role, &'static str),
}

impl Access {
    /// The role that it takes; none where anybody may.
    pub(super) const fn role(self) -> Option<Role> {
        match self {
            Self::Open => None,
            Self::Metrics => Some(Viewer),
            Self::Look(role) | Self::Change(role, _) | Self::Audited(role, _) => Some(role),
        }
    }

    /// What it is called where it changes something.
    pub(super) const fn verb(self) -> Option<&'static str> {
        match self {
            Self::Open | Self::Metrics | Self::Look(_) => None,
            Self::Change(_, verb) | Self::Audited(_, verb) => Some(verb),
        }
    }

    /// Whether the audit log has it.
    pub(super) const fn is_audited(self) -> bool {
        matches!(self, Self::Audited(..))
    }
}

/// What a path takes, for documents and tests.
#[derive(Debug, Clone)]
pub struct Permission {
    /// The method.
    pub method: Method,
    /// The path, with names in braces.
    pub path: &'static str,
    /// The role that it takes; none where anybody may.
    pub role: Option<Role>,
    /// What it is called where it changes something.
    pub verb: Option<&'static str>,
    /// The audit log has it.
    pub audited: bool,
}

/// What every path of the API takes.
#[must_use]
pub fn permissions() -> Vec<Permission> {
    let permission = |route: Route| Permission {
        method: route.method,
        path: route.path,
        role: route.access.role(),
        verb: route.access.verb(),
        audited: route.access.is_audited(),
    };
    routes().into_iter().map(permission).collect()
}
