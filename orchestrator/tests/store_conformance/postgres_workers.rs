//! Workers that are gone for good are forgotten, which the shared suite cannot wait for.

use std::time::Duration;

use orchestrator::store::Store;

use crate::stores::Database;
use crate::suite_workers::says;

const LEASE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn workers_that_are_long_gone_are_forgotten_with_the_next_word_of_another() {
    let database = Database::migrated().await;
    let store = database.store().await;
    let names = async || {
        let workers = store.workers().await.unwrap();
        let names = workers.into_iter().map(|it| it.announcement.name);
        names.collect::<Vec<_>>()
    };
    for name in ["back", "gone", "lately"] {
        store
            .announce(&[&says(&store, name, 1)], LEASE)
            .await
            .unwrap();
    }
    let age = "UPDATE workers SET lease_until = now() - interval '2 hours' WHERE name <> 'lately'";
    database.admin.execute(age, &[]).await.unwrap();
    store
        .announce(&[&says(&store, "back", 2)], LEASE)
        .await
        .unwrap();
    assert_eq!(names().await, ["back", "lately"]);
    database.drop().await;
}
