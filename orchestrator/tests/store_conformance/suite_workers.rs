//! What every store owes about workers.

use std::time::Duration;

use broker::envelope::worker::{
    Announcement, BreakerState, Draining, Occasion, OperationInfo, RunningInfo,
};
use orchestrator::store::{Clues, LetterClue, Store, StoredWorker};
use saga_core::ids::{MessageId, Op, StepName};
use saga_core::operator::By;
use serde_json::json;

use crate::sample::{advance, batch, dead_letter};
use crate::stores::{Pair, eventually, started};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(100);

/// What a worker says, with everything in it that can be said.
pub(crate) fn says(store: &dyn Store, worker: &str, seq: u64) -> Announcement {
    let saga = store.new_saga_id();
    Announcement {
        announcement: Occasion::Heartbeat,
        worker: format!("{worker}/run"),
        seq,
        name: worker.to_owned(),
        build: format!("1.0.{seq}"),
        started_at: "2026-11-24T09:00:00.000001Z".parse().unwrap(),
        operations: vec![OperationInfo {
            operation: "payments.charge".parse().unwrap(),
            op: Op::Compensate,
            version: Some("2.0.0".to_owned()),
            slots: 16,
            busy: 3,
            per_message: 4,
            breaker: BreakerState::Open,
        }],
        running: vec![RunningInfo {
            saga,
            step: StepName::new("charge"),
            element: 7,
            op: Op::Action,
            round: 1,
            attempt: 2,
            operation: "payments.charge".parse().unwrap(),
            command: MessageId { saga, seq: 5 },
            started_at: "2026-11-24T09:00:01Z".parse().unwrap(),
            progress: Some(json!({ "text": "zero \u{0} byte" })),
        }],
        draining: None,
    }
}

async fn all(store: &dyn Store) -> Vec<StoredWorker> {
    store.workers().await.unwrap()
}

pub(crate) async fn the_newest_word_of_a_worker_counts(Pair { a, b }: Pair) {
    let (first, third) = (says(&*a, "w", 1), says(&*a, "w", 3));
    let (late, other) = (says(&*a, "w", 2), says(&*a, "v", 1));
    a.announce(&[&third, &other, &first], LONG).await.unwrap();
    b.announce(&[&late], LONG).await.unwrap();
    let stored = all(&*b).await;
    let said: Vec<_> = stored.iter().map(|it| &it.announcement).collect();
    assert_eq!(said, [&other, &third], "by name, each as it was said");
    let now = a.now();
    for worker in &stored {
        assert!(worker.is_alive(now), "{worker:?}");
        assert!(now.since(worker.heartbeat_at) < LONG);
        assert_eq!(worker.lease_until, worker.heartbeat_at.after(LONG));
    }
    a.announce(&[], LONG).await.unwrap();
    assert_eq!(all(&*a).await.len(), 2);
}

pub(crate) async fn a_worker_that_says_nothing_more_is_gone(Pair { a, b }: Pair) {
    a.announce(&[&says(&*a, "w", 1)], SHORT).await.unwrap();
    eventually!(!all(&*b).await[0].is_alive(b.now()));
    a.announce(&[&says(&*a, "w", 2)], LONG).await.unwrap();
    assert!(all(&*b).await[0].is_alive(b.now()), "it is back");
}

pub(crate) async fn a_worker_that_has_left_is_not_there_any_more(Pair { a, b }: Pair) {
    let mut goodbye = says(&*a, "w", 9);
    goodbye.announcement = Occasion::Goodbye;
    a.announce(&[&says(&*a, "w", 7)], LONG).await.unwrap();
    a.announce(&[&goodbye], LONG).await.unwrap();
    // It was said before, and comes after.
    b.announce(&[&says(&*a, "w", 8)], LONG).await.unwrap();
    let stored = all(&*b).await;
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].announcement, goodbye);
    assert!(!stored[0].is_alive(b.now()));
}

pub(crate) async fn a_worker_that_drains_is_there_and_serves_no_more(Pair { a, b }: Pair) {
    a.announce(&[&says(&*a, "w", 1)], LONG).await.unwrap();
    assert!(all(&*b).await[0].serves(b.now()));
    let mut drains = says(&*a, "w", 2);
    drains.draining = Some(Draining {
        since: a.now(),
        by: Some(By {
            who: "ada".to_owned(),
            reason: "zero \u{0} byte".to_owned(),
        }),
    });
    a.announce(&[&drains], LONG).await.unwrap();
    let stored = all(&*b).await;
    assert_eq!(stored[0].announcement, drains);
    assert!(stored[0].is_alive(b.now()));
    assert!(!stored[0].serves(b.now()));
}

pub(crate) async fn what_is_known_of_a_sagas_commands_is_found(Pair { a, b }: Pair) {
    let (mine, other) = (started(&*a).await, started(&*a).await);
    let (id, other_id) = (mine.id, other.id);
    let mut batch = batch([advance(&*a, &mine), advance(&*a, &other)]);
    let sent = [MessageId { saga: id, seq: 2 }];
    let mut letter = dead_letter(Some(id), "delivery_limit");
    letter.properties = json!({ "message_id": format!("{id}/2") });
    batch.dead_letters = vec![letter.clone(), dead_letter(Some(other_id), "theirs")];
    a.commit(&batch).await.unwrap();
    let clues = b.clues(&[id]).await.unwrap();
    assert_eq!(
        clues.unsent.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
        sent
    );
    assert_eq!(
        clues.letters,
        [LetterClue {
            saga: id,
            id: letter.id,
            message_id: Some(format!("{id}/2")),
            reason: "delivery_limit".to_owned(),
        }]
    );
    a.delete_outbox(&sent).await.unwrap();
    assert_eq!(b.clues(&[id]).await.unwrap().unsent, []);
    assert_eq!(b.clues(&[id, other_id]).await.unwrap().letters.len(), 2);
    assert_eq!(b.clues(&[]).await.unwrap(), Clues::default());
}
