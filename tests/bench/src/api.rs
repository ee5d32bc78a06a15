//! One connection to the API of an orchestrator.

use anyhow::{Context as _, Result, bail};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::{Duration, sleep};

/// Seconds that the API waits for a saga in one request, at most.
const WAIT_SECONDS: u32 = 60;

/// A connection that is kept open.
#[derive(Debug)]
pub(crate) struct Api {
    authority: String,
    sender: SendRequest<Full<Bytes>>,
}

impl Api {
    pub(crate) async fn connect(authority: &str) -> Result<Self> {
        let stream = TcpStream::connect(authority).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            // It ends with its sender, or says so to the next request.
            let _ended = connection.await;
        });
        Ok(Self {
            authority: authority.to_owned(),
            sender,
        })
    }

    /// Whether a definition is registered.
    pub(crate) async fn knows(&mut self, definition: &str) -> Result<bool> {
        let path = format!("/v1/definitions/{definition}/latest");
        let (status, _) = self.send(Method::GET, &path, String::new()).await?;
        Ok(status == StatusCode::OK)
    }

    /// Starts a saga, and returns its id. One that is not let in is asked for again.
    pub(crate) async fn start(&mut self, body: String) -> Result<String> {
        let (mut status, mut answer) = self.send(Method::POST, "/v1/sagas", body.clone()).await?;
        while status == StatusCode::TOO_MANY_REQUESTS {
            let problem: Value = serde_json::from_slice(&answer)?;
            let seconds = problem["retry_after_seconds"].as_u64();
            sleep(Duration::from_secs(
                seconds.context("a time to come again")?,
            ))
            .await;
            (status, answer) = self.send(Method::POST, "/v1/sagas", body.clone()).await?;
        }
        if status != StatusCode::CREATED {
            let answer = String::from_utf8_lossy(&answer);
            bail!("a start was answered {status}: {answer}");
        }
        let answer: Value = serde_json::from_slice(&answer)?;
        let id = answer["id"].as_str().context("a start without an id")?;
        Ok(id.to_owned())
    }

    /// Waits until a saga has ended, and makes sure that it completed.
    pub(crate) async fn wait(&mut self, saga: &str) -> Result<()> {
        let path = format!("/v1/sagas/{saga}?wait={WAIT_SECONDS}");
        let (status, answer) = self.send(Method::GET, &path, String::new()).await?;
        let answer: Value = serde_json::from_slice(&answer)?;
        if status != StatusCode::OK || answer["status"] != "completed" {
            bail!("saga {saga} was to complete, and is {}", answer["status"]);
        }
        Ok(())
    }

    /// Sagas that have come to an end since the orchestrator started.
    pub(crate) async fn closed(&mut self) -> Result<u64> {
        let (_, text) = self.send(Method::GET, "/metrics", String::new()).await?;
        let text = String::from_utf8(text.into())?;
        let lines = text
            .lines()
            .filter(|line| line.starts_with("amends_sagas_closed_total{"));
        let values = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok());
        Ok(values.sum())
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: String,
    ) -> Result<(StatusCode, Bytes)> {
        self.sender.ready().await?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.authority)
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)))?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }
}
