//! Against an orchestrator that says what it is told to.

use orchestrator::http::StartBody;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::report::Report;
use super::starts::{INPUT_BYTES_MAX, Starts};
use crate::args::Format;
use crate::client::Client;
use crate::failure::Outcome;

const STARTED: &str = r#"{"started":{"id":"s","definition":"d","version":"1.0.0","created":true}}"#;

/// Let in later.
fn overload() -> String {
    problem(429, r#","retry_after_seconds":7"#)
}

fn problem(status: u16, more: &str) -> String {
    let problem =
        format!(r#"{{"type":"t","title":"T","status":{status},"code":"c","detail":"why"{more}}}"#);
    format!(r#"{{"problem":{problem}}}"#)
}

/// An orchestrator with these answers, one after the other.
async fn answering(answers: Vec<(u16, String)>) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 16 * 1024];
            assert!(stream.read(&mut request).await.unwrap() > 0);
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status} S\r\nretry-after: 7\r\ncontent-length: {length}\r\n\
                 connection: close\r\n\r\n{body}"
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    Client::at(&url).unwrap()
}

fn of_each(sagas: &[&str]) -> (u16, String) {
    (200, format!(r#"{{"sagas":[{}]}}"#, sagas.join(",")))
}

async fn start(answers: Vec<(u16, String)>, lines: &str) -> (Outcome, Report) {
    let client = answering(answers).await;
    let of = StartBody {
        definition: "d".to_owned(),
        version: None,
        input: Value::Null,
        key: None,
        labels: std::collections::BTreeMap::new(),
    };
    let mut starts = Starts {
        client: &client,
        format: Format::Table,
        report: Report::default(),
    };
    let went = starts.go_through(&of, lines.as_bytes()).await;
    (went, starts.report)
}

#[tokio::test(start_paused = true)]
async fn those_that_are_not_let_in_are_asked_for_again() {
    let later = overload();
    let began = Instant::now();
    let answers = vec![
        (429, "{}".to_owned()),
        of_each(&[STARTED, &later, &problem(400, "")]),
        of_each(&[STARTED]),
    ];
    let (went, report) = start(answers, "{}\n{}\n{}\n").await;
    went.unwrap();
    assert_eq!((report.started, report.failed), (2, 1));
    assert_eq!(report.failures[0].line, 3);
    let took = began.elapsed().as_secs();
    assert!((14..20).contains(&took), "{took} s");
}

#[tokio::test(start_paused = true)]
async fn it_does_not_ask_for_ever_and_says_how_far_it_came() {
    let later = overload();
    let mut answers = vec![of_each(&[STARTED, &later])];
    answers.extend((0..5).map(|_| of_each(&[&later])));
    let (went, report) = start(answers, "{}\n{}\n").await;
    let failure = went.unwrap_err();
    assert!(
        failure
            .message()
            .contains("line 2: not let in, asked 5 times"),
        "{failure}"
    );
    assert!(
        failure.to_string().contains("1 were started before"),
        "{failure}"
    );
    assert_eq!(report.started, 1);
}

#[tokio::test]
async fn what_comes_before_a_line_that_is_too_long_is_started() {
    let long = "9".repeat(INPUT_BYTES_MAX + 1);
    let answers = vec![of_each(&[STARTED])];
    let (went, report) = start(answers, &format!("1\n{long}\n")).await;
    assert!(went.is_err_and(|failure| failure.message().contains("line 2 has more than")));
    assert_eq!(report.started, 1);
}

#[tokio::test]
async fn a_caller_who_may_not_start_anything_is_told_what_to_do() {
    let nobody = r#"{"type":"t","title":"T","status":401,"code":"c","detail":"who are you?"}"#;
    let (went, report) = start(vec![(401, nobody.to_owned())], "{}\n{}\n").await;
    let failure = went.unwrap_err().to_string();
    assert!(failure.contains("who are you?"), "{failure}");
    assert!(failure.contains("AMENDS_TOKEN"), "{failure}");
    assert_eq!(report.started, 0);
}

#[tokio::test]
async fn an_answer_that_lacks_some_is_not_taken_for_all() {
    let (answers, lines) = (vec![of_each(&[STARTED])], "{}\n{}\n");
    let (went, report) = start(answers, lines).await;
    assert!(went.is_err_and(|failure| failure.message().contains("answered 1 of 2 starts")));
    assert_eq!(report.started, 0);
}
