//! Talks to the orchestrator's API.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::http::{HeaderValue, request};
use hyper::{Method, Request, Response, StatusCode, Uri, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use orchestrator::auth::is_loopback;
use orchestrator::http::Problem;
use rustls::{ClientConfig, RootCertStore};
use serde::de::DeserializeOwned;

use crate::answer::Answer;
use crate::endpoint::{Endpoint, Token};
use crate::event_stream::EventStream;
use crate::failure::{Failure, Kind};

/// Larger answers are refused, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// An orchestrator that has not answered by then is given up. It holds a request for a minute at
/// most.
const ANSWER_WITHIN: Duration = Duration::from_secs(90);

/// The API of one orchestrator.
#[derive(Debug, Clone)]
pub struct Client {
    server: String,
    http: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    authorization: Option<HeaderValue>,
    answer_within: Duration,
}

impl Client {
    /// A client for this API, asking as whom it says. Nothing is sent yet.
    pub fn new(endpoint: &Endpoint) -> Result<Self, Failure> {
        let server = &endpoint.url;
        let wrong = |why: &str| {
            let message = format!("`{server}` is no URL of an orchestrator: {why}");
            Failure::new(Kind::Usage, message).help("write --server http://127.0.0.1:7600")
        };
        let server = server.trim_end_matches('/');
        let uri: Uri = server.parse().map_err(|_| wrong("it cannot be read"))?;
        let encrypted = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(wrong("it must begin with http:// or https://")),
        };
        let host = uri.host().ok_or_else(|| wrong("it names no host"))?;
        let token = endpoint.token.as_ref().map(Token::reveal);
        let token = token.filter(|token| !token.is_empty());
        let private = encrypted || is_loopback(host) || endpoint.token_unencrypted;
        if token.is_some() && !private {
            let message = format!("the token would cross the network to {host} unencrypted");
            return Err(Failure::new(Kind::Refused, message)
                .help("name the server as https://…, or say --token-unencrypted"));
        }
        Ok(Self {
            server: server.to_owned(),
            http: legacy::Client::builder(TokioExecutor::new())
                .pool_max_idle_per_host(0)
                .build(connector(encrypted)?),
            authorization: token.map(authorization).transpose()?,
            answer_within: ANSWER_WITHIN,
        })
    }

    /// The same API, given up earlier: whoever has only so much time wants to hear by then that there is
    /// no answer.
    #[must_use]
    pub fn answering_within(&self, limit: Duration) -> Self {
        Self {
            answer_within: self.answer_within.min(limit),
            ..self.clone()
        }
    }

    /// A client without a token for the API at this URL.
    pub fn at(url: &str) -> Result<Self, Failure> {
        Self::new(&Endpoint {
            url: url.to_owned(),
            token: None,
            token_unencrypted: false,
        })
    }

    /// The URL of the API.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Gets a document.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.call(Method::GET, path, Bytes::new())
            .await
            .map(|(_, answer)| answer)
    }

    /// Gets text.
    pub async fn get_text(&self, path: &str) -> Result<String, Failure> {
        let answer = self.exchange(Method::GET, path, Bytes::new()).await?;
        let bytes = answer.done()?.1;
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
        let answer = self.exchange(Method::POST, path, body.into()).await?;
        if answer.status.is_success() {
            return self.read(path, &answer.bytes).map(Ok);
        }
        match serde_json::from_slice::<Problem>(&answer.bytes) {
            Ok(problem) => Ok(Err(problem)),
            Err(_) => Err(answer.refusal()),
        }
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(StatusCode, T), Failure> {
        let (status, bytes) = self.exchange(method, path, body).await?.done()?;
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
            .header(header::ACCEPT, "text/event-stream");
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        // Events come for as long as the saga moves; only their beginning is waited for.
        let sending = self.send(request, &path, Bytes::new());
        let response = self.within(sending).await?;
        if response.status() == StatusCode::OK {
            return Ok(Some(EventStream::new(response.into_body())));
        }
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        Err(self.within(self.whole(response)).await?.refusal())
    }

    async fn exchange(&self, method: Method, path: &str, body: Bytes) -> Result<Answer, Failure> {
        let request = Request::builder()
            .method(method)
            .header(header::ACCEPT, "application/json");
        // On the heap: a future that waits for several answers at once would hold it for each.
        let asked = Box::pin(async {
            let response = self.send(request, path, body).await?;
            self.whole(response).await
        });
        self.within(asked).await
    }

    /// What is asked, or that no answer came in time. It may have been heard.
    async fn within<T>(
        &self,
        asked: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let answer = tokio::time::timeout(self.answer_within, asked).await;
        answer.unwrap_or_else(|_| {
            let (server, seconds) = (&self.server, self.answer_within.as_secs_f64());
            let message = format!("{server} has not answered within {seconds:.0} s");
            Err(Failure::error(message)
                .help("what was asked may have been done; look before asking again"))
        })
    }

    /// Sends a request on a connection of its own.
    async fn send(
        &self,
        mut request: request::Builder,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, Failure> {
        request = request.uri(format!("{}{path}", self.server));
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let request = request
            .body(Full::new(body))
            .map_err(|error| Failure::because("the request cannot be made", &error))?;
        let answer = self.http.request(request).await;
        answer.map_err(|error| match error.source() {
            // Its own words only say that it could not connect.
            Some(cause) if error.is_connect() => self.gone(cause).unsent(),
            Some(_) | None => self.gone(&error),
        })
    }

    async fn whole(&self, response: Response<Incoming>) -> Result<Answer, Failure> {
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX);
        let collected = body.collect().await.map_err(|error| self.gone(&*error))?;
        let retry_after = head.headers.get(header::RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
        Ok(Answer {
            status: head.status,
            retry_after: retry_after.map(Duration::from_secs),
            bytes: collected.to_bytes(),
        })
    }

    fn gone(&self, error: &(dyn Error + 'static)) -> Failure {
        let message = format!("no orchestrator answers at {}", self.server);
        Failure::because(&message, error)
            .help("start one with `amends dev` or `amends serve`, or name it with --server")
    }
}

/// How to connect: with TLS, certificates are checked against the system's roots.
fn connector(encrypted: bool) -> Result<HttpsConnector<HttpConnector>, Failure> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let builder = HttpsConnectorBuilder::new();
    if encrypted {
        let builder = builder.with_provider_and_native_roots(provider);
        let builder = builder.map_err(|error| {
            Failure::because("the system's certificates cannot be read", &error)
                .help("install ca-certificates, or set SSL_CERT_FILE")
        })?;
        return Ok(builder.https_only().enable_http1().build());
    }
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::because("TLS cannot be prepared", &error))?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let builder = builder.with_tls_config(config);
    Ok(builder.https_or_http().enable_http1().build())
}

/// The header that says who asks. What is wrong with a token is said without showing it.
fn authorization(token: &str) -> Result<HeaderValue, Failure> {
    let value = HeaderValue::from_str(&format!("Bearer {token}"));
    let mut value = value.map_err(|_| {
        Failure::new(Kind::Usage, "the token has characters that no token has")
            .help("give it as `amends token create` printed it")
    })?;
    value.set_sensitive(true);
    Ok(value)
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

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio::time::Instant;

    use super::*;

    /// The system takes the connection, as it does for a process that is stopped.
    #[tokio::test(start_paused = true)]
    async fn a_server_that_says_nothing_is_given_up() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        let client = Client::at(&url).unwrap();
        let asked = Instant::now();
        let failure = client.get_text("/metrics").await.unwrap_err();
        assert!(failure.message().contains("within 90 s"), "{failure}");
        assert!(!failure.is_unsent(), "it may have been heard");
        assert!(asked.elapsed() >= ANSWER_WITHIN);
        let posted = client.try_post::<Problem>("/v1/sagas", Vec::new()).await;
        assert!(posted.is_err_and(|failure| failure.message().contains("within 90 s")));
        let followed = client.follow("0193594e", None).await;
        assert!(followed.is_err_and(|failure| failure.message().contains("within 90 s")));
        let (hasty, asked) = (
            client.answering_within(Duration::from_secs(7)),
            Instant::now(),
        );
        let failure = hasty.get_text("/metrics").await.unwrap_err();
        assert!(failure.message().contains("within 7 s"), "{failure}");
        assert!(asked.elapsed() < ANSWER_WITHIN);
    }

    /// An answer that begins and never ends is none.
    #[tokio::test(start_paused = true)]
    async fn an_answer_that_does_not_end_is_given_up() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

        let slow = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", slow.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            let (mut stream, _) = slow.accept().await.unwrap();
            assert!(stream.read_u8().await.is_ok(), "a request");
            let head = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n";
            stream.write_all(head).await.unwrap();
            std::future::pending::<()>().await;
        });
        let client = Client::at(&url).unwrap();
        let failure = client.get_text("/metrics").await.unwrap_err();
        assert!(failure.message().contains("within 90 s"), "{failure}");
        serving.abort();
    }
}
