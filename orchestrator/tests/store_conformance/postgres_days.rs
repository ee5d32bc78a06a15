//! Days as partitions: opened ahead, found again by strays, dropped beside the hot path.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use orchestrator::store::{Day, Store, StoreError};
use saga_core::decision::Good;
use saga_core::ids::{ActionName, SagaId, StepKey};
use saga_core::values::{InputDigest, ValueKey};

use crate::postgres_failures::behind_proxy;
use crate::sample;
use crate::stores::{Database, commit, eventually, started};
use crate::suite_days::id_at;

const DAY: Duration = Duration::from_hours(24);

/// The partition that a saga's events are in.
async fn partition(database: &Database, saga: SagaId) -> String {
    let sql = format!(
        "SELECT tableoid::regclass::text FROM saga_events WHERE saga_id = '{saga}' LIMIT 1"
    );
    database.text(&sql).await
}

#[tokio::test]
async fn days_are_opened_ahead_once() {
    let database = Database::migrated().await;
    let (a, b) = (database.store().await, database.store().await);
    let until = a.now().after(DAY * 3);
    let (one, two) = tokio::join!(a.open_days(until), b.open_days(until));
    assert_eq!(one.unwrap(), two.unwrap());
    let days = a.days(a.now()).await.unwrap();
    assert_eq!(days.len(), 4, "{days:?}");
    assert!(days.iter().all(|day| day.sagas.is_none() && day.bytes > 0));
    for pair in days.windows(2) {
        assert_eq!(pair[0].day.beyond, pair[1].day.first);
    }
    let saga = started(&a).await;
    let day = days
        .iter()
        .find(|it| (it.day.first..it.day.beyond).contains(&saga.id));
    let name = format!("saga_events_{}", day.unwrap().day.name);
    assert_eq!(partition(&database, saga.id).await, name);
    // What is never changed is not changed in a partition either.
    for sql in [
        "UPDATE saga_events SET data = '{}'".to_owned(),
        format!("UPDATE {name} SET data = '{{}}'"),
    ] {
        assert!(database.admin.batch_execute(&sql).await.is_err(), "{sql}");
    }
    drop((a, b));
    database.drop().await;
}

/// Locks, until the transaction ends, what is partitioned but for the days of these partitions.
async fn lock_other_days(database: &Database, days: &[&str]) {
    let mut others = "SELECT string_agg(inhrelid::regclass::text, ', ') FROM pg_inherits
         WHERE inhparent IN ('saga_events'::regclass, 'saga_values'::regclass)"
        .to_owned();
    for day in days {
        let name = day.trim_start_matches("saga_events_");
        write!(others, " AND inhrelid::regclass::text NOT LIKE '%{name}'").unwrap();
    }
    let others = database.text(&others).await;
    assert!(others.split(", ").count() >= 4, "{others}");
    let lock = format!("BEGIN; LOCK TABLE {others} IN ACCESS EXCLUSIVE MODE");
    database.admin.batch_execute(&lock).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_open_the_days_that_they_need_and_no_other() {
    let database = Database::migrated().await;
    let (store, proxy) = behind_proxy(&database).await;
    store.open_days(store.now().after(DAY * 3)).await.unwrap();
    let mut start = sample::start(&store);
    let input = InputDigest::of(&serde_json::json!({}));
    let (action, key) = ("rates.get".parse().unwrap(), StepKey::parse("charge"));
    start.values.push(sample::output(0, serde_json::json!(7)));
    start.good.push(Good {
        action: ActionName::clone(&action),
        input,
        key,
    });
    let saga = commit(&store, start).await;
    let mut other = sample::start(&store);
    let tomorrow = id_at(store.now().after(DAY));
    sample::edit(&mut other, |saga| saga.id = tomorrow);
    commit(&store, other).await;
    let today = partition(&database, saga.id).await;
    let next = partition(&database, tomorrow).await;

    lock_other_days(&database, &[&today, &next]).await;
    let both = [(tomorrow, ValueKey::Input), (saga.id, ValueKey::Input)];
    assert_eq!(store.load_values(&both).await.unwrap().len(), 2);
    database.admin.batch_execute("ROLLBACK").await.unwrap();

    lock_other_days(&database, &[&today]).await;
    assert_eq!(store.history(saga.id, 0, 10).await.unwrap().len(), 1);
    assert_eq!(store.values(saga.id).await.unwrap().len(), 2);
    assert_eq!(store.load_values(&both[1..]).await.unwrap().len(), 1);
    let good = store.last_good(&[(action, input)]).await.unwrap();
    assert_eq!(good[0].as_ref().unwrap().output, serde_json::json!(7));
    // A commit whose answer is lost is read back.
    proxy.lose_next_answer();
    commit(&store, sample::advance(&store, &saga)).await;
    assert!(!proxy.is_armed(), "the answer was lost");
    database.admin.batch_execute("ROLLBACK").await.unwrap();
    drop(store);
    database.drop().await;
}

#[tokio::test]
async fn strays_are_moved_when_their_day_is_opened() {
    let database = Database::migrated().await;
    let store = database.store().await;
    // Too large to be kept with its event.
    let large = || sample::output(0, serde_json::json!("x".repeat(2000)));
    let mut known = sample::start(&store);
    known.values.push(large());
    let saga = commit(&store, known).await;
    // An id whose time makes no sense has no day that could be opened.
    let mut lost = sample::start(&store);
    let id = id_at("2190-01-01T00:00:00Z".parse().unwrap());
    sample::edit(&mut lost, |saga| saga.id = id);
    lost.values.push(large());
    let lost = commit(&store, lost).await;
    assert_eq!(partition(&database, saga.id).await, "saga_events_default");

    let opened = store.open_days(store.now()).await.unwrap();
    assert_eq!(
        (opened.moved, opened.left),
        (2, 2),
        "an event and a large value each"
    );
    assert_ne!(partition(&database, saga.id).await, "saga_events_default");
    assert_eq!(partition(&database, lost.id).await, "saga_events_default");
    assert_eq!(store.history(saga.id, 0, 10).await.unwrap().len(), 1);
    assert_eq!(store.values(saga.id).await.unwrap().len(), 2);
    let again = store.open_days(store.now()).await.unwrap();
    assert_eq!((again.moved, again.left), (0, 2));
    drop(store);
    database.drop().await;
}

#[tokio::test]
async fn what_was_there_before_days_becomes_one_of_them() {
    let database = Database::empty().await;
    let schema = format!("CREATE SCHEMA {}", database.schema);
    database.admin.batch_execute(&schema).await.unwrap();
    let (before, after): (Vec<_>, Vec<_>) = migrations().into_iter().partition(|(n, _)| *n < 8);
    for (_, sql) in before {
        database.admin.batch_execute(&sql).await.unwrap();
    }
    let old = id_at(saga_core::time::Timestamp::from_micros(
        1_700_000_000_000_000,
    ));
    let event = format!("INSERT INTO saga_events VALUES ('{old}', 1, 1, now(), '{{}}')");
    database.admin.batch_execute(&event).await.unwrap();
    for (_, sql) in after {
        database.admin.batch_execute(&sql).await.unwrap();
    }
    assert!(
        partition(&database, old)
            .await
            .starts_with("saga_events_before_")
    );
    let today = "SELECT open_day((now() AT TIME ZONE 'UTC')::date)::text";
    assert_eq!(database.text(today).await, "0");
    let days = "SELECT count(*)::text FROM pg_inherits WHERE inhparent = 'saga_events'::regclass";
    assert_eq!(
        database.text(days).await,
        "2",
        "today is in what was before"
    );
    let tomorrow = "SELECT open_day((now() AT TIME ZONE 'UTC')::date + 1)::text";
    assert_eq!(database.text(tomorrow).await, "0");
    assert_eq!(database.text(days).await, "3");
    database.drop().await;
}

/// The migrations by their number.
fn migrations() -> Vec<(u32, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/orchestrator");
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if let Some(number) = name.split('_').next().and_then(|it| it.parse().ok()) {
            found.push((number, std::fs::read_to_string(&path).unwrap()));
        }
    }
    found.sort();
    found
}

/// A day of the past with one saga that is forgotten already.
async fn empty_day(store: &dyn Store) -> Day {
    let id = id_at("2026-01-01T12:00:00Z".parse().unwrap());
    let mut start = sample::start(store);
    sample::edit(&mut start, |saga| saga.id = id);
    let saga = commit(store, start).await;
    let end = sample::close(store, &saga, saga_core::saga::Phase::Completed);
    commit(store, end).await;
    store.open_days(store.now()).await.unwrap();
    let horizon = store.now().after(DAY);
    let days = store.days(store.now()).await.unwrap();
    let day = days.into_iter().map(|it| it.day);
    let day = day
        .into_iter()
        .find(|it| (it.first..it.beyond).contains(&id))
        .unwrap();
    let forgotten = store.forget_sagas(&day, horizon, None, 10).await.unwrap();
    assert_eq!(forgotten, Some((1, id)));
    day
}

#[tokio::test]
async fn a_day_whose_table_is_in_use_is_left_for_later() {
    let database = Database::migrated().await;
    let store = database.store().await;
    let day = empty_day(&store).await;
    let begin = "BEGIN; LOCK TABLE saga_events IN ROW EXCLUSIVE MODE";
    database.admin.batch_execute(begin).await.unwrap();
    let begun = Instant::now();
    let refused = store.drop_day(&day).await.unwrap_err();
    assert!(
        matches!(refused, StoreError::Unavailable { .. }),
        "{refused}"
    );
    // Four tries of 200 ms each, and the waits between them.
    assert!(begun.elapsed() < Duration::from_secs(5));
    database.admin.batch_execute("ROLLBACK").await.unwrap();
    assert!(store.drop_day(&day).await.unwrap());
    drop(store);
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_is_dropped_while_sagas_run() {
    let database = Database::migrated().await;
    let (store, writer) = (database.store().await, database.store().await);
    let day = empty_day(&store).await;
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let writing = tokio::spawn(async move {
        let mut written = 0;
        while stopped.try_recv().is_err() {
            let saga = started(&writer).await;
            let next = sample::advance(&writer, &saga);
            commit(&writer, next).await;
            written += 1;
        }
        written
    });
    let count = "SELECT count(*)::text FROM sagas";
    eventually!(database.text(count).await != "0");
    assert!(store.drop_day(&day).await.unwrap());
    let before = database.text(count).await;
    eventually!(database.text(count).await != before);
    stop.send(()).unwrap();
    assert!(writing.await.unwrap() > 1);
    let days = store.days(store.now()).await.unwrap();
    assert!(days.iter().all(|it| it.day != day));
    drop(store);
    database.drop().await;
}
