//! Many sagas started in one request.

use orchestrator::admission::AdmissionSettings;
use orchestrator::http::{BatchView, BatchedView, STARTS_MAX};
use orchestrator::orchestrator::OrchestratorSettings;
use serde_json::{Value, json};

use crate::server::{Answer, Server};

async fn batch(server: &Server, sagas: Vec<Value>) -> Answer {
    let body = json!({ "sagas": sagas }).to_string();
    server.send("POST", "/v1/sagas/batch", &[], &body).await
}

fn patient(key: &str) -> Value {
    json!({ "definition": "patient", "key": key, "input": {} })
}

/// What became of each: whether it is new, or the code of its problem.
fn told(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let view: BatchView = serde_json::from_str(&answer.body).unwrap();
    let told = |one: &BatchedView| match one {
        BatchedView::Started(view) if view.created => "new".to_owned(),
        BatchedView::Started(_) => "there".to_owned(),
        BatchedView::Problem(problem) => problem.code.to_string(),
    };
    view.sagas.iter().map(told).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_many_is_answered_by_itself_and_in_its_place() {
    let server = Server::open().await;
    let unknown = json!({ "definition": "nobody", "input": {} });
    let asked = vec![patient("a"), unknown, patient("b"), patient("a")];
    let answer = batch(&server, asked.clone()).await;
    let mut became = told(&answer);
    // Two of one key race each other.
    let twice = [became.remove(3), became.remove(0)];
    assert!(twice.contains(&"new".to_owned()) && twice.contains(&"there".to_owned()));
    assert_eq!(became, ["unknown_definition", "new"]);
    assert_eq!(told(&batch(&server, asked).await)[2], "there");
    let listed = server.send("GET", "/v1/sagas", &[], "").await;
    assert_eq!(listed.json()["sagas"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn none_and_too_many_are_refused() {
    let server = Server::open().await;
    for count in [0, STARTS_MAX + 1] {
        let sagas = (0..count).map(|number| patient(&format!("k{number}")));
        let answer = batch(&server, sagas.collect()).await;
        assert_eq!((answer.status, &*answer.code()), (400, "bad_request"));
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("from 1 to 100"), "{detail}");
    }
    let listed = server.send("GET", "/v1/sagas", &[], "").await;
    assert_eq!(listed.json()["sagas"].as_array().unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_none_is_let_in_all_are_to_come_again() {
    let settings = OrchestratorSettings {
        admission: AdmissionSettings {
            open_sagas_max: Some(0),
            ..AdmissionSettings::default()
        },
        ..OrchestratorSettings::default()
    };
    let server = Server::set(settings).await;
    let answer = batch(&server, vec![patient("a"), patient("b")]).await;
    assert_eq!((answer.status, &*answer.code()), (429, "overload"));
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
}
