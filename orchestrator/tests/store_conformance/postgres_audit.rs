//! What somebody with the database in their hands can do to the audit log, and how it shows.

use orchestrator::audit::{Anchor, Broken, Chain, Phase};
use orchestrator::store::Store;

use crate::postgres_failures::behind_proxy;
use crate::stores::{Database, eventually};
use crate::suite_security::{entry, whole};

const RECORDS: u64 = 6;

async fn verify(store: &dyn Store) -> Result<Chain, Broken> {
    let mut chain = Chain::default();
    for record in whole(store).await {
        chain.follow(&record)?;
    }
    Ok(chain)
}

async fn filled(store: &dyn Store) -> Chain {
    for number in 0..RECORDS {
        let one = entry(store, &format!("w{number}"), Phase::Done);
        store.append_audit(&[one]).await.unwrap();
    }
    verify(store).await.unwrap()
}

/// A tampering, and what is found.
type Case = (&'static str, &'static str, fn(&Broken) -> bool);

const CASES: [Case; 8] = [
    (
        "a text is changed",
        "UPDATE audit_log SET who = 'mallory' WHERE seq = 3",
        |it| matches!(it, Broken::Content(3)),
    ),
    (
        "a time is changed",
        "UPDATE audit_log SET at = at + interval '1 microsecond' WHERE seq = 3",
        |it| matches!(it, Broken::Content(3)),
    ),
    (
        "a hash is changed with it",
        "UPDATE audit_log SET who = 'mallory', hash = sha256('x') WHERE seq = 3",
        |it| matches!(it, Broken::Content(3)),
    ),
    (
        "a row is deleted",
        "DELETE FROM audit_log WHERE seq = 3",
        |it| {
            matches!(
                it,
                Broken::Missing {
                    expected: 3,
                    found: 4
                }
            )
        },
    ),
    (
        "a row is deleted and the others move up",
        "DELETE FROM audit_log WHERE seq = 3; \
         UPDATE audit_log SET seq = seq - 1 WHERE seq = 4; \
         UPDATE audit_log SET seq = seq - 1 WHERE seq = 5; \
         UPDATE audit_log SET seq = seq - 1 WHERE seq = 6",
        |it| matches!(it, Broken::Link(3)),
    ),
    (
        "two rows are exchanged",
        "UPDATE audit_log SET seq = 99 WHERE seq = 3; \
         UPDATE audit_log SET seq = 3 WHERE seq = 4; \
         UPDATE audit_log SET seq = 4 WHERE seq = 99",
        |it| matches!(it, Broken::Link(3)),
    ),
    (
        "a row is put in",
        "UPDATE audit_log SET seq = seq + 100 WHERE seq >= 4; \
         INSERT INTO audit_log SELECT 4, at, request, answers, phase, 'mallory', on_behalf_of, \
         role, verb, target, saga_id, reason, before_state, before_version, after_state, \
         after_version, detail, hash, sha256('x') FROM audit_log WHERE seq = 3; \
         UPDATE audit_log SET seq = seq - 99 WHERE seq >= 104",
        |it| matches!(it, Broken::Content(4)),
    ),
    (
        "the first row is deleted",
        "DELETE FROM audit_log WHERE seq = 1",
        |it| {
            matches!(
                it,
                Broken::Missing {
                    expected: 1,
                    found: 2
                }
            )
        },
    ),
];

#[tokio::test]
async fn every_tampering_shows() {
    for (what, sql, is_found) in CASES {
        let database = Database::migrated().await;
        let store = database.store().await;
        filled(&store).await;
        assert!(
            database.admin.batch_execute(sql).await.is_err(),
            "{what}: the table refuses it"
        );
        // The owner of a table can do away with what protects it.
        let disarm = "ALTER TABLE audit_log DISABLE TRIGGER USER";
        database.admin.batch_execute(disarm).await.unwrap();
        database.admin.batch_execute(sql).await.unwrap();
        let found = verify(&store).await.unwrap_err();
        assert!(is_found(&found), "{what}: {found:?}");
        drop(store);
        database.drop().await;
    }
}

#[tokio::test]
async fn a_cut_end_shows_by_an_anchor() {
    let database = Database::migrated().await;
    let store = database.store().await;
    let anchor = Anchor(filled(&store).await);
    let cut = "ALTER TABLE audit_log DISABLE TRIGGER USER; DELETE FROM audit_log WHERE seq > 4";
    database.admin.batch_execute(cut).await.unwrap();
    let chain = verify(&store).await.unwrap();
    let cut_off = Broken::CutOff {
        records: 4,
        anchor: RECORDS,
    };
    assert_eq!(anchor.check_end(&chain), Err(cut_off));
    // Growing again hides nothing.
    let chain = filled_further(&store).await;
    assert_eq!(chain.records, RECORDS);
    assert_eq!(anchor.check(&chain), Err(Broken::Rewritten(RECORDS)));
    drop(store);
    database.drop().await;
}

async fn filled_further(store: &dyn Store) -> Chain {
    for _ in 4..RECORDS {
        let one = entry(store, "mallory", Phase::Done);
        store.append_audit(&[one]).await.unwrap();
    }
    verify(store).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_whose_answer_is_lost_is_written_once() {
    let database = Database::migrated().await;
    let (store, proxy) = behind_proxy(&database).await;
    let lock = "BEGIN; LOCK TABLE audit_log IN SHARE MODE";
    database.admin.batch_execute(lock).await.unwrap();
    let waits = "SELECT (count(*) > 0)::text FROM pg_locks
                 WHERE NOT granted AND relation = 'audit_log'::regclass";
    let lose = async {
        eventually!(database.text(waits).await == "true");
        proxy.lose_next_answer();
        database.admin.batch_execute("COMMIT").await.unwrap();
    };
    let record = [entry(&store, "alice", Phase::Done)];
    let (written, ()) = tokio::join!(store.append_audit(&record), lose);
    assert!(!proxy.is_armed(), "the answer was lost");
    assert_eq!(whole(&store).await, written.unwrap());
    drop(store);
    database.drop().await;
}
