//! A transaction with a failed statement cannot be committed.

use uuid::Uuid;

use super::config;
use crate::store::migrate::migrate;
use crate::store::postgres::failure::Failure;
use crate::store::postgres::unit_of_work::UnitOfWork;
use crate::store::postgres::{PostgresSettings, PostgresStore};

#[tokio::test]
async fn a_failed_statement_ends_the_unit_of_work() {
    let mut settings = PostgresSettings::new(&config::postgres_url(), Uuid::now_v7());
    settings.schema = format!("amends_test_{}", Uuid::now_v7().simple());
    settings.pool_size = 1;
    migrate(&settings).await.unwrap();
    let store = PostgresStore::connect(settings.clone()).await.unwrap();

    let insert = "INSERT INTO orchestrators (id, lease_until) VALUES ($1, now())";
    let id = Uuid::now_v7();
    for swallow in [true, false] {
        let mut session = store.session().await.unwrap();
        let mut work = UnitOfWork::begin(&mut session).await.unwrap();
        work.query(insert, &[&id]).await.unwrap();
        if swallow {
            let twice = work.query(insert, &[&id]).await;
            assert!(matches!(twice, Err(Failure::Data(_))), "{twice:?}");
            assert!(
                work.commit().await.is_err(),
                "a swallowed error is not forgotten"
            );
        } else {
            work.commit().await.unwrap();
        }
        drop(session);
        let rows = store
            .try_query("SELECT 1 FROM orchestrators", &[])
            .await
            .unwrap();
        assert_eq!(rows.len(), usize::from(!swallow));
    }

    // Dropped in the middle: the only connection does not come back with a transaction on it.
    let mut session = store.session().await.unwrap();
    let mut work = UnitOfWork::begin(&mut session).await.unwrap();
    work.query("DELETE FROM orchestrators", &[]).await.unwrap();
    drop(session);
    let rows = store
        .try_query("SELECT 1 FROM orchestrators", &[])
        .await
        .unwrap();
    assert_eq!(rows.len(), 1);
    let drop_schema = format!("DROP SCHEMA {} CASCADE", settings.schema);
    store
        .session()
        .await
        .unwrap()
        .batch(&drop_schema)
        .await
        .unwrap();
}
