//! Starts a saga, and asks again when an orchestrator has too much to do.

use std::io::Write as _;
use std::time::Duration;

use orchestrator::http::{StartBody, StartedView};
use tokio::time::sleep;

use crate::client::Client;
use crate::failure::Failure;

/// A start is asked for this often, at most.
pub(crate) const TRIES_MAX: u32 = 5;

/// Whoever waits at a prompt does so for no longer than this between two tries.
const WAIT_MAX: Duration = Duration::from_mins(1);

/// Starts a saga. One that is not let in is asked for again when the orchestrator says, which starts
/// nothing twice: nothing of it was stored.
///
/// # Errors
/// It was refused, too often or for another reason.
pub async fn start(client: &Client, body: &StartBody) -> Result<StartedView, Failure> {
    let body = serde_json::to_vec(body)
        .map_err(|error| Failure::because("the request cannot be made", &error))?;
    for tries in 1.. {
        let failure = match client.post("/v1/sagas", body.clone()).await {
            Ok((_, started)) => return Ok(started),
            Err(failure) => failure,
        };
        let Some(after) = failure.again_after() else {
            return Err(failure);
        };
        if tries == TRIES_MAX {
            let help = format!("it was asked {TRIES_MAX} times; see \"429\" in docs/operating.md");
            return Err(failure.help(help));
        }
        pause(failure.message(), after).await;
    }
    Err(Failure::error("a start was never tried"))
}

/// Waits until it may be asked again, and says so.
pub(crate) async fn pause(why: &str, after: Duration) {
    let after = after.min(WAIT_MAX);
    let seconds = after.as_secs();
    let mut out = std::io::stderr().lock();
    // Who does not hear it has lost standard error, and is not stopped by that.
    let _unheard = writeln!(out, "{why}: asking again in {seconds} s");
    drop(out);
    sleep(after).await;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio::time::Instant;

    use super::*;

    const BUSY: &str = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\n\
        content-type: text/plain\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

    /// An orchestrator that lets the start in that comes after so many.
    async fn busy_for(refused: usize) -> Client {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            for asked in 0.. {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 4096];
                assert!(stream.read(&mut request).await.unwrap() > 0);
                let started = r#"{"id":"s","definition":"d","version":"1.0.0","created":true}"#;
                let length = started.len();
                let created = format!(
                    "HTTP/1.1 201 Created\r\ncontent-length: {length}\r\n\
                     connection: close\r\n\r\n{started}"
                );
                let answer = if asked < refused { BUSY } else { &created };
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Client::at(&url).unwrap()
    }

    fn body() -> StartBody {
        StartBody {
            definition: "d".to_owned(),
            version: None,
            input: Value::Null,
            key: None,
            labels: BTreeMap::new(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_asks_again_when_it_is_told_to() {
        let client = busy_for(2).await;
        let began = Instant::now();
        let started = start(&client, &body()).await.unwrap();
        assert_eq!(started.id, "s");
        let took = began.elapsed().as_secs();
        assert!((14..20).contains(&took), "{took} s");
    }

    #[tokio::test(start_paused = true)]
    async fn it_does_not_ask_for_ever() {
        let client = busy_for(usize::MAX).await;
        let began = Instant::now();
        let failure = start(&client, &body()).await.unwrap_err();
        assert!(failure.to_string().contains("asked 5 times"), "{failure}");
        let took = began.elapsed().as_secs();
        assert!((28..40).contains(&took), "{took} s");
    }
}
