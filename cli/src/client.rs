//! Talks to the orchestrator's API.

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::http::request;
use hyper::{Method, Request, Response, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use orchestrator::http::Problem;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;

use crate::event_stream::EventStream;
use crate::failure::{Failure, Kind};

/// Larger answers are refused, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The API of one orchestrator.
#[derive(Debug, Clone)]
pub struct Client {
    server: String,
    authority: String,
    host: String,
    port: u16,
}

impl Client {
    /// A client for the API at this URL. Nothing is sent yet.
    pub fn new(server: &str) -> Result<Self, Failure> {
        let wrong = |why: &str| {
            let message = format!("`{server}` is no URL of an orchestrator: {why}");
            Failure::new(Kind::Usage, message).help("write --server http://127.0.0.1:7600")
        };
        let uri: Uri = server
            .trim_end_matches('/')
            .parse()
            .map_err(|_| wrong("it cannot be read"))?;
        if uri.scheme_str() != Some("http") {
            return Err(wrong("it must begin with http://"));
        }
        let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
        Ok(Self {
            server: server.trim_end_matches('/').to_owned(),
            authority: authority.to_string(),
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port: authority.port_u16().unwrap_or(80),
        })
    }

    /// Gets a document.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.call(Method::GET, path, Bytes::new())
            .await
            .map(|(_, answer)| answer)
    }

    /// Gets text.
    pub async fn get_text(&self, path: &str) -> Result<String, Failure> {
        let (status, bytes) = self.exchange(Method::GET, path, Bytes::new()).await?;
        if !status.is_success() {
            return Err(refused(status, &bytes));
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Posts a body; also returns the status.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: Vec<u8>,
    ) -> Result<(StatusCode, T), Failure> {
        self.call(Method::POST, path, body.into()).await
    }

    /// The same, where a refusal is an answer like any other.
    pub async fn try_post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: Vec<u8>,
    ) -> Result<Result<T, Problem>, Failure> {
        let (status, bytes) = self.exchange(Method::POST, path, body.into()).await?;
        if status.is_success() {
            return self.read(path, &bytes).map(Ok);
        }
        match serde_json::from_slice::<Problem>(&bytes) {
            Ok(problem) => Ok(Err(problem)),
            Err(_) => Err(refused(status, &bytes)),
        }
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(StatusCode, T), Failure> {
        let (status, bytes) = self.exchange(method, path, body).await?;
        if !status.is_success() {
            return Err(refused(status, &bytes));
        }
        Ok((status, self.read(path, &bytes)?))
    }

    fn read<T: DeserializeOwned>(&self, path: &str, bytes: &[u8]) -> Result<T, Failure> {
        serde_json::from_slice(bytes).map_err(|error| {
            let server = &self.server;
            let what = format!("{server}{path} answered what this amends cannot read");
            Failure::because(&what, &error)
        })
    }

    /// Follows what happens to a saga, after the event with this number; `None` when it is over and
    /// nothing comes after that.
    pub async fn follow(
        &self,
        saga: &str,
        after: Option<u64>,
    ) -> Result<Option<EventStream>, Failure> {
        let path = format!("/v1/sagas/{saga}/events");
        let mut request = Request::builder()
            .method(Method::GET)
            .uri(&path)
            .header(header::ACCEPT, "text/event-stream");
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        let (response, driver) = self.send(request, Bytes::new()).await?;
        if response.status() == StatusCode::OK {
            return Ok(Some(EventStream::new(response.into_body(), driver)));
        }
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        let status = response.status();
        let bytes = self.whole(response.into_body()).await?;
        Err(refused(status, &bytes))
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), Failure> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::ACCEPT, "application/json");
        let (response, _driver) = self.send(request, body).await?;
        let status = response.status();
        let bytes = self.whole(response.into_body()).await?;
        Ok((status, bytes))
    }

    /// Sends a request on a connection of its own, which ends with its driver.
    async fn send(
        &self,
        request: request::Builder,
        body: Bytes,
    ) -> Result<(Response<Incoming>, AbortOnDropHandle<hyper::Result<()>>), Failure> {
        let stream = TcpStream::connect((self.host.as_str(), self.port))
            .await
            .map_err(|error| self.gone(&error))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.gone(&error))?;
        let driver = AbortOnDropHandle::new(tokio::spawn(connection));
        let request = request
            .header(header::HOST, &self.authority)
            .body(Full::new(body))
            .map_err(|error| Failure::because("the request cannot be made", &error))?;
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| self.gone(&error))?;
        Ok((response, driver))
    }

    async fn whole(&self, body: Incoming) -> Result<Bytes, Failure> {
        let body = Limited::new(body, ANSWER_BYTES_MAX);
        let collected = body.collect().await.map_err(|error| self.gone(&*error))?;
        Ok(collected.to_bytes())
    }

    fn gone(&self, error: &(dyn std::error::Error + 'static)) -> Failure {
        let message = format!("no orchestrator answers at {}", self.server);
        Failure::because(&message, error)
            .help("start one with `amends dev` or `amends serve`, or name it with --server")
    }
}

/// A problem document as a failure.
fn refused(status: StatusCode, bytes: &[u8]) -> Failure {
    let kind = match status {
        StatusCode::NOT_FOUND => Kind::NotFound,
        StatusCode::CONFLICT => Kind::Refused,
        StatusCode::BAD_REQUEST => Kind::Usage,
        _ => Kind::Error,
    };
    match serde_json::from_slice::<Problem>(bytes) {
        Ok(problem) if !problem.obstacles.is_empty() => {
            let obstacles = problem.obstacles.iter();
            let obstacles = obstacles.map(|one| format!("\n  {one}"));
            let message = format!("it cannot move:{}", obstacles.collect::<String>());
            Failure::new(kind, message)
        }
        Ok(problem) if problem.errors.is_empty() => Failure::new(kind, problem.detail),
        Ok(problem) => {
            let mut message = problem.title;
            for error in problem.errors {
                message.push_str(&format!("\n  {}: {}", error.pointer, error.message));
            }
            Failure::new(kind, message)
        }
        Err(_) => Failure::new(kind, format!("the orchestrator answered {status}")),
    }
}

/// A text as one segment of a path, or as a name or value after its `?`.
#[must_use]
pub fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

/// Names and values after the `?` of a path.
#[must_use]
pub fn encode_query(pairs: &[(&str, String)]) -> String {
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    pairs.join("&")
}
