//! A transaction with a failed statement cannot be committed.

use uuid::Uuid;

use super::stores::{USUAL, drop_schema, schema, store};
use crate::store::postgres::failure::Failure;
use crate::store::postgres::unit_of_work::UnitOfWork;

#[tokio::test]
async fn a_failed_statement_ends_the_unit_of_work() {
    let schema = schema();
    let store = store(&schema, USUAL).await;

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
    drop_schema(&store, &schema).await;
}
