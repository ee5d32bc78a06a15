//! One connection to the API of an orchestrator.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::RETRY_AFTER;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::sleep;

/// Seconds that the API waits for a saga in one request, at most.
const WAIT_SECONDS: u32 = 60;

/// A start that is not let in after this long never will be.
const LET_IN_WITHIN: Duration = Duration::from_mins(2);

/// A saga that has not ended after this long, behind whatever backlog, never will.
const ENDED_WITHIN: Duration = Duration::from_mins(15);

/// What a request to start a saga was answered.
#[derive(Debug)]
pub(crate) enum Answer {
    /// With its id.
    Started(String),
    Refused {
        status: StatusCode,
        /// Whole seconds, where the answer has them.
        retry_after: Option<u64>,
        said: String,
    },
}

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
        let answer = self.send(Method::GET, &path, String::new()).await?;
        Ok(answer.status() == StatusCode::OK)
    }

    /// Starts a saga, and returns its id. One that is not let in is asked for again when the answer
    /// says so.
    pub(crate) async fn start(&mut self, body: String) -> Result<String> {
        let until = Instant::now() + LET_IN_WITHIN;
        loop {
            match self.ask_to_start(body.clone()).await? {
                Answer::Started(id) => return Ok(id),
                Answer::Refused {
                    status: StatusCode::TOO_MANY_REQUESTS,
                    retry_after: Some(seconds),
                    ..
                } if Instant::now() < until => sleep(Duration::from_secs(seconds)).await,
                Answer::Refused { status, said, .. } => {
                    bail!("a start was answered {status}: {said}")
                }
            }
        }
    }

    /// Starts several sagas with one request, and returns their ids in the same order.
    pub(crate) async fn start_many(&mut self, bodies: Vec<String>) -> Result<Vec<String>> {
        let until = Instant::now() + LET_IN_WITHIN;
        let mut ids = vec![String::new(); bodies.len()];
        let mut left: Vec<usize> = (0..bodies.len()).collect();
        loop {
            let wanted: Vec<&str> = left.iter().map(|at| bodies[*at].as_str()).collect();
            let body = format!(r#"{{"sagas":[{}]}}"#, wanted.join(","));
            let answer = self.send(Method::POST, "/v1/sagas/batch", body).await?;
            let status = answer.status();
            let answer: Value = serde_json::from_slice(answer.body())?;
            let (mut refused, mut pause) = (Vec::new(), 0);
            for (place, at) in left.into_iter().enumerate() {
                let became = &answer["sagas"][place];
                if let Some(id) = became["started"]["id"].as_str() {
                    id.clone_into(&mut ids[at]);
                    continue;
                }
                let problem = match status {
                    StatusCode::OK => &became["problem"],
                    _ => &answer,
                };
                match problem["retry_after_seconds"].as_u64() {
                    Some(seconds) if Instant::now() < until => pause = pause.max(seconds),
                    _ => bail!("a start was answered {problem}"),
                }
                refused.push(at);
            }
            if refused.is_empty() {
                return Ok(ids);
            }
            left = refused;
            sleep(Duration::from_secs(pause)).await;
        }
    }

    /// Asks for a saga. That one with its key is there already is as good.
    pub(crate) async fn ask_to_start(&mut self, body: String) -> Result<Answer> {
        let answer = self.send(Method::POST, "/v1/sagas", body).await?;
        let status = answer.status();
        if status != StatusCode::CREATED && status != StatusCode::OK {
            let after = answer.headers().get(RETRY_AFTER);
            return Ok(Answer::Refused {
                status,
                retry_after: after.and_then(|it| it.to_str().ok()?.parse().ok()),
                said: String::from_utf8_lossy(answer.body()).into_owned(),
            });
        }
        let answer: Value = serde_json::from_slice(answer.body())?;
        let id = answer["id"].as_str().context("a start without an id")?;
        Ok(Answer::Started(id.to_owned()))
    }

    /// Waits until a saga has ended, and makes sure that it completed.
    pub(crate) async fn wait(&mut self, saga: &str) -> Result<()> {
        let path = format!("/v1/sagas/{saga}?wait={WAIT_SECONDS}");
        let until = Instant::now() + ENDED_WITHIN;
        loop {
            let answer = self.send(Method::GET, &path, String::new()).await?;
            let status = answer.status();
            let answer: Value = serde_json::from_slice(answer.body())?;
            let is = &answer["status"];
            if status == StatusCode::OK && is == "completed" {
                return Ok(());
            }
            if status != StatusCode::OK || is != "running" || Instant::now() > until {
                bail!("saga {saga} was to complete, and is {is}");
            }
        }
    }

    /// Sagas of a definition that have come to an end since the orchestrator started.
    pub(crate) async fn closed(&mut self, definition: &str) -> Result<u64> {
        let answer = self.send(Method::GET, "/metrics", String::new()).await?;
        let text = String::from_utf8(answer.into_body().into())?;
        let start = format!("amends_sagas_closed_total{{definition=\"{definition}\"");
        let lines = text.lines().filter(|line| line.starts_with(&start));
        let values = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok());
        Ok(values.sum())
    }

    async fn send(&mut self, method: Method, path: &str, body: String) -> Result<Response<Bytes>> {
        self.sender.ready().await?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.authority)
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)))?;
        let (head, body) = self.sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Response::from_parts(head, body))
    }
}
