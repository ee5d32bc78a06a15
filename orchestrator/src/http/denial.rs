//! Why somebody is not let in, as an answer.

use axum::http::StatusCode;

use super::problem::Problem;
use crate::auth::Denied;

impl From<Denied> for Problem {
    fn from(error: Denied) -> Self {
        let detail = crate::chain(&error);
        let unauthorized = StatusCode::UNAUTHORIZED;
        match error {
            Denied::NoToken => {
                let title = "Nobody may do this unnamed";
                Self::new(unauthorized, "unauthenticated", title, detail)
            }
            Denied::Unreadable | Denied::UnknownToken | Denied::Expired(_) | Denied::Refused(_) => {
                let title = "The token does not hold";
                Self::new(unauthorized, "invalid_token", title, detail)
            }
            Denied::NoRole(_) => Self::forbidden(detail),
            Denied::Store(error) => error.into(),
            Denied::Keys(_) => {
                let title = "The identity provider is away";
                let status = StatusCode::SERVICE_UNAVAILABLE;
                Self::new(status, "keys_unavailable", title, detail)
            }
        }
    }
}

impl Problem {
    /// Whether it is about who asks, and not about what is asked.
    #[must_use]
    pub fn is_denial(&self) -> bool {
        let status = StatusCode::from_u16(self.status);
        matches!(status, Ok(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN))
    }

    /// They have not the role that it takes.
    pub(super) fn forbidden(detail: impl Into<Box<str>>) -> Self {
        let title = "That takes another role";
        Self::new(StatusCode::FORBIDDEN, "forbidden", title, detail)
    }

    /// A request that a browser was made to send.
    pub(super) fn foreign(detail: impl Into<Box<str>>) -> Self {
        let title = "The API is for this machine";
        Self::new(StatusCode::FORBIDDEN, "foreign_origin", title, detail)
    }

    /// What a client may do about it, in the words of RFC 6750.
    pub(super) fn challenge(&self) -> Option<&'static str> {
        match &*self.code {
            "unauthenticated" => Some("Bearer realm=\"amends\""),
            "invalid_token" => Some("Bearer realm=\"amends\", error=\"invalid_token\""),
            "forbidden" => Some("Bearer realm=\"amends\", error=\"insufficient_scope\""),
            _ => None,
        }
    }
}
