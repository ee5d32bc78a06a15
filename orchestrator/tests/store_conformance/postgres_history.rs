//! The log has rows of two layouts: an event to a row up to schema 1, and then one for all events that
//! were decided together. Small values are kept with it.

use orchestrator::store::Store as _;
use saga_core::event::EventKind;
use serde_json::json;

use crate::sample::{advance, output};
use crate::stores::{Database, commit, started};

#[tokio::test]
async fn rows_of_both_layouts_are_one_log() {
    let database = Database::migrated().await;
    let store = database.store().await;
    let saga = store.new_saga_id();
    let skipped = |step: &str| format!(r#"{{"type":"step_skipped","key":"{step}"}}"#);
    let rows = [
        (1, 1, skipped("a")),
        (2, 1, skipped("b")),
        (3, 2, format!("[{},{}]", skipped("c"), skipped("d"))),
        (5, 2, format!("[{}]", skipped("e"))),
    ];
    for (seq, schema, data) in rows {
        let insert = format!(
            "INSERT INTO saga_events (saga_id, seq, schema, at, data)
             VALUES ('{saga}', {seq}, {schema}, now(), '{data}')"
        );
        database.admin.batch_execute(&insert).await.unwrap();
    }

    // Pages may begin and end in the middle of a row.
    for (after, limit, wanted) in [
        (0, 100, "1a 2b 3c 4d 5e"),
        (0, 3, "1a 2b 3c"),
        (2, 2, "3c 4d"),
        (3, 1, "4d"),
        (3, 100, "4d 5e"),
        (4, 1, "5e"),
        (5, 100, ""),
    ] {
        let events = store.history(saga, after, limit).await.unwrap();
        let told = events.iter().map(|event| match &event.kind {
            EventKind::StepSkipped { key } => format!("{}{key}", event.seq),
            other => panic!("{other:?}"),
        });
        let told: Vec<String> = told.collect();
        assert_eq!(told.join(" "), wanted, "{limit} after {after}");
    }
    let view = "SELECT string_agg(seq || (data ->> 'key'), ' ' ORDER BY seq) FROM saga_history";
    assert_eq!(database.text(view).await, "1a 2b 3c 4d 5e");
    database.drop().await;
}

#[tokio::test]
async fn a_value_is_in_one_place_and_in_the_view() {
    let database = Database::migrated().await;
    let store = database.store().await;
    let saga = started(&store).await;
    let mut transition = advance(&store, &saga);
    transition.values = vec![output(7, json!("x".repeat(2000)))];
    commit(&store, transition).await;
    let steps = |table: &str| {
        format!("SELECT string_agg(step || element, ' ' ORDER BY step, element) FROM {table}")
    };
    assert_eq!(database.text(&steps("saga_values")).await, "charge7");
    assert_eq!(database.text(&steps("saga_data")).await, "charge7 input0");
    let input = "SELECT value::text FROM saga_data WHERE step = 'input'";
    let stored = store.values(saga.id).await.unwrap();
    let (_, value) = &stored[0];
    assert_eq!(database.text(input).await, value.to_string());
    database.drop().await;
}
