//! Every path of the API for every role.

use orchestrator::audit::Phase;
use orchestrator::auth::{AuthSettings, Role};
use orchestrator::http::{openapi, permissions};
use serde_json::Value;

use crate::server::{Answer, Server};

const NOBODY: &str = "019a0000-0000-7000-8000-000000000001";

/// A path with something in the place of its names.
pub(crate) fn filled(path: &str) -> String {
    path.replace("{saga}", NOBODY)
        .replace("{letter}", NOBODY)
        .replace("{worker}", "nobody%2Frun")
        .replace("{step}", "wait")
        .replace("{name}", "patient")
        .replace("{version}", "9.9.9")
}

/// What lets in answers something about the request; what does not says 401 or 403.
fn is_let_in(answer: &Answer) -> bool {
    !matches!(answer.status, 401 | 403)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_takes_the_role_that_it_says() {
    let server = Server::with_tokens().await;
    let mut tokens = Vec::new();
    for role in Role::ALL {
        tokens.push((role, server.token(role).await));
    }
    for permission in permissions() {
        let (method, path) = (permission.method.as_str(), filled(permission.path));
        let what = format!("{method} {}", permission.path);
        let unnamed = server.send(method, &path, &[], "{}").await;
        let wrong = server.ask("amends_0000", method, &path, "{}").await;
        let Some(needed) = permission.role else {
            assert!(is_let_in(&unnamed) && is_let_in(&wrong), "{what}");
            continue;
        };
        assert_eq!(
            (unnamed.status, &*unnamed.code()),
            (401, "unauthenticated"),
            "{what}"
        );
        assert_eq!(
            (wrong.status, &*wrong.code()),
            (401, "invalid_token"),
            "{what}"
        );
        for (role, token) in &tokens {
            let answer = server.ask(token, method, &path, "{}").await;
            let what = format!("{what} as {role}: {answer:?}");
            if *role >= needed {
                assert!(is_let_in(&answer), "{what}");
                continue;
            }
            assert_eq!(
                (answer.status, &*answer.code()),
                (403, "forbidden"),
                "{what}"
            );
            let detail = answer.json()["detail"].as_str().unwrap().to_owned();
            let says = format!("this takes the role {needed}, and {role} has the role {role}");
            assert_eq!(detail, says);
        }
    }
}

/// Filters say which sagas are meant; what they say of one is for those who may look.
#[tokio::test(flavor = "multi_thread")]
async fn every_verb_on_a_saga_looks_at_filters_and_only_for_those_who_may() {
    let server = Server::with_tokens().await;
    let admin = server.token(Role::Admin).await;
    let viewer = server.token(Role::Viewer).await;
    let saga = server.start(&admin).await;
    let mut verbs = 0;
    for permission in permissions() {
        let one_saga = permission.path.starts_with("/v1/sagas/{saga}/");
        if permission.verb.is_none() || !one_saga {
            continue;
        }
        verbs += 1;
        let path = format!("{}?status=completed", filled(permission.path));
        let path = path.replace(NOBODY, &saga);
        let body = r#"{ "reason": "r" }"#;
        for (token, status) in [("amends_0000", 401), (&*viewer, 403), (&*admin, 412)] {
            let answer = server.ask(token, "POST", &path, body).await;
            assert_eq!(answer.status, status, "{path}: {answer:?}");
        }
    }
    assert_eq!(verbs, 9);
    let pause = format!("/v1/sagas/{saga}/pause?status=running");
    let paused = server
        .ask(&admin, "POST", &pause, r#"{ "reason": "r" }"#)
        .await;
    assert_eq!(paused.status, 200, "{paused:?}");
    let records = server.audit(&admin, "who=admin").await;
    let (last, before) = (&records[0], &records[1]);
    assert_eq!((&*last.verb, last.phase), ("saga.pause", Phase::Done));
    assert_eq!(before.phase, Phase::Refused);
    let why = before.detail.as_deref().unwrap();
    assert!(why.starts_with("not_selected: "), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_something_takes_more_than_a_viewer() {
    let mut verbs = Vec::new();
    for permission in permissions() {
        let what = format!("{} {}", permission.method, permission.path);
        match permission.verb {
            Some(verb) => {
                assert!(permission.role > Some(Role::Viewer), "{what}");
                assert_eq!(permission.method, "POST", "{what}");
                assert!(!verbs.contains(&verb), "{verb} is two verbs");
                verbs.push(verb);
            }
            // The one that sends what it asks about.
            None if permission.path.ends_with("/diff") => {}
            None => assert_eq!(permission.method, "GET", "{what}"),
        }
        if permission.role == Some(Role::Admin) {
            assert!(permission.audited, "{what}");
        }
    }
    let quiet = permissions().into_iter();
    let quiet = quiet.filter(|it| it.verb.is_some() && !it.audited);
    let quiet: Vec<_> = quiet.filter_map(|it| it.verb).collect();
    assert_eq!(quiet, ["saga.start", "saga.start_many", "saga.signal"]);
    let open: Vec<_> = permissions()
        .into_iter()
        .filter(|it| it.role.is_none())
        .collect();
    let open: Vec<_> = open.iter().map(|it| it.path).collect();
    assert_eq!(open, ["/live", "/ready", "/openapi.json"]);
}

/// Whatever is added to the router beside the table has no guard.
#[test]
fn the_router_is_made_of_the_table_only() {
    let router = include_str!("../../src/http/router.rs");
    for way in [
        ".route(",
        ".merge(",
        ".nest(",
        ".route_service(",
        ".nest_service(",
    ] {
        let times = router.matches(way).count();
        assert_eq!(times, usize::from(way == ".route("), "{way}");
    }
}

/// Who may do what is documented as it is.
#[test]
fn the_documentation_names_every_verb_with_its_role() {
    let page = include_str!("../../../docs/security.md");
    for permission in permissions() {
        let (Some(verb), Some(role)) = (permission.verb, permission.role) else {
            continue;
        };
        let row = format!("| `{verb}` |");
        let line = page.lines().find(|line| line.starts_with(&row));
        let line = line.unwrap_or_else(|| panic!("docs/security.md has no line {row}"));
        assert!(line.contains(&format!("| {role} |")), "{line}");
    }
}

/// The document says what a path takes, and who may not.
#[test]
fn the_document_names_the_role_of_every_path() {
    let document: Value = serde_json::from_str(openapi()).unwrap();
    for permission in permissions() {
        let method = permission.method.as_str().to_lowercase();
        let said = &document["paths"][permission.path][&method];
        let what = format!("{method} {}: {said}", permission.path);
        let needs = &said["security"][0]["bearer"][0];
        let role = permission.role.map(Role::as_str);
        assert_eq!(needs.as_str(), role, "{what}");
        for denied in ["401", "403"] {
            let is_foreseen = said["responses"].get(denied).is_some();
            assert_eq!(is_foreseen, role.is_some(), "{what}");
        }
        if let Some(verb) = permission.verb {
            let words = said["description"].as_str().unwrap();
            assert!(words.contains(&format!("`{verb}`")), "{what}");
            assert_eq!(words.contains("audit log"), permission.audited, "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_for_viewers_unless_settings_say_otherwise() {
    let server = Server::with_tokens().await;
    assert_eq!(server.send("GET", "/metrics", &[], "").await.status, 401);
    let counted = server
        .ask(&server.token(Role::Viewer).await, "GET", "/metrics", "")
        .await;
    let line = "amends_http_denied_total{code=\"unauthenticated\"} 1";
    assert!(counted.body.contains(line), "{counted:?}");
    let server = Server::with(AuthSettings {
        tokens: true,
        open_metrics: true,
        ..AuthSettings::default()
    })
    .await;
    assert_eq!(server.send("GET", "/metrics", &[], "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_api_takes_nothing_that_a_browser_was_made_to_send() {
    let server = Server::open().await;
    for (header, value, taken) in [
        ("Origin", "https://evil.example", false),
        ("Origin", "null", false),
        ("Origin", "http://127.0.0.1:3000", true),
        ("Origin", "http://localhost:3000", true),
        ("Host", "evil.example", false),
        ("Host", "127.0.0.1.evil.example:7600", false),
        ("Host", "localhost:7600", true),
        ("Host", "[::1]:7600", true),
    ] {
        let answer = server
            .send("GET", "/v1/sagas", &[(header, value)], "")
            .await;
        assert_eq!(is_let_in(&answer), taken, "{header}: {value}: {answer:?}");
        if !taken {
            assert_eq!(answer.code(), "foreign_origin");
        }
    }
    let exposed = Server::with(AuthSettings {
        exposed: true,
        ..AuthSettings::default()
    })
    .await;
    let named = [("Host", "amends.internal:7600")];
    assert_eq!(
        exposed.send("GET", "/v1/sagas", &named, "").await.status,
        200
    );
    // A token is nothing that a browser sends by itself.
    let asks = Server::with_tokens().await;
    let bearer = format!("Bearer {}", asks.token(Role::Viewer).await);
    let named = [("Host", "amends.internal:7600"), ("Authorization", &bearer)];
    assert_eq!(asks.send("GET", "/v1/sagas", &named, "").await.status, 200);
}
