//! Asks a process over HTTP for what the API's client does not read: text, and refusals.

use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Status and body of a page; `None` when nobody answers.
pub async fn get(address: &str, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

/// A document, whatever its status.
pub async fn document<T: DeserializeOwned>(address: &str, path: &str) -> Option<T> {
    let (_, body) = get(address, path).await?;
    let (begin, end) = (body.find('{')?, body.rfind('}')?);
    serde_json::from_str(body.get(begin..=end)?).ok()
}

/// The value of a metric, with its labels as `/metrics` writes them.
pub async fn metric(address: &str, name: &str) -> Option<f64> {
    let (_, body) = get(address, "/metrics").await?;
    let line = body.lines().find(|line| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(' '))
    })?;
    line.rsplit_once(' ')?.1.parse().ok()
}
