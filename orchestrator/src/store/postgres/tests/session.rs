//! Every session of the pool has its limits.

use super::stores::{USUAL, drop_schema, run, schema, store};
use crate::store::postgres::PostgresStore;
use crate::store::postgres::failure::Failure;
use crate::store::postgres::session::PREPARED_MAX;

async fn shown(store: &PostgresStore, setting: &str) -> String {
    let rows = store
        .try_query(&format!("SHOW {setting}"), &[])
        .await
        .unwrap();
    rows[0].get(0)
}

#[tokio::test]
async fn sessions_have_limits_and_the_url_may_change_them() {
    let schema = schema();
    let usual = store(&schema, USUAL).await;
    for (setting, value) in [
        ("statement_timeout", "30s"),
        ("lock_timeout", "5s"),
        ("idle_in_transaction_session_timeout", "30s"),
        ("application_name", "amends"),
        ("search_path", &schema),
        ("jit", "off"),
    ] {
        assert_eq!(shown(&usual, setting).await, value, "{setting}");
    }
    let own = store(
        &schema,
        "application_name=mine&options=-c%20lock_timeout%3D7s",
    )
    .await;
    assert_eq!(shown(&own, "application_name").await, "mine");
    assert_eq!(shown(&own, "lock_timeout").await, "7s");
    assert_eq!(shown(&own, "search_path").await, schema);
    drop_schema(&own, &schema).await;
}

#[tokio::test]
async fn plans_from_before_a_migration_are_left_behind_with_their_session() {
    let schema = schema();
    let store = store(&schema, USUAL).await;
    let sql = "SELECT started_at FROM orchestrators";
    store.try_query(sql, &[]).await.unwrap();
    let change = "ALTER TABLE orchestrators ALTER started_at TYPE text";
    run(&store, change).await;
    let stale = store.try_query(sql, &[]).await;
    assert!(matches!(stale, Err(Failure::Transient(_))), "{stale:?}");
    store.query("read again", sql, &[]).await.unwrap();
    drop_schema(&store, &schema).await;
}

#[tokio::test]
async fn a_connection_keeps_so_many_statements_prepared() {
    let schema = schema();
    let store = store(&schema, USUAL).await;
    for number in 0..PREPARED_MAX * 2 {
        let sql = format!("SELECT {number}::bigint");
        let rows = store.try_query(&sql, &[]).await.unwrap();
        assert_eq!(rows[0].get::<_, i64>(0), i64::try_from(number).unwrap());
    }
    let count = "SELECT count(*) FROM pg_prepared_statements";
    let kept = store.try_query(count, &[]).await.unwrap()[0].get::<_, i64>(0);
    assert!(kept <= i64::try_from(PREPARED_MAX).unwrap(), "{kept}");
    drop_schema(&store, &schema).await;
}
