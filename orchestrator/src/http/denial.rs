//! Why somebody is not let in, as an answer.

use axum::http::StatusCode;

use super::problem::Problem;
use super::problem_kind::Kind;
use crate::auth::Denied;

impl From<Denied> for Problem {
    fn from(error: Denied) -> Self {
        let detail = crate::chain(&error);
        match error {
            Denied::NoToken => Self::new(Kind::Unauthenticated, detail),
            Denied::Unreadable | Denied::UnknownToken | Denied::Expired(_) | Denied::Refused(_) => {
                Self::new(Kind::InvalidToken, detail)
            }
            Denied::NoRole(_) => Self::new(Kind::Forbidden, detail),
            Denied::Store(error) => error.as_ref().into(),
            Denied::Keys(_) => Self::new(Kind::KeysUnavailable, detail),
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
