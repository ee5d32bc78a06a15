//! What every request has: a name, and a limit.

use orchestrator::http::{BODY_BYTES_MAX, permissions};

use crate::access::filled;
use crate::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_a_name_in_its_answer_and_in_its_problem() {
    let server = Server::open().await;
    let named = [("X-Request-Id", "deploy-17/a.b")];
    let fine = server.send("GET", "/v1/sagas", &named, "").await;
    assert_eq!(fine.header("x-request-id"), Some("deploy-17/a.b"));
    let missing = server.send("GET", "/v1/nothing", &named, "").await;
    assert_eq!(missing.status, 404);
    assert_eq!(missing.json()["request_id"], "deploy-17/a.b");

    let unnamed = server.send("GET", "/v1/sagas/x", &[], "").await;
    let id = unnamed.header("x-request-id").unwrap();
    assert_eq!(id.len(), 36, "{id}");
    assert_eq!(unnamed.json()["request_id"], id);
    let kind = unnamed.header("content-type");
    assert_eq!(kind, Some("application/problem+json"));

    let long = "x".repeat(129);
    for bad in ["", "two words", "\"quoted\"", &long] {
        let answer = server
            .send("GET", "/live", &[("X-Request-Id", bad)], "")
            .await;
        let id = answer.header("x-request-id").unwrap();
        assert_eq!(id.len(), 36, "{bad} was taken over as {id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_refused_everywhere() {
    let server = Server::open().await;
    let large = "x".repeat(BODY_BYTES_MAX + 1);
    let id = "019a0000-0000-7000-8000-000000000001";
    for path in [
        "/v1/sagas".to_owned(),
        "/v1/definitions".to_owned(),
        "/v1/definitions/patient/1.0.0/diff".to_owned(),
        "/v1/reconcile".to_owned(),
        format!("/v1/sagas/{id}/signal"),
        format!("/v1/sagas/{id}/cancel"),
    ] {
        let answer = server.send("POST", &path, &[], &large).await;
        assert_eq!(
            (answer.status, &*answer.code()),
            (413, "too_large"),
            "{path}"
        );
    }
}

/// Whatever the path, a body is read by the same rules and refused in the same words.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_says_something_else_is_refused_everywhere() {
    let server = Server::open().await;
    let mut paths = 0;
    for permission in permissions().into_iter().filter(|it| it.verb.is_some()) {
        if permission.verb == Some("definition.register") {
            continue;
        }
        paths += 1;
        let path = filled(permission.path);
        for body in ["reason", "7", r#"{ "reason": "r", "surprise": 1 }"#] {
            let answer = server.send("POST", &path, &[], body).await;
            let what = format!("{path}: {answer:?}");
            assert_eq!(
                (answer.status, &*answer.code()),
                (400, "bad_request"),
                "{what}"
            );
            let detail = answer.json()["detail"].as_str().unwrap().to_owned();
            assert!(detail.starts_with("the body is not a request: "), "{what}");
        }
    }
    assert_eq!(paths, 18);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_is_no_text_is_a_problem_too() {
    let server = Server::open().await;
    for path in ["/v1/sagas/%FF", "/v1/dead-letters/%C3%28"] {
        let answer = server.send("GET", path, &[], "").await;
        assert_eq!(
            (answer.status, &*answer.code()),
            (400, "bad_request"),
            "{path}"
        );
    }
}
