//! The keys of an identity provider, fetched from where it publishes them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use super::latest::{Latest, Spans};
use super::loopback::is_loopback;

const SPANS: Spans = Spans {
    fresh_for: Duration::from_secs(600),
    // Whatever tokens come.
    look_again_after: Duration::from_secs(10),
    // Then the provider may have dropped them.
    stale_for: Duration::from_secs(3600),
    read_within: Duration::from_secs(5),
};

/// A larger document is refused, in bytes.
const DOCUMENT_BYTES_MAX: usize = 256 * 1024;

/// More keys than these are not looked at.
const KEYS_MAX: usize = 64;

/// Where keys are published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// An `https` URL; `http` only on this machine.
    Url(String),
    /// A file.
    File(PathBuf),
}

impl KeySource {
    /// What is wrong with it, in a sentence: a URL that cannot be used, or a file without keys. No
    /// server is asked.
    #[must_use]
    pub fn wrong(&self) -> Option<String> {
        let usable = match self {
            Self::Url(url) => client(url).map(drop),
            Self::File(path) => read_file(path)
                .map_err(|source| KeysError::Read {
                    path: path.clone(),
                    source,
                })
                .and_then(|document| keys(&document).map(drop)),
        };
        usable.err().map(|error| crate::chain(&error))
    }
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The URL cannot be used.
    #[error("`{0}` is no URL for keys: it must be https, or http on this machine")]
    Url(String),
    /// No certificate of the system can be read, so no server could be trusted.
    #[error("read the system's certificates")]
    Roots(#[source] std::io::Error),
    /// The provider does not answer.
    #[error("fetch the keys from {url}")]
    Fetch {
        /// From where.
        url: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file cannot be read.
    #[error("read the keys in {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// They have not come in time.
    #[error("no answer within {} s", .0.as_secs())]
    Silent(Duration),
    /// What came is no set of keys.
    #[error("the keys cannot be read: {0}")]
    Document(String),
}

/// A key and the one algorithm that it is for.
#[derive(Debug)]
pub(super) struct VerifyingKey {
    pub(super) key: DecodingKey,
    pub(super) algorithm: Algorithm,
}

/// The keys by their ids.
type Keys = BTreeMap<String, Arc<VerifyingKey>>;

/// The keys, as new as they must be.
#[derive(Debug)]
pub(super) struct KeyRing {
    publisher: Publisher,
    known: Latest<Keys, KeysError>,
}

impl KeyRing {
    pub(super) fn new(source: KeySource) -> Result<Self, KeysError> {
        let publisher = match source {
            KeySource::Url(url) => Publisher::Server(client(&url)?, url),
            KeySource::File(path) => Publisher::File(path),
        };
        let known = Latest::new("the identity provider's keys", SPANS, KeysError::Silent);
        Ok(Self { publisher, known })
    }

    /// The key with this id, if the provider has it.
    pub(super) async fn find(
        &self,
        kid: &str,
    ) -> Result<Option<Arc<VerifyingKey>>, Arc<KeysError>> {
        let has = |keys: &Keys| keys.contains_key(kid);
        let keys = self.known.get(has, || self.publisher.clone().keys());
        Ok(keys.await?.get(kid).cloned())
    }

    /// Fetches the keys.
    pub(super) async fn refresh(&self) -> Result<(), Arc<KeysError>> {
        self.known.refresh(self.publisher.clone().keys()).await
    }
}

type HttpClient = Client<HttpsConnector<HttpConnector>, Empty<Bytes>>;

/// Who has the keys.
#[derive(Debug, Clone)]
enum Publisher {
    Server(HttpClient, String),
    File(PathBuf),
}

impl Publisher {
    async fn keys(self) -> Result<Keys, KeysError> {
        let document = match self {
            Self::Server(client, url) => match fetch(&client, &url).await {
                Ok(document) => document,
                Err(source) => return Err(KeysError::Fetch { url, source }),
            },
            Self::File(path) => {
                let from = path.clone();
                let reading = tokio::task::spawn_blocking(move || read_file(&from)).await;
                let read = reading.map_err(std::io::Error::other).flatten();
                read.map_err(|source| KeysError::Read { path, source })?
            }
        };
        keys(&document)
    }
}

/// A client that checks certificates against the system's roots, and speaks without TLS only where
/// nobody can listen.
fn client(url: &str) -> Result<HttpClient, KeysError> {
    let bad = || KeysError::Url(url.to_owned());
    let uri: axum::http::Uri = url.parse().map_err(|_| bad())?;
    let host = uri.host().ok_or_else(bad)?;
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let builder = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider);
    let builder = builder.map_err(KeysError::Roots)?;
    let connector = match uri.scheme_str() {
        Some("https") => builder.https_only().enable_http1().build(),
        Some("http") if is_loopback(host) => builder.https_or_http().enable_http1().build(),
        Some(_) | None => return Err(bad()),
    };
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

async fn fetch(
    client: &HttpClient,
    url: &str,
) -> Result<Bytes, Box<dyn std::error::Error + Send + Sync>> {
    let response = client.get(url.parse()?).await?;
    if !response.status().is_success() {
        return Err(format!("it answered {}", response.status()).into());
    }
    let body = Limited::new(response.into_body(), DOCUMENT_BYTES_MAX);
    Ok(body.collect().await?.to_bytes())
}

fn read_file(path: &Path) -> std::io::Result<Bytes> {
    let mut document = Vec::new();
    let limit = u64::try_from(DOCUMENT_BYTES_MAX).unwrap_or(u64::MAX);
    let mut file = File::open(path)?.take(limit + 1);
    file.read_to_end(&mut document)?;
    if document.len() > DOCUMENT_BYTES_MAX {
        let why = format!("it has more than {DOCUMENT_BYTES_MAX} bytes");
        return Err(std::io::Error::other(why));
    }
    Ok(document.into())
}

/// The set as it is published. Each key is read by itself: one of a kind that nobody knows yet must
/// not cost the others.
#[derive(Debug, Deserialize)]
struct Document {
    keys: Vec<Value>,
}

fn keys(document: &[u8]) -> Result<Keys, KeysError> {
    let document: Document =
        serde_json::from_slice(document).map_err(|error| KeysError::Document(error.to_string()))?;
    let some = document.keys.into_iter().take(KEYS_MAX);
    let keys: Keys = some.filter_map(key).collect();
    if keys.is_empty() {
        let why = "there is no key with a `kid` for RS256, ES256 or EdDSA".to_owned();
        return Err(KeysError::Document(why));
    }
    Ok(keys)
}

/// A key that can be used, by its id. Which algorithm a token may have follows from the key, never
/// from the token; keys that are shared secrets are none.
fn key(published: Value) -> Option<(String, Arc<VerifyingKey>)> {
    let jwk: Jwk = serde_json::from_value(published).ok()?;
    let signs = matches!(
        jwk.common.public_key_use,
        None | Some(PublicKeyUse::Signature)
    );
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(it) if it.curve == EllipticCurve::P256 => {
            Algorithm::ES256
        }
        AlgorithmParameters::OctetKeyPair(it) if it.curve == EllipticCurve::Ed25519 => {
            Algorithm::EdDSA
        }
        _ => return None,
    };
    let said = jwk.common.key_algorithm.map(|said| said.to_string());
    let agrees = said.is_none_or(|said| said.parse() == Ok(algorithm));
    let kid = jwk.common.key_id.clone()?;
    if !signs || !agrees {
        return None;
    }
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    Some((kid, Arc::new(VerifyingKey { key, algorithm })))
}
