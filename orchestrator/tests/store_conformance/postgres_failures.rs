//! What the Postgres store does when the database, or the way to it, fails.

use std::sync::Arc;
use std::time::Duration;

use orchestrator::store::{PostgresSettings, PostgresStore, SagaOutcome, Store};
use uuid::Uuid;

use crate::config;
use crate::proxy::Proxy;
use crate::sample::{advance, batch, edit, output, start, start_with_key};
use crate::stores::{
    DEADLINE, Database, assert_committed, assert_conflict, assert_poisoned, commit, eventually,
    load, started,
};

/// A store with one connection, through a proxy.
pub(crate) async fn behind_proxy(database: &Database) -> (PostgresStore, Proxy) {
    let proxy = Proxy::start().await;
    let mut settings = database.settings();
    settings.url = proxy.url();
    settings.pool_size = 1;
    (PostgresStore::connect(settings).await.unwrap(), proxy)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_read_back() {
    let database = Database::migrated().await;
    let (store, proxy) = behind_proxy(&database).await;
    let saga = started(&store).await;
    let stale = started(&store).await;
    commit(&database.store().await, advance(&store, &stale)).await;

    let (mut next, fresh) = (advance(&store, &saga), start_with_key(&store, "once"));
    next.values.push(output(0, serde_json::json!(1)));
    let (fresh_id, lost) = (fresh.saga.id, advance(&store, &stale));
    proxy.lose_next_answer();
    let report = store.commit(&batch([next, fresh, lost])).await.unwrap();
    assert!(!proxy.is_armed(), "the answer was lost");
    assert_committed(&report, saga.id);
    assert_committed(&report, fresh_id);
    assert_conflict(&report, stale.id);
    assert_eq!(load(&store, saga.id).await.version, 2);
    assert_eq!(store.history(saga.id, 0, 10).await.unwrap().len(), 2);
    assert_eq!(
        store.find_key("order", "once").await.unwrap(),
        Some(fresh_id)
    );
    drop(store);
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_never_arrived_is_repeated() {
    let database = Database::migrated().await;
    let (store, proxy) = behind_proxy(&database).await;
    let saga = started(&store).await;
    proxy.lose_next_request();
    let saga = commit(&store, advance(&store, &saga)).await;
    assert!(!proxy.is_armed(), "the request was lost");
    assert_eq!(load(&store, saga.id).await, saga);

    proxy.lose_next_request();
    store.ping().await.unwrap_err();
    store.ping().await.unwrap();
    drop(store);
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_commit_whose_answer_is_lost_is_read_back() {
    let database = Database::migrated().await;
    let (store, proxy) = behind_proxy(&database).await;
    let saga = started(&store).await;
    let judge = |found: Option<saga_core::saga::Saga>| {
        proxy.lose_next_answer();
        Some(advance(&store, &found.unwrap()))
    };
    let report = store.commit_locked(saga.id, Box::new(judge)).await.unwrap();
    assert!(!proxy.is_armed(), "an answer was lost");
    assert_committed(&report, saga.id);
    assert_eq!(load(&store, saga.id).await.version, 2);
    drop(store);
    database.drop().await;
}

/// Sessions `w` that wait for a row of `sagas`. Not from `pg_stat_activity`, which stands still
/// inside a transaction.
const WAITING_FOR_SAGAS: &str = "FROM pg_locks w JOIN pg_locks h USING (pid)
     WHERE NOT w.granted AND h.granted AND h.relation = 'sagas'::regclass";

/// The process of another session that waits for a lock, once there is one.
async fn waiting_process(database: &Database) -> i32 {
    let sql = &format!("SELECT max(w.pid) {WAITING_FOR_SAGAS}");
    let waited = tokio::time::Instant::now();
    loop {
        let row = database.admin.query_one(sql, &[]).await.unwrap();
        if let Some(process) = row.get(0) {
            return process;
        }
        assert!(waited.elapsed() < DEADLINE, "a commit waits for the lock");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_in_opposite_order_cause_no_deadlock_that_a_retry_would_hide() {
    let database = Database::migrated().await;
    let deadlocks =
        "SELECT deadlocks::text FROM pg_stat_database WHERE datname = current_database()";
    let before = database.text(deadlocks).await;
    let mut settings = database.settings();
    let joint = if settings.url.contains('?') { '&' } else { '?' };
    settings.url = format!(
        "{}{joint}application_name={}",
        settings.url, database.schema
    );
    let a = PostgresStore::connect(settings.clone()).await.unwrap();
    settings.owner = Uuid::now_v7();
    let b = PostgresStore::connect(settings).await.unwrap();
    let mut sagas = Vec::new();
    for _ in 0..9 {
        sagas.push(started(&a).await);
    }
    // Both come to a halt at the saga in the middle; without a common order each would have half
    // of the locks that the other needs next.
    let middle = format!(
        "BEGIN; SELECT 1 FROM sagas WHERE id = '{}' FOR UPDATE",
        sagas[4].id
    );
    database.admin.batch_execute(&middle).await.unwrap();
    let forward = batch(sagas.iter().map(|saga| advance(&a, saga)));
    let backward = batch(sagas.iter().rev().map(|saga| advance(&b, saga)));
    let one = tokio::spawn(async move { a.commit(&forward).await.unwrap() });
    let two = tokio::spawn(async move { b.commit(&backward).await.unwrap() });
    let waiting = format!("SELECT count(DISTINCT w.pid)::text {WAITING_FOR_SAGAS}");
    eventually!(database.text(&waiting).await == "2");
    database.admin.batch_execute("COMMIT").await.unwrap();
    let reports = [one.await.unwrap(), two.await.unwrap()];
    for saga in &sagas {
        let outcomes = reports.each_ref().map(|report| report.outcome(saga.id));
        let wins = outcomes
            .iter()
            .filter(|o| matches!(o, Some(SagaOutcome::Committed(_))));
        assert_eq!(wins.count(), 1, "{outcomes:?}");
    }
    // A session hands in its statistics when it ends.
    let sessions = format!(
        "SELECT count(*)::text FROM pg_stat_activity WHERE application_name = '{}'",
        database.schema
    );
    eventually!(database.text(&sessions).await == "0");
    assert_eq!(database.text(deadlocks).await, before);
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_killed_costs_nothing() {
    let database = Database::migrated().await;
    let store = Arc::new(database.store().await);
    let saga = started(&*store).await;
    database
        .admin
        .batch_execute("BEGIN; SELECT 1 FROM sagas FOR UPDATE")
        .await
        .unwrap();
    let (other, next) = (Arc::clone(&store), batch([advance(&*store, &saga)]));
    let committing = tokio::spawn(async move { other.commit(&next).await.unwrap() });
    let process = waiting_process(&database).await;
    database
        .admin
        .query("SELECT pg_terminate_backend($1)", &[&process])
        .await
        .unwrap();
    database.admin.batch_execute("COMMIT").await.unwrap();
    assert_committed(&committing.await.unwrap(), saga.id);
    assert_eq!(store.history(saga.id, 0, 10).await.unwrap().len(), 2);
    drop(store);
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_without_an_answer_is_cancelled_and_its_connection_closed() {
    let database = Database::migrated().await;
    let mut settings = database.settings();
    settings.pool_size = 1;
    settings.answer_timeout = Duration::from_secs(1);
    let store = Arc::new(PostgresStore::connect(settings).await.unwrap());
    let saga = started(&*store).await;
    database
        .admin
        .batch_execute("BEGIN; SELECT 1 FROM sagas FOR UPDATE")
        .await
        .unwrap();
    let (other, next) = (Arc::clone(&store), batch([advance(&*store, &saga)]));
    let committing = tokio::spawn(async move { other.commit(&next).await.unwrap() });
    let first = waiting_process(&database).await;
    eventually!(waiting_process(&database).await != first);
    let gone = format!("SELECT count(*)::text FROM pg_locks WHERE pid = {first}");
    eventually!(database.text(&gone).await == "0");
    database.admin.batch_execute("COMMIT").await.unwrap();
    assert_committed(&committing.await.unwrap(), saga.id);
    assert_eq!(load(&*store, saga.id).await.version, 2);
    drop(store);
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_goes_away_leaves_no_busy_connection() {
    let database = Database::migrated().await;
    let mut settings = database.settings();
    settings.pool_size = 1;
    let store = PostgresStore::connect(settings).await.unwrap();
    let saga = started(&store).await;
    database
        .admin
        .batch_execute("BEGIN; SELECT 1 FROM sagas FOR UPDATE")
        .await
        .unwrap();
    let next = batch([advance(&store, &saga)]);
    let impatient = Duration::from_millis(200);
    assert!(
        tokio::time::timeout(impatient, store.commit(&next))
            .await
            .is_err()
    );
    // The one connection of the pool would still wait for the lock.
    tokio::time::timeout(Duration::from_secs(4), store.ping())
        .await
        .unwrap()
        .unwrap();
    database.admin.batch_execute("COMMIT").await.unwrap();
    drop(store);
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poison_under_a_lock_leaves_the_connection_usable() {
    let database = Database::migrated().await;
    let mut settings = database.settings();
    settings.pool_size = 1;
    let store = PostgresStore::connect(settings).await.unwrap();
    let saga = started(&store).await;
    for _ in 0..3 {
        let judge = |found: Option<saga_core::saga::Saga>| {
            let mut transition = advance(&store, &found.unwrap());
            transition
                .values
                .push(output(u32::MAX, serde_json::json!(1)));
            Some(transition)
        };
        let report = store.commit_locked(saga.id, Box::new(judge)).await.unwrap();
        assert_poisoned(&report, saga.id);
    }
    let saga = commit(&store, advance(&store, &saga)).await;
    assert_eq!(load(&store, saga.id).await, saga);
    drop(store);
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_saga_is_copied_to_its_key() {
    let database = Database::migrated().await;
    let store = database.store().await;
    let saga = commit(&store, start_with_key(&store, "k")).await;
    assert_eq!(database.text("SELECT end_status FROM saga_keys").await, "");
    let end = crate::sample::close(&store, &saga, saga_core::saga::Phase::Terminated);
    commit(&store, end).await;
    assert_eq!(
        database.text("SELECT end_status FROM saga_keys").await,
        "terminated"
    );
    let mut both = start_with_key(&store, "at-once");
    edit(&mut both, |saga| {
        saga.phase = saga_core::saga::Phase::Completed;
        saga.ended_at = Some(saga.started_at);
    });
    both.wake_at = Some(store.now());
    commit(&store, both).await;
    let sql = "SELECT end_status FROM saga_keys WHERE key = 'at-once'";
    assert_eq!(database.text(sql).await, "completed");
    assert_eq!(store.next_wake().await.unwrap(), None);
    drop(store);
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_cannot_be_reached_is_named() {
    let known: tokio_postgres::Config = config::postgres_url().parse().unwrap();
    let user = known.get_user().unwrap();
    let password = String::from_utf8_lossy(known.get_password().unwrap_or_default()).into_owned();
    let port = known.get_ports()[0];
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let database = known.get_dbname().unwrap();
    for (url, parts) in [
        (
            format!("postgres://{user}:hush-1@127.0.0.1:{free}/{database}"),
            [
                "no PostgreSQL answers at",
                &format!("127.0.0.1:{free}"),
                database,
            ],
        ),
        (
            format!("postgres://{user}:hush-1@127.0.0.1:{port}/{database}"),
            ["refused the login", &format!("127.0.0.1:{port}"), user],
        ),
        (
            format!("postgres://{user}:{password}@127.0.0.1:{port}/no_such_one"),
            ["createdb", &format!("127.0.0.1:{port}"), "no_such_one"],
        ),
        (
            format!("postgres://{user}:hush-1@127.0.0.1:{port}/{database}?sslmode=require"),
            ["cannot be used", "", ""],
        ),
        (
            "not a url, hush-1".to_owned(),
            ["database URL cannot be used", "", ""],
        ),
        ("postgres:///x".to_owned(), ["names no host", "", ""]),
    ] {
        let error = PostgresStore::connect(PostgresSettings::new(&url, Uuid::now_v7())).await;
        let error = whole(&error.unwrap_err());
        for part in parts {
            assert!(error.contains(part), "`{error}` has `{part}`");
        }
        assert!(!error.contains("hush-1"), "{error}");
    }
    let settings = PostgresSettings::new("postgres://u:hush-1@h/d", Uuid::now_v7());
    assert!(!format!("{settings:?}").contains("hush-1"));
}

fn whole(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_that_the_database_cannot_hold_are_poison_too() {
    let database = Database::migrated().await;
    let store = database.store().await;
    let mut far = start(&store);
    far.wake_at = Some(saga_core::time::Timestamp::from_micros(
        -300_000_000_000_000_000,
    ));
    let id = far.saga.id;
    let report = store.commit(&batch([far, start(&store)])).await.unwrap();
    assert_poisoned(&report, id);
    let reason = format!("{:?}", report.outcome(id));
    assert!(reason.contains("SQLSTATE 22008"), "{reason}");
    let mut last = start(&store);
    last.wake_at = Some(saga_core::time::Timestamp::from_micros(i64::MAX));
    commit(&store, last).await;
    let wake = store.next_wake().await.unwrap();
    assert_eq!(
        wake,
        Some(saga_core::time::Timestamp::from_micros(i64::MAX))
    );
    drop(store);
    database.drop().await;
}
