//! A wire to the server that can be cut or go silent.

use std::net::SocketAddr;
use std::sync::Arc;

use lapin::uri::AMQPUri;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::config::amqp_url;

/// What happens to the connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wire {
    Up,
    /// Those that exist end, and no new ones come about.
    Down,
}

/// Forwards connections to the server of the tests.
pub(crate) struct Proxy {
    uri: AMQPUri,
    wire: watch::Sender<Wire>,
    /// Counted up to silence the connections that exist.
    silenced: Arc<watch::Sender<u32>>,
}

impl Proxy {
    pub(crate) async fn start() -> Self {
        let mut uri: AMQPUri = amqp_url().parse().expect("a URL");
        let target = (uri.authority.host.clone(), uri.authority.port);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at: SocketAddr = listener.local_addr().expect("an address");
        uri.authority.host = at.ip().to_string();
        uri.authority.port = at.port();
        let (wire, silenced) = (
            watch::Sender::new(Wire::Up),
            Arc::new(watch::Sender::new(0)),
        );
        let (up, silence) = (wire.subscribe(), Arc::clone(&silenced));
        tokio::spawn(async move {
            loop {
                let Ok((near, _)) = listener.accept().await else {
                    return;
                };
                if *up.borrow() == Wire::Up
                    && let Ok(far) = TcpStream::connect(target.clone()).await
                {
                    tokio::spawn(forward(near, far, up.clone(), silence.subscribe()));
                }
            }
        });
        Self {
            uri,
            wire,
            silenced,
        }
    }

    pub(crate) fn url(&self) -> String {
        self.uri.to_string()
    }

    /// Ends all connections and lets no new one through.
    pub(crate) fn cut(&self) {
        self.wire.send_replace(Wire::Down);
    }

    /// Lets connections through again.
    pub(crate) fn mend(&self) {
        self.wire.send_replace(Wire::Up);
    }

    /// Nothing passes any more on the connections that exist; they stay open.
    pub(crate) fn silence(&self) {
        self.silenced.send_modify(|count| *count += 1);
    }
}

async fn forward(
    mut near: TcpStream,
    mut far: TcpStream,
    mut wire: watch::Receiver<Wire>,
    mut silence: watch::Receiver<u32>,
) {
    silence.mark_unchanged();
    let down = async { drop(wire.wait_for(|wire| *wire == Wire::Down).await) };
    tokio::select! {
        _ = copy_bidirectional(&mut near, &mut far) => {}
        () = down => {}
        Ok(()) = silence.changed() => std::future::pending().await,
    }
}
