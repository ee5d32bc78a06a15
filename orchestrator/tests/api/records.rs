//! What the audit log says of what was asked.

use broker::message::Properties;
use orchestrator::audit::{AuditRecord, Chain, Phase};
use orchestrator::auth::Role;
use orchestrator::http::{AuditView, openapi, permissions};
use orchestrator::store::{Batch, StoredDeadLetter};
use serde_json::Value;
use uuid::Uuid;

use crate::access::filled;
use crate::server::Server;

fn verbs(records: &[AuditView]) -> Vec<(&str, Phase)> {
    let told = records.iter().map(|it| (it.verb.as_str(), it.phase));
    told.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verb_is_on_record_with_who_why_and_what_it_changed() {
    let server = Server::with_tokens().await;
    let operator = server.token(Role::Operator).await;
    let saga = server.start(&operator).await;
    let path = format!("/v1/sagas/{saga}/pause");
    let body = r#"{ "reason": "bank is down", "who": "carol" }"#;
    let bearer = format!("Bearer {operator}");
    let headers = [("Authorization", &*bearer), ("X-Request-Id", "r-1")];
    let paused = server.send("POST", &path, &headers, body).await;
    assert_eq!(paused.status, 200, "{paused:?}");

    let records = server.audit(&operator, "").await;
    assert_eq!(verbs(&records), [("saga.pause", Phase::Done)]);
    let done = &records[0];
    assert_eq!((&*done.who, &*done.role), ("operator", "operator"));
    assert_eq!(done.on_behalf_of.as_deref(), Some("carol"));
    assert_eq!(done.reason.as_deref(), Some("bank is down"));
    assert_eq!((&*done.target, done.saga.as_ref()), (&*saga, Some(&saga)));
    assert_eq!(done.request_id, "r-1");
    let (before, after) = (done.before.clone().unwrap(), done.after.clone().unwrap());
    assert_eq!((&*before.state, &*after.state), ("running", "paused"));
    assert!(before.version < after.version, "{before:?} {after:?}");

    // That it was asked is on record before; here it only says so when everything is asked for.
    let all = server.audit(&operator, "all=true").await;
    let both = [("saga.pause", Phase::Done), ("saga.pause", Phase::Asked)];
    assert_eq!(verbs(&all), both);
    assert_eq!(all[0].answers, Some(all[1].seq));

    // The saga's own history names whoever was authenticated.
    let history = format!("/v1/sagas/{saga}/history");
    let history = server.ask(&operator, "GET", &history, "").await;
    assert!(history.body.contains(r#""operator""#), "{history:?}");
    assert!(!history.body.contains("carol"), "{history:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_or_denied_is_on_record_and_changes_nothing() {
    let server = Server::with_tokens().await;
    let (viewer, operator) = (
        server.token(Role::Viewer).await,
        server.token(Role::Operator).await,
    );
    let saga = server.start(&operator).await;
    let reason = r#"{ "reason": "r" }"#;
    let path = |verb: &str| format!("/v1/sagas/{saga}/{verb}");
    for (token, verb, status) in [
        (&viewer, "cancel", 403),
        (&operator, "terminate", 403),
        (&operator, "resume", 409),
        (&viewer, "signal", 403),
    ] {
        let answer = server.ask(token, "POST", &path(verb), reason).await;
        assert_eq!(answer.status, status, "{verb}: {answer:?}");
    }
    let blank = server.ask(&operator, "POST", &path("cancel"), "{}").await;
    assert_eq!(blank.status, 400);
    let records = server.audit(&viewer, "").await;
    assert_eq!(
        verbs(&records),
        [
            ("saga.cancel", Phase::Refused),
            ("saga.signal", Phase::Denied),
            ("saga.resume", Phase::Refused),
            ("saga.terminate", Phase::Denied),
            ("saga.cancel", Phase::Denied),
        ]
    );
    let refused = &records[2];
    assert_eq!(refused.before, refused.after);
    assert!(refused.detail.as_ref().unwrap().starts_with("refused: "));
    let denied = &records[3];
    let detail = denied.detail.as_deref().unwrap();
    assert_eq!(
        detail,
        "this takes the role admin, and operator has the role operator"
    );
    // Nobody unnamed can fill the log.
    server.send("POST", &path("cancel"), &[], reason).await;
    assert_eq!(server.audit(&viewer, "").await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_and_trying_out_leave_no_record() {
    let server = Server::with_tokens().await;
    let admin = server.token(Role::Admin).await;
    let saga = server.start(&admin).await;
    let dry = [
        ("/v1/reconcile".to_owned(), r#"{ "dry_run": true }"#),
        (
            format!("/v1/sagas/{saga}/move"),
            r#"{ "to": "1.0.0", "reason": "r", "dry_run": true }"#,
        ),
    ];
    for (path, body) in dry {
        server.ask(&admin, "POST", &path, body).await;
    }
    for path in ["/v1/sagas", "/v1/audit", "/v1/definitions"] {
        assert_eq!(server.ask(&admin, "GET", path, "").await.status, 200);
    }
    assert_eq!(verbs(&server.audit(&admin, "all=true").await), []);
}

/// A field that a route does not know keeps nothing out of the log.
#[tokio::test(flavor = "multi_thread")]
async fn dry_run_leaves_no_record_only_where_nothing_is_done() {
    let server = Server::with_tokens().await;
    let admin = server.token(Role::Admin).await;
    let document: Value = serde_json::from_str(openapi()).unwrap();
    let body = r#"{ "reason": "r", "dry_run": true }"#;
    let mut dry = Vec::new();
    for permission in permissions().into_iter().filter(|it| it.audited) {
        let verb = permission.verb.unwrap();
        let said = &document["paths"][permission.path]["post"]["requestBody"];
        let schema = &said["content"]["application/json"]["schema"]["$ref"];
        let schema = schema.as_str().and_then(|it| it.strip_prefix('#'));
        let fields = schema.and_then(|at| document.pointer(at));
        let knows = fields.is_some_and(|it| it["properties"].get("dry_run").is_some());
        server
            .ask(&admin, "POST", &filled(permission.path), body)
            .await;
        let on_record = server.audit(&admin, &format!("verb={verb}")).await.len();
        assert_eq!(on_record, usize::from(!knows), "{verb}");
        dry.extend(knows.then_some(verb));
    }
    dry.sort_unstable();
    let honour = ["letter.drop", "letter.replay", "reconcile", "saga.move"];
    assert_eq!(dry, honour);
    // What is told to do nothing and does not know how is refused, and on record.
    let applied = server.audit(&admin, "verb=topology.apply").await;
    assert_eq!(applied[0].phase, Phase::Refused);
}

async fn kept(server: &Server, saga: Option<&str>, body: &str) -> Uuid {
    let properties = Properties {
        kind: "amends.signal.v1".to_owned(),
        ..Properties::default()
    };
    let letter = StoredDeadLetter {
        id: Uuid::now_v7(),
        saga: saga.map(|id| id.parse().unwrap()),
        queue: "test.requests".to_owned(),
        reason: "rejected".to_owned(),
        fingerprint: "rejected".to_owned(),
        properties: serde_json::to_value(properties).unwrap(),
        body: body.as_bytes().to_vec(),
    };
    let id = letter.id;
    let batch = Batch {
        dead_letters: vec![letter],
        ..Batch::default()
    };
    server.store.commit(&batch).await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_with_a_letter_is_on_record_for_its_saga() {
    let server = Server::with_tokens().await;
    let admin = server.token(Role::Admin).await;
    let viewer = server.token(Role::Viewer).await;
    let saga = server.start(&admin).await;
    // The one says nothing of a saga but in its body, which counts once it can be read.
    let go = format!(r#"{{ "saga": "{saga}", "id": "s-1", "name": "go" }}"#);
    let unnamed = kept(&server, None, &go).await;
    let named = kept(&server, Some(&saga), "{").await;
    let reason = r#"{ "reason": "mended" }"#;
    for (token, letter, verb, status) in [
        (&viewer, named, "drop", 403),
        (&admin, named, "drop", 200),
        (&admin, unnamed, "replay", 200),
    ] {
        let path = format!("/v1/dead-letters/{letter}/{verb}");
        let answer = server.ask(token, "POST", &path, reason).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    let records = server.audit(&admin, &format!("saga={saga}")).await;
    assert_eq!(
        verbs(&records),
        [
            ("letter.replay", Phase::Done),
            ("letter.drop", Phase::Done),
            ("letter.drop", Phase::Denied),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_letters_and_whole_passes_are_on_record_too() {
    let server = Server::open().await;
    let source = "saga: other\nversion: 2.0.0\nsteps:\n  - { id: wait, wait_for: { signal: go, timeout: 1h } }\n";
    let registered = server.send("POST", "/v1/definitions", &[], source).await;
    assert_eq!(registered.status, 201, "{registered:?}");
    let broken = server.send("POST", "/v1/definitions", &[], "saga: 7").await;
    assert_eq!(broken.status, 422, "{broken:?}");
    let retire = r#"{ "reason": "old", "who": "dave" }"#;
    let path = "/v1/definitions/other/2.0.0/retire";
    assert_eq!(server.send("POST", path, &[], retire).await.status, 200);
    assert_eq!(
        server.send("POST", "/v1/reconcile", &[], "").await.status,
        200
    );

    let records = server.audit("", "").await;
    assert_eq!(
        verbs(&records),
        [
            ("reconcile", Phase::Done),
            ("definition.retire", Phase::Done),
            ("definition.register", Phase::Refused),
            ("definition.register", Phase::Done),
        ]
    );
    let summary = records[0].detail.as_deref();
    assert_eq!(summary, Some("0 commands were sent again"));
    let retired = &records[1];
    // Nobody was asked who they are: what they say is all there is.
    assert_eq!((&*retired.who, &*retired.role), ("dave", "none"));
    assert_eq!(retired.before.as_ref().unwrap().state, "registered");
    assert_eq!(retired.after.as_ref().unwrap().state, "retired");
    let added = &records[3];
    assert_eq!(added.target, "other/2.0.0");
    assert_eq!((&added.before, added.who.as_str()), (&None, "unknown"));
    assert_eq!(added.after.as_ref().unwrap().state, "registered");
}

#[tokio::test(flavor = "multi_thread")]
async fn verbs_at_once_make_one_chain() {
    let server = Server::open().await;
    let saga = server.start("").await;
    let path = format!("/v1/sagas/{saga}/pause");
    let asks = (0..40).map(|_| server.send("POST", &path, &[], r#"{ "reason": "r" }"#));
    let answers = futures_util::future::join_all(asks).await;
    let done = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(done, 1, "a saga is paused once");
    let mut chain = Chain::default();
    loop {
        let page = format!("/v1/audit/chain?after={}&limit=7", chain.records);
        let page = server.send("GET", &page, &[], "").await;
        let page: Vec<AuditView> = serde_json::from_str(&page.body).unwrap();
        if page.is_empty() {
            break;
        }
        for view in page {
            chain.follow(&AuditRecord::from(view)).unwrap();
        }
    }
    assert_eq!(chain.records, 80);
    let records = server.audit("", "limit=1000").await;
    let taken = records.iter().filter(|it| it.phase == Phase::Done).count();
    assert_eq!((records.len(), taken), (40, 1));
}
