//! A way to a server that can be cut.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Forwards connections to the server that a URL names.
#[derive(Debug)]
pub struct Proxy {
    url: String,
    up: watch::Sender<bool>,
}

impl Proxy {
    /// Starts to forward.
    pub async fn to(url: &str) -> Self {
        let (before, rest) = url.split_once('@').expect("a URL with a user");
        let (server, after) = rest.split_once('/').expect("a URL with a path");
        let target = server.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let near: SocketAddr = listener.local_addr().expect("its address");
        let up = watch::Sender::new(true);
        let wire = up.subscribe();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                if *wire.borrow()
                    && let Ok(far) = TcpStream::connect(&target).await
                {
                    tokio::spawn(forward(near, far, wire.clone()));
                }
            }
        });
        Self {
            url: format!("{before}@{near}/{after}"),
            up,
        }
    }

    /// The URL that leads through it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends all connections and lets no new one through.
    pub fn cut(&self) {
        self.up.send_replace(false);
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.up.send_replace(true);
    }
}

async fn forward(mut near: TcpStream, mut far: TcpStream, mut up: watch::Receiver<bool>) {
    tokio::select! {
        _ended = copy_bidirectional(&mut near, &mut far) => {}
        _cut = up.wait_for(|up| !up) => {}
    }
}
