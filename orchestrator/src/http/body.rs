//! What comes in the body of a request: read in one way, refused in one way.

use axum::body::Bytes;
use axum::extract::{FromRequest, OptionalFromRequest, Request};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::problem::Problem;
use super::router::Api;

/// A body in JSON, whatever its media type says. As an `Option` it may be empty.
#[derive(Debug)]
pub(super) struct Sent<T>(pub(super) T);

/// A body that is text.
#[derive(Debug)]
pub(super) struct Text(pub(super) String);

/// What a verb takes that is told nothing. Whoever sends a field means something by it, so it is
/// refused as everywhere and not passed over.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NothingToSay {}

impl<T: DeserializeOwned> FromRequest<Api> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        read(&Bytes::from_request(request, api).await?).map(Self)
    }
}

impl<T: DeserializeOwned> OptionalFromRequest<Api> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Option<Self>, Problem> {
        let body = Bytes::from_request(request, api).await?;
        if body.is_empty() {
            return Ok(None);
        }
        read(&body).map(|it| Some(Self(it)))
    }
}

impl FromRequest<Api> for Text {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        Ok(Self(String::from_request(request, api).await?))
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body)
        .map_err(|error| Problem::bad_request(format!("the body is not a request: {error}")))
}
