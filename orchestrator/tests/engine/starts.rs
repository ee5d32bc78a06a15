//! Starting sagas, once and more often.

use serde_json::json;

use crate::bench::Bench;

#[tokio::test]
async fn the_same_key_is_the_same_saga_also_when_two_ask_at_once() {
    let bench = Bench::with_orchestrators(2).await;
    let (one, other) = tokio::join!(
        bench.start_at(0, json!({ "key": "k" })),
        bench.start_at(1, json!({ "key": "k" }))
    );
    let (one, other) = (one.expect("started"), other.expect("started"));
    assert_eq!(one.saga, other.saga);
    assert!(
        one.created != other.created,
        "one of them made it: {one:?} {other:?}"
    );
    let again = bench.start("k").await.expect("found");
    assert_eq!((again.saga, again.created), (one.saga, false));
    let another = bench.start("l").await.expect("started");
    assert!(another.created && another.saga != one.saga);
    bench.stop().await;
}

#[tokio::test]
async fn an_input_without_what_the_key_needs_starts_nothing() {
    let bench = Bench::with_orchestrators(1).await;
    let refused = bench.start_at(0, json!({})).await.expect_err("no key");
    assert!(refused.to_string().contains("key"), "{refused}");
    bench.stop().await;
}
