//! Tokens of an identity provider, with keys that it serves over HTTP.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair,
};
use axum::Router;
use axum::routing::get;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use orchestrator::auth::{AuthSettings, KeySource, OidcSettings, Role};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::server::{Answer, Server};

const ISSUER: &str = "https://id.example/";
const AUDIENCE: &str = "amends";

/// A key pair of the provider.
struct Pair {
    kid: &'static str,
    algorithm: Algorithm,
    signing: EncodingKey,
    published: Value,
}

impl Pair {
    fn new(kid: &'static str, algorithm: Algorithm, signing: EncodingKey) -> Self {
        let mut jwk = Jwk::from_encoding_key(&signing, algorithm).unwrap();
        jwk.common.key_id = Some(kid.to_owned());
        let published = serde_json::to_value(&jwk).unwrap();
        Self {
            kid,
            algorithm,
            signing,
            published,
        }
    }

    fn rsa(kid: &'static str) -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
        let pkcs1 = pkcs1_of(der.as_ref());
        Self::new(kid, Algorithm::RS256, EncodingKey::from_rsa_der(&pkcs1))
    }

    fn ec(kid: &'static str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let der = pair.to_pkcs8v1().unwrap();
        let signing = EncodingKey::from_ec_der(der.as_ref());
        Self::new(kid, Algorithm::ES256, signing)
    }

    fn ed(kid: &'static str) -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let der = pair.to_pkcs8v1().unwrap();
        let signing = EncodingKey::from_ed_der(der.as_ref());
        Self::new(kid, Algorithm::EdDSA, signing)
    }

    fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.kid.to_owned());
        encode(&header, claims, &self.signing).unwrap()
    }
}

/// The RSA key inside its PKCS#8 wrapping, which holds it as its last part: an octet string that is
/// a sequence of its own.
fn pkcs1_of(pkcs8: &[u8]) -> Vec<u8> {
    let two_byte_length = [0x04, 0x82];
    let at = pkcs8
        .windows(2)
        .position(|pair| pair == two_byte_length)
        .unwrap();
    pkcs8[at + 4..].to_vec()
}

/// An identity provider that serves its keys.
struct Provider {
    keys: Arc<Mutex<Value>>,
    asked: Arc<AtomicUsize>,
    url: String,
}

impl Provider {
    async fn serving(keys: Value) -> Self {
        let keys = Arc::new(Mutex::new(keys));
        let asked = Arc::new(AtomicUsize::new(0));
        let (served, count) = (Arc::clone(&keys), Arc::clone(&asked));
        let answer = move || {
            count.fetch_add(1, Ordering::SeqCst);
            let text = served.lock().unwrap().to_string();
            async move { text }
        };
        let routes = Router::new().route("/keys", get(answer));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { keys, asked, url }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn oidc(keys: KeySource) -> AuthSettings {
    let role = |role: Role| (role, vec![format!("amends-{role}")]);
    AuthSettings {
        tokens: true,
        oidc: Some(OidcSettings {
            issuer: ISSUER.to_owned(),
            audience: AUDIENCE.to_owned(),
            keys,
            roles_claim: "/realm/roles".to_owned(),
            name_claim: "email".to_owned(),
            roles: Role::ALL.map(role).to_vec(),
        }),
        ..AuthSettings::default()
    }
}

fn now() -> u64 {
    jsonwebtoken::get_current_timestamp()
}

/// What a good token says, with some of it replaced; null takes a claim away.
fn claims(other: &Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "exp": now() + 600, "sub": "u-1",
        "email": "erin@example.com", "realm": { "roles": ["staff", "amends-operator"] },
    });
    for (name, value) in other.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let all = claims.as_object_mut().unwrap();
    all.retain(|_, value| !value.is_null());
    claims
}

async fn ask(server: &Server, token: &str) -> Answer {
    server.ask(token, "GET", "/v1/sagas", "").await
}

async fn refused(server: &Server, token: &str, why: &str) {
    let answer = ask(server, token).await;
    let what = format!("{why}: {answer:?}");
    assert_eq!(
        (answer.status, &*answer.code()),
        (401, "invalid_token"),
        "{what}"
    );
    assert!(answer.body.contains(why), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_every_kind_of_key_name_their_bearer() {
    let pairs = [Pair::rsa("r"), Pair::ec("e"), Pair::ed("d")];
    let published = pairs.iter().map(|pair| pair.published.clone());
    let mut published: Vec<Value> = published.collect();
    // Keys of kinds that nobody knows cost the others nothing.
    published.push(json!({ "kty": "AKP", "kid": "new", "alg": "ML-DSA-65" }));
    published.push(json!("no key at all"));
    let provider = Provider::serving(json!({ "keys": published })).await;
    let server = Server::with(oidc(KeySource::Url(provider.url.clone()))).await;
    for pair in &pairs {
        let token = pair.sign(&claims(&json!({})));
        assert_eq!(ask(&server, &token).await.status, 200, "{}", pair.kid);
        let path = "/v1/topology/apply";
        let denied = server.ask(&token, "POST", path, "").await;
        assert_eq!(denied.status, 403);
        let says = "takes the role admin, and erin@example.com has the role operator";
        assert!(denied.body.contains(says), "{denied:?}");
    }
    assert_eq!(provider.asked(), 1, "keys are kept");
    // Tokens of our own hold beside them.
    let own = server.token(Role::Viewer).await;
    assert_eq!(ask(&server, &own).await.status, 200);
    let list = json!({ "aud": ["other", AUDIENCE] });
    assert_eq!(
        ask(&server, &pairs[0].sign(&claims(&list))).await.status,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_does_not_hold_is_refused_with_the_reason() {
    let pair = Pair::ec("e");
    let provider = Provider::serving(json!({ "keys": [pair.published] })).await;
    let server = Server::with(oidc(KeySource::Url(provider.url.clone()))).await;
    for (other, why) in [
        (json!({ "exp": now() - 60 }), "expired"),
        (json!({ "exp": null }), "lacks the claim `exp`"),
        (json!({ "nbf": now() + 600 }), "does not count yet"),
        (json!({ "aud": "others" }), "for somebody else"),
        (json!({ "aud": null }), "lacks the claim `aud`"),
        (json!({ "iss": "https://evil.example/" }), "another issuer"),
        (json!({ "iss": null }), "lacks the claim `iss`"),
        (json!({ "email": null }), "no name in the claim `email`"),
        (json!({ "email": 7 }), "no name in the claim `email`"),
    ] {
        refused(&server, &pair.sign(&claims(&other)), why).await;
    }
    let none = pair.sign(&claims(&json!({ "realm": { "roles": ["staff"] } })));
    let answer = ask(&server, &none).await;
    assert_eq!((answer.status, &*answer.code()), (403, "forbidden"));
    assert!(
        answer.body.contains("erin@example.com has no role here"),
        "{answer:?}"
    );

    let good = pair.sign(&claims(&json!({})));
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = signed.split_once('.').unwrap();
    let admin = pair.sign(&claims(&json!({ "realm": { "roles": ["amends-admin"] } })));
    let other_payload = admin.split('.').nth(1).unwrap();
    let swapped = format!("{header}.{other_payload}.{signature}");
    refused(&server, &swapped, "signature does not hold").await;
    refused(
        &server,
        &format!("{header}.{payload}."),
        "signature does not hold",
    )
    .await;
    for garbage in ["a.b.c", "a.b", "eyJhbGciOiJFUzI1NiJ9", &format!("{good}.x")] {
        refused(&server, garbage, "the token is refused").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_says_which_algorithm_a_token_has_and_never_the_token() {
    let (rsa, ec) = (Pair::rsa("r"), Pair::ec("e"));
    let shared = json!({ "kty": "oct", "kid": "s", "k": "c2VjcmV0" });
    let published = json!({ "keys": [rsa.published, ec.published, shared] });
    let provider = Provider::serving(published).await;
    let server = Server::with(oidc(KeySource::Url(provider.url.clone()))).await;
    let claims = claims(&json!({}));
    let forged = |algorithm, kid: Option<&str>, key: &EncodingKey| {
        let mut header = Header::new(algorithm);
        header.kid = kid.map(str::to_owned);
        encode(&header, &claims, key).unwrap()
    };
    // What everybody can read of the provider's key is no secret to sign with.
    let modulus = rsa.published["n"].as_str().unwrap();
    let public = EncodingKey::from_secret(modulus.as_bytes());
    let confused = forged(Algorithm::HS256, Some("r"), &public);
    refused(&server, &confused, "not the one of its key").await;
    let secret = EncodingKey::from_secret(b"secret");
    refused(
        &server,
        &forged(Algorithm::HS256, Some("s"), &secret),
        "no key with its `kid`",
    )
    .await;
    let other_hash = forged(Algorithm::RS512, Some("r"), &rsa.signing);
    refused(&server, &other_hash, "not the one of its key").await;
    let other_padding = forged(Algorithm::PS256, Some("r"), &rsa.signing);
    refused(&server, &other_padding, "not the one of its key").await;
    let other_key = forged(Algorithm::RS256, Some("e"), &rsa.signing);
    refused(&server, &other_key, "not the one of its key").await;
    let unnamed = forged(Algorithm::RS256, None, &rsa.signing);
    refused(&server, &unnamed, "does not name its key").await;
    // {"alg":"none","typ":"JWT","kid":"r"}
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIiwia2lkIjoiciJ9";
    let good = rsa.sign(&claims);
    let payload = good.split('.').nth(1).unwrap();
    for unsigned in [format!("{none}.{payload}."), format!("{none}.{payload}")] {
        refused(&server, &unsigned, "the token is refused").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_keys_are_found_and_nobody_can_make_us_ask_often() {
    let (old, new) = (Pair::ed("old"), Pair::ed("new"));
    let provider = Provider::serving(json!({ "keys": [old.published] })).await;
    let server = Server::with(oidc(KeySource::Url(provider.url.clone()))).await;
    let claims = claims(&json!({}));
    for _ in 0..20 {
        refused(&server, &new.sign(&claims), "no key with its `kid`").await;
    }
    assert_eq!(provider.asked(), 1);
    *provider.keys.lock().unwrap() = json!({ "keys": [new.published] });
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while ask(&server, &new.sign(&claims)).await.status != 200 {
        assert!(
            std::time::Instant::now() < until,
            "the new key is never found"
        );
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert_eq!(provider.asked(), 2);
    // The provider has it no more, so neither have we.
    refused(&server, &old.sign(&claims), "no key with its `kid`").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_nobody_is_let_in() {
    let gone = "http://127.0.0.1:1/keys".to_owned();
    let server = Server::with(oidc(KeySource::Url(gone))).await;
    let answer = ask(&server, &Pair::ed("d").sign(&claims(&json!({})))).await;
    assert_eq!((answer.status, &*answer.code()), (503, "keys_unavailable"));
    assert_eq!(ask(&server, "a.b.c").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_may_come_from_a_file() {
    let pair = Pair::ed("d");
    let name = format!("amends-keys-{}.json", uuid::Uuid::now_v7());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, json!({ "keys": [pair.published] }).to_string()).unwrap();
    let server = Server::with(oidc(KeySource::File(path.clone()))).await;
    let token = pair.sign(&claims(&json!({})));
    assert_eq!(ask(&server, &token).await.status, 200);
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn keys_are_never_fetched_over_an_open_network() {
    use orchestrator::auth::{Gate, KeysError};
    use orchestrator::store::{MemoryStore, Store};
    let begin = "2026-01-01T00:00:00Z".parse().unwrap();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(uuid::Uuid::now_v7(), begin));
    for url in ["http://id.example/keys", "ftp://127.0.0.1/keys", "keys"] {
        let gate = Gate::new(oidc(KeySource::Url(url.to_owned())), &store);
        assert!(matches!(gate, Err(KeysError::Url(_))), "{url}");
    }
}
