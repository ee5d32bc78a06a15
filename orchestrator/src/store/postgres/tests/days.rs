//! The database and this program agree on which ids belong to which time, and days are counted in
//! pieces.

use saga_core::time::Timestamp;
use uuid::Uuid;

use super::stores::{USUAL, drop_schema, run, schema, store};
use crate::store::day::{Day, DaySagas, first_saga_id};
use crate::store::postgres::columns::Time;
use crate::store::postgres::days::count;

#[tokio::test]
async fn the_first_id_of_a_time_is_the_same_in_sql() {
    let schema = schema();
    let store = store(&schema, USUAL).await;
    for text in [
        "0001-01-01T00:00:00Z",
        "1926-11-29T10:00:00Z",
        "1969-12-31T23:59:59.9999Z",
        "1970-01-01T00:00:00Z",
        "2026-11-24T23:59:59.999500Z",
        "2026-11-24T23:59:59.999999Z",
        "2026-11-25T00:00:00Z",
        "9999-12-30T00:00:00Z",
    ] {
        let at: Timestamp = text.parse().unwrap();
        let sql = "SELECT first_saga_id($1::timestamptz)";
        let rows = store.try_query(sql, &[&Time(at)]).await.unwrap();
        assert_eq!(rows[0].get::<_, Uuid>(0), first_saga_id(at).0, "{text}");
    }
    drop_schema(&store, &schema).await;
}

#[tokio::test]
async fn the_sagas_of_a_day_are_counted_piece_by_piece() {
    let schema = schema();
    let store = store(&schema, USUAL).await;
    let at: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
    let day = Day::of(first_saga_id(at));
    // Seven of that day, one of them open and two of them ended late, and one of the next day.
    let saga = |number: u32, status: &str, ended: &str| {
        let id = Uuid::from_u128(day.first.0.as_u128() + u128::from(number));
        let of = if number == 7 { day.beyond.0 } else { id };
        format!(
            "INSERT INTO sagas (id, version, status, definition, definition_version, labels,
                                started_at, ended_at, state)
             VALUES ('{of}', 1, '{status}', 'order', '1.0.0', '{{}}', now(), {ended}, '{{}}');"
        )
    };
    let (early, late) = ("'2026-01-02T00:00:00Z'", "'2026-02-02T00:00:00Z'");
    let ends = [early, "NULL", late, early, early, late, early, early];
    for (number, ended) in (0..).zip(ends) {
        let status = if ended == "NULL" {
            "running"
        } else {
            "completed"
        };
        run(&store, &saga(number, status, ended)).await;
    }
    for seq in 1..=3 {
        let message = format!(
            "INSERT INTO outbox (saga_id, seq, owner, properties, body)
             VALUES ('{}', {seq}, '{}', '{{}}', '')",
            day.first.0, store.owner
        );
        run(&store, &message).await;
    }
    let horizon = "2026-02-01T00:00:00Z".parse().unwrap();
    for (at_once, unsent) in [(1, 1), (2, 2), (7, 3), (100, 3)] {
        let counted = count(&store, &day, horizon, at_once).await.unwrap();
        let expected = DaySagas {
            all: 7,
            open: 1,
            recent: 2,
            unsent,
        };
        assert_eq!(counted, expected, "{at_once} at once");
    }
    drop_schema(&store, &schema).await;
}
