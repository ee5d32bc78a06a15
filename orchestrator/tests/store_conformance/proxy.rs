//! A TCP proxy before Postgres that loses what it is told to lose.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::config;

const FORWARD: u8 = 0;
const LOSE_ANSWER: u8 = 1;
const LOSE_REQUEST: u8 = 2;

/// The proxy; it ends with the test's runtime.
pub(crate) struct Proxy {
    port: u16,
    mode: Arc<AtomicU8>,
}

impl Proxy {
    /// Listens on a port of its own.
    pub(crate) async fn start() -> Self {
        let config: tokio_postgres::Config = config::postgres_url().parse().unwrap();
        let host = match &config.get_hosts()[0] {
            tokio_postgres::config::Host::Tcp(host) => host.clone(),
            tokio_postgres::config::Host::Unix(_) => panic!("the test URL has a TCP host"),
        };
        let target = (host, config.get_ports().first().copied().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mode = Arc::new(AtomicU8::new(FORWARD));
        let shared = Arc::clone(&mode);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&target).await.unwrap();
                tokio::spawn(forward(client, server, Arc::clone(&shared)));
            }
        });
        Self { port, mode }
    }

    /// The URL of the database behind the proxy.
    pub(crate) fn url(&self) -> String {
        let config: tokio_postgres::Config = config::postgres_url().parse().unwrap();
        let password = String::from_utf8_lossy(config.get_password().unwrap_or_default());
        let (user, database) = (config.get_user().unwrap(), config.get_dbname().unwrap());
        let port = self.port;
        format!("postgres://{user}:{password}@127.0.0.1:{port}/{database}?sslmode=disable")
    }

    /// The next thing that the server says is lost, and the connection with it.
    pub(crate) fn lose_next_answer(&self) {
        self.mode.store(LOSE_ANSWER, Ordering::SeqCst);
    }

    /// The next thing that the client says is lost, and the connection with it.
    pub(crate) fn lose_next_request(&self) {
        self.mode.store(LOSE_REQUEST, Ordering::SeqCst);
    }

    /// Whether something was to be lost and has not been yet.
    pub(crate) fn is_armed(&self) -> bool {
        self.mode.load(Ordering::SeqCst) != FORWARD
    }
}

async fn forward(mut client: TcpStream, mut server: TcpStream, mode: Arc<AtomicU8>) {
    let (mut from_client, mut from_server) = (vec![0; 65536], vec![0; 65536]);
    let take = |armed| {
        mode.compare_exchange(armed, FORWARD, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    };
    loop {
        tokio::select! {
            read = client.read(&mut from_client) => {
                let Ok(bytes @ 1..) = read else { return };
                if take(LOSE_REQUEST) || server.write_all(&from_client[..bytes]).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut from_server) => {
                let Ok(bytes @ 1..) = read else { return };
                if take(LOSE_ANSWER) || client.write_all(&from_server[..bytes]).await.is_err() {
                    return;
                }
            }
        }
    }
}
