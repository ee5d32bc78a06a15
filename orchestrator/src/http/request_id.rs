//! Every request has a name: in its answer, in logs and in the audit log.

use std::fmt;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;
use uuid::Uuid;

use super::problem::Problem;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// A longer name is not taken over, in bytes.
const ID_BYTES_MAX: usize = 128;

/// What a request is called.
#[derive(Debug, Clone)]
pub(super) struct RequestId(Arc<str>);

impl RequestId {
    /// The one that came with it, if it can stand in a log line; else a new one.
    fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(HEADER).and_then(|value| value.to_str().ok());
        let fits = |id: &&str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+=@".contains(&byte);
            (1..=ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(plain)
        };
        match given.filter(fits) {
            Some(id) => Self(id.into()),
            None => Self(Uuid::now_v7().to_string().into()),
        }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names the request for whatever handles it, and its answer.
pub(super) async fn identify(mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers());
    request.extensions_mut().insert(id.clone());
    let span = tracing::error_span!("request", request.id = %id);
    let mut response = next.run(request).instrument(span).await;
    if let Some(mut problem) = response.extensions_mut().remove::<Problem>() {
        problem.request_id = Some(id.0.as_ref().into());
        if let Ok(body) = serde_json::to_vec(&problem) {
            *response.body_mut() = Body::from(body);
        }
        response.extensions_mut().insert(problem);
    }
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}
