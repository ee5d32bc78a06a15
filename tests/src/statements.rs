//! Counts the statements that go to a database, on their way there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Bytes of a message before its content: a letter, and a length that counts itself.
const HEAD_BYTES: usize = 5;

/// Bytes of the length alone.
const LENGTH_BYTES: usize = 4;

/// The length of a request for TLS; every other first message is longer.
const TLS_REQUEST_BYTES: u32 = 8;

/// A way to the database that counts the statements that go through.
///
/// Those are every `Query` and every `Execute`, `BEGIN` and `COMMIT` among them. Unlike the server's own statistics it does not
/// count what the server does by itself.
#[derive(Debug)]
pub struct StatementCounter {
    url: String,
    statements: Arc<AtomicU64>,
}

impl StatementCounter {
    /// Starts to forward to the server that a URL names.
    pub async fn to(url: &str) -> Self {
        let (before, rest) = url.split_once('@').expect("a URL with a user");
        let (server, after) = rest.split_once('/').expect("a URL with a path");
        let target = server.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let near = listener.local_addr().expect("its address");
        let statements: Arc<AtomicU64> = Arc::default();
        let count = Arc::clone(&statements);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                if let Ok(far) = TcpStream::connect(&target).await {
                    let (from_client, mut to_client) = near.into_split();
                    let (mut from_server, to_server) = far.into_split();
                    let count = Arc::clone(&count);
                    tokio::spawn(async move {
                        let _ended = forward(from_client, to_server, &count).await;
                    });
                    tokio::spawn(async move {
                        let _ended = tokio::io::copy(&mut from_server, &mut to_client).await;
                    });
                }
            }
        });
        Self {
            url: format!("{before}@{near}/{after}"),
            statements,
        }
    }

    /// The URL that leads through it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Statements so far.
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }
}

/// Message by message; only what comes before the login has no letter.
async fn forward(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    count: &AtomicU64,
) -> std::io::Result<()> {
    // A client that would rather have TLS asks for it first, and begins anew without.
    let mut asked = TLS_REQUEST_BYTES;
    while asked == TLS_REQUEST_BYTES {
        let mut length = [0; LENGTH_BYTES];
        from.read_exact(&mut length).await?;
        to.write_all(&length).await?;
        asked = u32::from_be_bytes(length);
        pass(&mut from, &mut to, asked).await?;
    }
    loop {
        let mut head = [0; HEAD_BYTES];
        from.read_exact(&mut head).await?;
        let [kind, length @ ..] = head;
        if matches!(kind, b'Q' | b'E') {
            count.fetch_add(1, Ordering::Relaxed);
        }
        to.write_all(&head).await?;
        pass(&mut from, &mut to, u32::from_be_bytes(length)).await?;
    }
}

/// The content of a message.
async fn pass(
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    length: u32,
) -> std::io::Result<()> {
    let content = u64::from(length).saturating_sub(LENGTH_BYTES as u64);
    tokio::io::copy(&mut from.take(content), to).await?;
    to.flush().await
}
