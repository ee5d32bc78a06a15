//! Tokens of our own: which hold, and for how long.

use std::time::Duration;

use orchestrator::auth::{Role, TOKEN_PREFIX, TokenSecret};

use crate::server::Server;

/// Longer than a revoked token counts.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_new_token_holds_and_a_revoked_one_does_not() {
    let server = Server::with_tokens().await;
    let first = server.token(Role::Viewer).await;
    assert_eq!(server.ask(&first, "GET", "/v1/sagas", "").await.status, 200);
    // One that is made while the others are in memory is found, within a second.
    let second = server.token(Role::Admin).await;
    let until = std::time::Instant::now() + PATIENCE;
    while server.ask(&second, "GET", "/v1/sagas", "").await.status != 200 {
        assert!(std::time::Instant::now() < until, "it is never found");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(server.store.revoke_api_token("admin").await.unwrap());
    let revoked = std::time::Instant::now();
    while server.ask(&second, "GET", "/v1/sagas", "").await.status == 200 {
        assert!(
            revoked.elapsed() < Duration::from_secs(10),
            "it still counts"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let answer = server.ask(&second, "GET", "/v1/sagas", "").await;
    assert_eq!((answer.status, &*answer.code()), (401, "invalid_token"));
    assert_eq!(server.ask(&first, "GET", "/v1/sagas", "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_expires() {
    let server = Server::with_tokens().await;
    let expires_at = server.store.now().after(Duration::from_millis(1));
    let token = server.token_until(Role::Viewer, Some(expires_at)).await;
    tokio::time::sleep(Duration::from_millis(2)).await;
    let answer = server.ask(&token, "GET", "/v1/sagas", "").await;
    assert_eq!((answer.status, &*answer.code()), (401, "invalid_token"));
    assert!(answer.body.contains("expired at 2026-01-01T"), "{answer:?}");
}

/// Whoever follows a saga may do so for as long as their token holds, and others are not disturbed.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_token() {
    let server = Server::with_tokens().await;
    let operator = server.token(Role::Operator).await;
    let expires_at = server.store.now().after(Duration::from_secs(4));
    let token = server.token_until(Role::Viewer, Some(expires_at)).await;
    let saga = server.start(&operator).await;
    let (events, signal) = (
        format!("/v1/sagas/{saga}/events"),
        format!("/v1/sagas/{saga}/signal"),
    );
    let (stays, ()) = tokio::join!(server.ask(&operator, "GET", &events, ""), async {
        let cut = server.ask(&token, "GET", &events, "").await;
        assert_eq!(cut.status, 200, "{cut:?}");
        assert!(cut.body.contains("saga_started"), "{cut:?}");
        assert!(!cut.body.contains("event: end"), "{cut:?}");
        let again = server.ask(&token, "GET", &events, "").await;
        assert_eq!((again.status, &*again.code()), (401, "invalid_token"));
        let go = server
            .ask(&operator, "POST", &signal, r#"{ "name": "go" }"#)
            .await;
        assert_eq!(go.status, 200, "{go:?}");
    });
    assert!(stays.body.contains("event: end"), "{stays:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_token_is_refused_with_a_challenge() {
    let server = Server::with_tokens().await;
    let unnamed = server.send("GET", "/v1/sagas", &[], "").await;
    let challenge = unnamed.header("www-authenticate");
    assert_eq!(challenge, Some("Bearer realm=\"amends\""));
    let long = format!("Bearer amends_{}", "0".repeat(9000));
    for header in [
        "Basic YTpi",
        "Bearer",
        "Bearer ",
        "Bearer a b",
        "amends_00",
        &long,
    ] {
        let answer = server
            .send("GET", "/v1/sagas", &[("Authorization", header)], "")
            .await;
        assert_eq!(
            (answer.status, &*answer.code()),
            (401, "invalid_token"),
            "{header}"
        );
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
    }
    let viewer = server.token(Role::Viewer).await;
    let refused = server.ask(&viewer, "POST", "/v1/reconcile", "").await;
    let challenge = refused.header("www-authenticate").unwrap();
    assert!(challenge.contains("insufficient_scope"), "{challenge}");
}

#[test]
fn a_token_can_be_recognized_and_is_never_shown() {
    let (one, other) = (
        TokenSecret::generate().unwrap(),
        TokenSecret::generate().unwrap(),
    );
    for secret in [&one, &other] {
        let digits = secret.reveal().strip_prefix(TOKEN_PREFIX).unwrap();
        assert_eq!(digits.len(), 40);
        assert!(digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_eq!(format!("{secret:?}"), "TokenSecret(…)");
    }
    assert_ne!(one.reveal(), other.reveal());
    assert_ne!(one.hash(), other.hash());
}
