//! The hosts of a cluster: reading their URLs, connecting, and saying what went wrong.

use std::io;
use std::time::Duration;

use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Connection, ConnectionProperties, ErrorKind};
use tokio::time::timeout;

use super::settings::RabbitSettings;

/// AMQP reply codes of a broker that will not let us in.
const ACCESS_REFUSED: u16 = 403;
const NOT_ALLOWED: u16 = 530;

/// The URLs of the settings, read once.
#[derive(Clone)]
pub(super) struct Hosts {
    uris: Vec<AMQPUri>,
    name: String,
    connect_timeout: Duration,
    next: usize,
}

/// Why one host could not be connected to.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectFailure {
    #[error("no URL is given; write amqp://user:password@host:5672/vhost")]
    NoUrl,
    #[error("`{url}` is no AMQP URL ({reason}); write amqp://user:password@host:5672/vhost")]
    BadUrl { url: String, reason: String },
    #[error("{host} refused the connection; is RabbitMQ running there?")]
    Refused {
        host: String,
        #[source]
        source: Box<lapin::Error>,
    },
    #[error("{host} refused user `{user}`: ACCESS_REFUSED; check the user name and the password")]
    Credentials {
        host: String,
        user: String,
        #[source]
        source: Box<lapin::Error>,
    },
    #[error("{host} has no virtual host `{vhost}`, or user `{user}` may not use it")]
    Vhost {
        host: String,
        vhost: String,
        user: String,
        #[source]
        source: Box<lapin::Error>,
    },
    #[error("{host} did not answer within {seconds} s")]
    Timeout { host: String, seconds: u64 },
    #[error("{host} ended the handshake")]
    Other {
        host: String,
        #[source]
        source: Box<lapin::Error>,
    },
}

impl ConnectFailure {
    /// Trying again cannot help: a person has to change something.
    pub(super) const fn is_permanent(&self) -> bool {
        match self {
            Self::NoUrl | Self::BadUrl { .. } | Self::Credentials { .. } | Self::Vhost { .. } => {
                true
            }
            Self::Refused { .. } | Self::Timeout { .. } | Self::Other { .. } => false,
        }
    }
}

impl Hosts {
    pub(super) fn parse(settings: &RabbitSettings) -> Result<Self, ConnectFailure> {
        if settings.urls.is_empty() {
            return Err(ConnectFailure::NoUrl);
        }
        let uris = settings
            .urls
            .iter()
            .map(|url| parse(url, settings))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            uris,
            name: settings.name.clone(),
            connect_timeout: settings.connect_timeout,
            next: 0,
        })
    }

    /// How many hosts there are.
    pub(super) const fn len(&self) -> usize {
        self.uris.len()
    }

    /// Tries the next host of the list once.
    pub(super) async fn connect(&mut self, purpose: &str) -> Result<Connection, ConnectFailure> {
        let uri = self.uris[self.next].clone();
        self.next = (self.next + 1) % self.uris.len();
        let name = format!("{} {purpose}", self.name);
        let options = ConnectionProperties::default().with_connection_name(name.into());
        match timeout(
            self.connect_timeout,
            Connection::connect_uri(uri.clone(), options),
        )
        .await
        {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(source)) => Err(classify(&uri, source)),
            Err(_) => Err(ConnectFailure::Timeout {
                host: host(&uri),
                seconds: self.connect_timeout.as_secs(),
            }),
        }
    }
}

fn parse(url: &str, settings: &RabbitSettings) -> Result<AMQPUri, ConnectFailure> {
    let mut uri: AMQPUri = url.parse().map_err(|reason| ConnectFailure::BadUrl {
        url: without_password(url),
        reason,
    })?;
    // The parser takes the host of `[::1]` for absent and puts `localhost` in its place.
    if let Some((_, rest)) = url.rsplit_once('@').or_else(|| url.split_once("//"))
        && let Some((v6, _)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'))
    {
        v6.clone_into(&mut uri.authority.host);
    }
    if uri.vhost.is_empty() {
        "/".clone_into(&mut uri.vhost);
    }
    let seconds = settings.heartbeat.as_secs().max(1);
    uri.query
        .heartbeat
        .get_or_insert(u16::try_from(seconds).unwrap_or(u16::MAX));
    let millis = u64::try_from(settings.connect_timeout.as_millis()).unwrap_or(u64::MAX);
    uri.query.connection_timeout.get_or_insert(millis);
    Ok(uri)
}

fn host(uri: &AMQPUri) -> String {
    let scheme = match uri.scheme {
        AMQPScheme::AMQP => "amqp",
        AMQPScheme::AMQPS => "amqps",
    };
    format!("{scheme}://{}:{}", uri.authority.host, uri.authority.port)
}

fn classify(uri: &AMQPUri, source: lapin::Error) -> ConnectFailure {
    let source = Box::new(source);
    let host = host(uri);
    let user = uri.authority.userinfo.username.clone();
    match source.kind() {
        ErrorKind::ProtocolError(error) if error.get_id() == ACCESS_REFUSED => {
            ConnectFailure::Credentials { host, user, source }
        }
        ErrorKind::ProtocolError(error) if error.get_id() == NOT_ALLOWED => ConnectFailure::Vhost {
            host,
            vhost: uri.vhost.clone(),
            user,
            source,
        },
        ErrorKind::IOError(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            ConnectFailure::Refused { host, source }
        }
        _ => ConnectFailure::Other { host, source },
    }
}

/// The URL as it may be shown: without user and password.
pub(super) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return "(no URL)".to_owned();
    };
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let rest = rest.split_once('?').map_or(rest, |(host, _)| host);
    format!("{scheme}://{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::Topology;

    fn read(url: &str) -> AMQPUri {
        let settings = RabbitSettings::new(vec![url.to_owned()], Topology::new("x"));
        Hosts::parse(&settings)
            .map(|mut hosts| hosts.uris.remove(0))
            .unwrap()
    }

    #[test]
    fn urls_are_read_as_people_mean_them() {
        assert_eq!(read("amqp://h").vhost, "/");
        assert_eq!(read("amqp://h/").vhost, "/");
        assert_eq!(read("amqp://h/%2f").vhost, "/");
        assert_eq!(read("amqp://h/shop").vhost, "shop");
        assert_eq!(read("amqp://u:p@[::1]:5673/shop").authority.host, "::1");
        assert_eq!(read("amqp://[::1]").authority.host, "::1");
        assert_eq!(read("amqp://10.0.0.1:5673").authority.host, "10.0.0.1");
        assert_eq!(read("amqp://h").query.heartbeat, Some(10));
        assert_eq!(read("amqp://h?heartbeat=20").query.heartbeat, Some(20));
    }

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(without_password("amqp://u:p@ss@h:1/v?x=1"), "amqp://h:1/v");
        assert_eq!(without_password("secret"), "(no URL)");
        let settings = RabbitSettings::new(vec!["amqp://u:pw@h".to_owned()], Topology::new("x"));
        assert!(!format!("{settings:?}").contains("pw"));
        let bad = RabbitSettings::new(vec!["http://u:pw@h".to_owned()], Topology::new("x"));
        let said = Hosts::parse(&bad).err().unwrap().to_string();
        assert!(said.contains("http://h") && !said.contains("pw"), "{said}");
    }
}
