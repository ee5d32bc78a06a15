//! What an orchestrator answered, and what that means when it did not do what it was asked.

use std::time::Duration;

use hyper::StatusCode;
use hyper::body::Bytes;
use orchestrator::http::Problem;

use crate::failure::{Failure, Kind};

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// When to ask again, where it says so.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) bytes: Bytes,
}

impl Answer {
    /// What it holds, when what was asked is done.
    pub(crate) fn done(self) -> Result<(StatusCode, Bytes), Failure> {
        if self.status.is_success() {
            return Ok((self.status, self.bytes));
        }
        Err(self.refusal())
    }

    /// A problem document as a failure.
    pub(crate) fn refusal(&self) -> Failure {
        let failure = refused(self.status, &self.bytes);
        match self.retry_after {
            Some(after) if self.status == StatusCode::TOO_MANY_REQUESTS => failure.again(after),
            Some(_) | None => failure,
        }
    }
}

fn refused(status: StatusCode, bytes: &[u8]) -> Failure {
    match serde_json::from_slice::<Problem>(bytes) {
        Ok(problem) => refusal(status, problem),
        Err(_) => Failure::new(
            kind_of(status),
            format!("the orchestrator answered {status}"),
        ),
    }
}

const fn kind_of(status: StatusCode) -> Kind {
    match status {
        StatusCode::NOT_FOUND => Kind::NotFound,
        StatusCode::CONFLICT
        | StatusCode::PRECONDITION_FAILED
        | StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN => Kind::Refused,
        StatusCode::BAD_REQUEST => Kind::Usage,
        _ => Kind::Error,
    }
}

/// A problem document as a failure.
pub(crate) fn refusal(status: StatusCode, problem: Problem) -> Failure {
    let kind = kind_of(status);
    if !problem.obstacles.is_empty() {
        let obstacles = problem.obstacles.iter();
        let obstacles = obstacles.map(|one| format!("\n  {one}"));
        let message = format!("it cannot move:{}", obstacles.collect::<String>());
        return Failure::new(kind, message);
    }
    if status == StatusCode::UNAUTHORIZED {
        return Failure::new(kind, problem.detail)
            .help("put a token into AMENDS_TOKEN; `amends token create` makes one");
    }
    if problem.errors.is_empty() {
        return Failure::new(kind, problem.detail);
    }
    let mut message = problem.title.into_string();
    for error in problem.errors {
        message.push_str(&format!("\n  {}: {}", error.pointer, error.message));
    }
    Failure::new(kind, message)
}
