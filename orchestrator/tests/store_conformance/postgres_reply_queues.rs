//! More orchestrators than there are reply queues, which the shared suite has no room for.

use std::time::Duration;

use orchestrator::store::{REPLY_QUEUES_MAX, ReplyQueues, Store};

use crate::stores::Database;

const LEASE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn who_finds_all_reply_queues_taken_has_none_until_one_is_free() {
    let database = Database::migrated().await;
    let store = database.store().await;
    let taken = format!(
        "WITH o AS (
             INSERT INTO orchestrators (id, lease_until)
             SELECT gen_random_uuid(), now() + interval '1 hour'
             FROM generate_series(1, {REPLY_QUEUES_MAX}) RETURNING id
         )
         INSERT INTO reply_queues SELECT row_number() OVER (), id FROM o"
    );
    database.admin.execute(&taken, &[]).await.unwrap();
    let has = |own| ReplyQueues {
        own,
        all: REPLY_QUEUES_MAX,
    };
    assert_eq!(store.heartbeat(LEASE).await.unwrap(), has(None));
    let gone = "UPDATE orchestrators SET lease_until = now()
                WHERE id = (SELECT orchestrator FROM reply_queues WHERE number = 7)";
    database.admin.execute(gone, &[]).await.unwrap();
    assert_eq!(store.heartbeat(LEASE).await.unwrap(), has(Some(7)));
    database.drop().await;
}
