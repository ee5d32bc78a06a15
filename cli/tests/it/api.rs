//! The API keeps to its document: what it takes, what it answers, what it refuses.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::amends::{Dev, repository, run};

const LONELY: &str = "saga: lonely\nversion: 1.0.0\nsteps:\n  - { id: prepare, action: nobody.prepare, no_effect: true }\n";

/// An id that nothing has.
const NOBODY: &str = "01990a3e-7c1d-7b44-a5b4-0c5f0a9d2e11";

/// What somebody asked, and what came.
#[derive(Debug)]
struct Answer {
    status: u16,
    kind: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

fn ask(dev: &Dev, method: &str, path: &str, body: &[u8]) -> Answer {
    let address = dev.server.strip_prefix("http://").expect("a URL");
    let mut stream = TcpStream::connect(address).expect("connect to the API");
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("send the head");
    // Who refuses a body does not read all of it.
    let _refused = stream.write_all(body);
    let mut bytes = Vec::new();
    let _reset = stream.read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).expect("UTF-8");
    let (head, body) = text.split_once("\r\n\r\n").expect("an answer");
    let field = |name: &str| {
        let line = head
            .lines()
            .find(|line| line.to_lowercase().starts_with(name));
        line.map_or_else(String::new, |line| line[name.len()..].trim().to_owned())
    };
    assert!(
        field("transfer-encoding:").is_empty() || path.ends_with("/events"),
        "{head}"
    );
    Answer {
        status: head
            .split(' ')
            .nth(1)
            .expect("a status")
            .parse()
            .expect("a number"),
        kind: field("content-type:"),
        body: body.to_owned(),
    }
}

fn document() -> Value {
    run(&["openapi"], &[]).json()
}

/// Every operation: method, path, and what the document says of it.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let all = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().expect("methods");
        methods
            .iter()
            .map(|(method, said)| (method.to_uppercase(), path.clone(), said.clone()))
    });
    all.collect()
}

/// What the document says of an answer.
fn schema_of(document: &Value, said: &Value, answer: &Answer) -> Option<Value> {
    let status = answer.status.to_string();
    let found = said["responses"].get(&status).unwrap_or_else(|| {
        assert_eq!(
            said["responses"]["default"]["$ref"],
            "#/components/responses/Problem"
        );
        assert!(
            answer.kind.starts_with("application/problem+json"),
            "{answer:?}"
        );
        &document["components"]["responses"]["Problem"]
    });
    let media = answer.kind.split(';').next()?;
    let schema = found["content"].get(media)?["schema"].clone();
    Some(json!({"components": document["components"], "allOf": [schema]}))
}

fn check(document: &Value, said: &Value, answer: &Answer) {
    let schema = schema_of(document, said, answer);
    let schema = schema.unwrap_or_else(|| panic!("{said} does not foresee {answer:?}"));
    if !answer.kind.contains("json") {
        return assert_eq!(schema["allOf"][0]["type"], "string");
    }
    let body = answer.json();
    let wrong = wrong(&schema, &body);
    assert!(wrong.is_empty(), "{wrong:?} in {body:#}");
}

fn wrong(schema: &Value, body: &Value) -> Vec<String> {
    // By themselves, formats are only remarks.
    let options = jsonschema::draft202012::options().should_validate_formats(true);
    let validator = options.build(schema).expect("a schema");
    validator
        .iter_errors(body)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// Times and ids are promised in a form, and what has another one is found.
#[test]
fn a_time_or_an_id_that_is_none_is_not_as_the_document_says() {
    let document = document();
    let components = &document["components"];
    let letter = json!({"$ref": "#/components/schemas/LetterView"});
    let schema = json!({"components": components, "allOf": [letter]});
    let good = json!({
        "id": NOBODY, "received_at": "2026-01-01T00:00:00.000000Z", "queue": "dead",
        "fingerprint": "f", "reason": "r", "body_bytes": 1,
    });
    assert_eq!(wrong(&schema, &good), Vec::<String>::new());
    for (field, text) in [("received_at", "2026-01-01 00:00"), ("id", "one")] {
        let mut bad = good.clone();
        bad[field] = json!(text);
        let wrong = wrong(&schema, &bad);
        assert!(wrong.len() == 1 && wrong[0].contains(field), "{wrong:?}");
    }
}

#[test]
fn the_document_in_docs_is_the_one_that_is_served() {
    let kept = std::fs::read_to_string(repository().join("docs/openapi.json")).expect("read it");
    let printed = run(&["openapi"], &[]);
    assert!(
        kept == printed.out,
        "docs/openapi.json is old: write it again with `amends openapi > docs/openapi.json`"
    );
    let dev = Dev::start();
    assert_eq!(ask(&dev, "GET", "/openapi.json", b"").body, printed.out);
}

#[test]
fn names_are_given_once_and_every_reference_leads_somewhere() {
    let document = document();
    let mut names: Vec<String> = operations(&document)
        .iter()
        .map(|(_, _, said)| said["operationId"].as_str().expect("a name").to_owned())
        .collect();
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all);
    assert!(all > 30, "{all}");
    let mut places = vec![&document];
    while let Some(place) = places.pop() {
        if let Some(to) = place.get("$ref").and_then(Value::as_str) {
            let pointer = to
                .strip_prefix('#')
                .expect("a reference within the document");
            assert!(document.pointer(pointer).is_some(), "{to} leads nowhere");
        }
        match place {
            Value::Array(items) => places.extend(items),
            Value::Object(fields) => places.extend(fields.values()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

#[test]
fn every_operation_of_the_document_is_there_and_others_are_not() {
    let dev = Dev::start();
    let document = document();
    let paths = document["paths"].as_object().expect("paths");
    for (path, methods) in paths {
        // No parameter that exists: the router is asked, not the handlers.
        let concrete: Vec<&str> = path
            .split('/')
            .map(|part| if part.starts_with('{') { "0" } else { part })
            .collect();
        let concrete = concrete.join("/");
        for method in ["GET", "POST", "PUT", "DELETE"] {
            let answer = ask(&dev, method, &concrete, b"");
            let is_there = methods.get(method.to_lowercase()).is_some();
            let missing = answer.status == 405
                || (answer.status == 404 && answer.body.contains("nothing at this path"));
            assert_eq!(is_there, !missing, "{method} {path}: {answer:?}");
            if missing {
                assert_eq!(answer.json()["code"], "method_not_allowed", "{answer:?}");
            }
        }
    }
}

/// A saga that waits for a worker that nobody starts, and one that is over.
fn two_sagas(dev: &Dev) -> (String, String) {
    let registered = ask(dev, "POST", "/v1/definitions", LONELY.as_bytes());
    assert_eq!(registered.status, 201, "{registered:?}");
    let start = |body: Value| {
        let answer = ask(dev, "POST", "/v1/sagas", body.to_string().as_bytes());
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["id"].as_str().expect("an id").to_owned()
    };
    let lonely = start(json!({"definition": "lonely", "input": {}, "labels": {"for": "api"}}));
    let over = start(json!({"definition": "lonely", "input": {}, "key": "over"}));
    let ended = dev.run(&[
        "saga",
        "terminate",
        &over,
        "--reason",
        "to have one that is over",
    ]);
    assert_eq!(ended.code, 0, "{ended:?}");
    (lonely, over)
}

fn worker(dev: &Dev) -> String {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let workers = ask(dev, "GET", "/v1/workers", b"").json();
        if let Some(id) = workers[0]["id"].as_str() {
            return id.replace('/', "%2F");
        }
        assert!(Instant::now() < deadline, "no worker was heard of");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_is_looked_at_is_as_the_document_says() {
    let dev = Dev::start();
    let document = document();
    let (lonely, over) = two_sagas(&dev);
    let worker = worker(&dev);
    let mut looked_at = 0;
    for (method, path, said) in operations(&document) {
        if method != "GET" {
            continue;
        }
        let path = path
            .replace("{name}", "lonely")
            .replace("{version}", "1.0.0")
            .replace("{worker}", &worker)
            .replace("{letter}", NOBODY);
        let sagas: &[&str] = if path.ends_with("/events") {
            // One that is not over would be followed for ever.
            &[&over, NOBODY]
        } else {
            &[&lonely, &over, NOBODY]
        };
        for saga in sagas {
            let path = path.replace("{saga}", saga);
            let answer = ask(&dev, "GET", &path, b"");
            let missing = path.contains(NOBODY);
            // A saga that is over cannot be cancelled, so there is no plan of it.
            let refused = path.ends_with("/plan") && *saga == over;
            let wanted = if missing {
                404
            } else if refused {
                409
            } else {
                200
            };
            assert_eq!(answer.status, wanted, "{path}: {answer:?}");
            check(&document, &said, &answer);
            looked_at += 1;
        }
    }
    assert!(looked_at > 40, "{looked_at}");
    let list = &document["paths"]["/v1/sagas"]["get"];
    for query in [
        "stuck=true",
        "status=running",
        "definition=lonely",
        "key=over",
        "label=for%3Dapi",
        "since=2026-01-01T00:00:00Z",
        "limit=1",
    ] {
        let answer = ask(&dev, "GET", &format!("/v1/sagas?{query}"), b"");
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
        check(&document, list, &answer);
        if let Some(page) = answer.json()["sagas"].as_array() {
            let found = if query.starts_with("since") || query.starts_with("definition") {
                2
            } else {
                1
            };
            assert_eq!(page.len(), found, "{query}: {answer:?}");
        }
    }
}

#[test]
fn pages_follow_each_other() {
    let dev = Dev::start();
    let (lonely, over) = two_sagas(&dev);
    let first = ask(&dev, "GET", "/v1/sagas?limit=1", b"").json();
    assert_eq!(first["sagas"][0]["id"], over);
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let second = ask(
        &dev,
        "GET",
        &format!("/v1/sagas?limit=1&cursor={cursor}"),
        b"",
    )
    .json();
    assert_eq!(second["sagas"][0]["id"], lonely);
}

/// What is asked for, with which body, and the status of the answer.
type Asked = (&'static str, String, u16);

fn asked_of_definitions() -> Vec<Asked> {
    let why = json!({"reason": "to see", "who": "a test"}).to_string();
    let other = LONELY.replace("1.0.0", "1.1.0");
    vec![
        ("/v1/definitions", other.clone(), 201),
        ("/v1/definitions", other.clone(), 200),
        ("/v1/definitions", "saga: 1".to_owned(), 422),
        ("/v1/definitions/{name}/{version}/diff", other, 200),
        ("/v1/definitions/{name}/{version}/retire", why.clone(), 200),
        ("/v1/definitions/{name}/{version}/unretire", why, 200),
    ]
}

fn asked_of_sagas() -> Vec<Asked> {
    let why = json!({"reason": "to see", "who": "a test"}).to_string();
    let start = json!({"definition": "lonely", "input": {}, "key": "k"}).to_string();
    let nobodys = json!({"definition": "nobody's", "input": {}}).to_string();
    let pause = "/v1/sagas/{saga}/pause";
    vec![
        ("/v1/sagas", start.clone(), 201),
        ("/v1/sagas", start, 200),
        ("/v1/sagas", nobodys, 404),
        ("/v1/sagas", "{".to_owned(), 400),
        (
            "/v1/sagas/{saga}/signal",
            json!({"name": "hello"}).to_string(),
            200,
        ),
        (pause, why.clone(), 200),
        (pause, why.clone(), 409),
        (pause, json!({"reason": ""}).to_string(), 400),
        ("/v1/sagas/{saga}/resume", why.clone(), 200),
        ("/v1/sagas/{saga}/steps/{step}/skip", why.clone(), 409),
        ("/v1/sagas/{saga}/cancel", why.clone(), 200),
        ("/v1/workers/{worker}/drain", why, 404),
        ("/v1/reconcile", json!({"dry_run": true}).to_string(), 200),
        ("/v1/reconcile", String::new(), 200),
        ("/v1/topology/apply", String::new(), 200),
    ]
}

#[test]
fn what_is_asked_for_is_answered_as_the_document_says() {
    let dev = Dev::start();
    let document = document();
    let (lonely, _) = two_sagas(&dev);
    for (path, body, status) in asked_of_definitions().into_iter().chain(asked_of_sagas()) {
        let said = &document["paths"][path]["post"];
        assert!(said.is_object(), "{path}");
        let path = path
            .replace("{name}", "lonely")
            .replace("{version}", "1.0.0")
            .replace("{saga}", &lonely)
            .replace("{worker}", "nobody%2F1")
            .replace("{step}", "prepare");
        let answer = ask(&dev, "POST", &path, body.as_bytes());
        assert_eq!(answer.status, status, "{path} {body}: {answer:?}");
        check(&document, said, &answer);
        if status < 300
            && let Some(schema) = said["requestBody"]["content"].get("application/json")
            && !body.is_empty()
        {
            let schema = json!({"components": document["components"], "allOf": [schema["schema"]]});
            let validator = jsonschema::draft202012::new(&schema).expect("a schema");
            let body = serde_json::from_str(&body).expect("JSON");
            validator
                .validate(&body)
                .expect("the document takes what the API takes");
        }
    }
}

#[test]
fn what_cannot_be_understood_is_refused_with_a_code() {
    let dev = Dev::start();
    let saga = format!("/v1/sagas/{NOBODY}");
    for path in [
        "/v1/sagas?limit=0".to_owned(),
        "/v1/sagas?limit=1001".to_owned(),
        "/v1/sagas?limit=many".to_owned(),
        "/v1/sagas?status=odd".to_owned(),
        "/v1/sagas?since=yesterday".to_owned(),
        "/v1/sagas?label=odd".to_owned(),
        "/v1/sagas?cursor=odd".to_owned(),
        "/v1/sagas?colour=red".to_owned(),
        "/v1/sagas?stuck=true&limit=5".to_owned(),
        "/v1/sagas/odd".to_owned(),
        format!("{saga}?wait=long"),
        format!("{saga}/history?limit=0"),
        format!("{saga}/history?after=x"),
        format!("{saga}/plan?if=x"),
        format!("{saga}/export?redact=maybe"),
        "/v1/dead-letters?limit=0".to_owned(),
        "/v1/dead-letters?cursor=odd".to_owned(),
        "/v1/dead-letters?since=yesterday".to_owned(),
        "/v1/dead-letters/odd".to_owned(),
    ] {
        let answer = ask(&dev, "GET", &path, b"");
        assert_eq!(answer.status, 400, "{path}: {answer:?}");
        assert_eq!(answer.kind, "application/problem+json", "{path}");
        assert_eq!(answer.json()["code"], "bad_request", "{path}");
    }
}

#[test]
fn a_body_that_is_too_large_is_refused() {
    let dev = Dev::start();
    let large = vec![b' '; 1024 * 1024 + 1];
    for (_, path, said) in operations(&document()) {
        if said.get("requestBody").is_none() {
            continue;
        }
        let path = path
            .replace("{saga}", NOBODY)
            .replace("{letter}", NOBODY)
            .replace("{version}", "1.0.0");
        let answer = ask(&dev, "POST", &path, &large);
        assert_eq!(answer.status, 413, "{path}: {answer:?}");
        assert_eq!(answer.json()["code"], "too_large", "{path}");
    }
}
