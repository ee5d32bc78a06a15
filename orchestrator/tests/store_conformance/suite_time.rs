//! What every store owes about time, the outbox and leases.

use std::time::Duration;

use orchestrator::store::{ReplyQueues, Store};
use saga_core::ids::MessageId;
use saga_core::saga::{Phase, Saga};
use saga_core::time::Timestamp;

use crate::sample::{advance, close, message, start};
use crate::stores::{Pair, commit, eventually, started};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(100);

async fn due(store: &dyn Store, at: Timestamp) -> Saga {
    let mut transition = start(store);
    transition.wake_at = Some(at);
    commit(store, transition).await
}

pub(crate) async fn ids_sort_by_the_stores_clock(Pair { a, b }: Pair) {
    let before = a.now();
    let first = a.new_saga_id();
    tokio::time::sleep(Duration::from_millis(5)).await;
    let second = b.new_saga_id();
    assert!(first < second);
    assert_eq!(first.0.get_version_num(), 7);
    assert!(b.now() > before);
    assert!(b.now().since(before) < Duration::from_secs(10));
}

pub(crate) async fn a_due_saga_is_claimed_once_per_lease(Pair { a, b }: Pair) {
    let now = a.now();
    let early = due(&*a, Timestamp::from_micros(now.as_micros() - 1_000_000)).await;
    let late = due(&*a, now.after(LONG)).await;
    assert_eq!(a.claim_due(10, SHORT).await.unwrap(), [early.id]);
    eventually!(b.claim_due(10, LONG).await.unwrap() == [early.id]);
    assert_eq!(a.claim_due(10, LONG).await.unwrap(), []);
    assert_eq!(b.next_wake().await.unwrap(), Some(now.after(LONG)));
    let _ = late;
}

pub(crate) async fn the_earliest_are_claimed_first_and_split_among_claimers(Pair { a, b }: Pair) {
    let now = a.now().as_micros();
    let mut ids = Vec::new();
    for age in [1, 4, 2, 3] {
        ids.push(
            due(&*a, Timestamp::from_micros(now - age * 1_000_000))
                .await
                .id,
        );
    }
    assert_eq!(a.claim_due(1, LONG).await.unwrap(), [ids[1]]);
    let (mut one, two) = tokio::join!(a.claim_due(3, LONG), b.claim_due(3, LONG));
    let claimed = one.as_mut().unwrap();
    claimed.extend(two.unwrap());
    claimed.sort_unstable();
    let mut rest = vec![ids[0], ids[2], ids[3]];
    rest.sort_unstable();
    assert_eq!(*claimed, rest);
}

pub(crate) async fn a_transition_keeps_an_earlier_time(Pair { a, .. }: Pair) {
    let soon = a.now().after(LONG);
    let saga = due(&*a, soon).await;
    let mut later = advance(&*a, &saga);
    later.wake_at = Some(soon.after(LONG));
    let saga = commit(&*a, later).await;
    assert_eq!(a.next_wake().await.unwrap(), Some(soon));
    let saga = commit(&*a, advance(&*a, &saga)).await;
    assert_eq!(
        a.next_wake().await.unwrap(),
        Some(soon),
        "none is later than any time"
    );
    let sooner = Timestamp::from_micros(soon.as_micros() - 1);
    let mut earlier = advance(&*a, &saga);
    earlier.wake_at = Some(sooner);
    let saga = commit(&*a, earlier).await;
    assert_eq!(a.next_wake().await.unwrap(), Some(sooner));
    let mut end = close(&*a, &saga, Phase::Terminated);
    end.wake_at = Some(sooner);
    commit(&*a, end).await;
    assert_eq!(
        a.next_wake().await.unwrap(),
        None,
        "a closed saga never wakes"
    );
}

pub(crate) async fn rearming_asks_for_the_version_and_keeps_it(Pair { a, .. }: Pair) {
    let soon = a.now().after(LONG);
    let saga = due(&*a, soon).await;
    a.rearm(&[(saga.id, 2, None)]).await.unwrap();
    assert_eq!(a.next_wake().await.unwrap(), Some(soon));
    a.rearm(&[
        (saga.id, 1, Some(soon.after(SHORT))),
        (a.new_saga_id(), 1, None),
    ])
    .await
    .unwrap();
    assert_eq!(a.next_wake().await.unwrap(), Some(soon.after(SHORT)));
    a.rearm(&[(saga.id, 1, None)]).await.unwrap();
    assert_eq!(a.next_wake().await.unwrap(), None);
    let saga = commit(&*a, advance(&*a, &saga)).await;
    let saga = commit(&*a, close(&*a, &saga, Phase::Completed)).await;
    a.rearm(&[(saga.id, 3, Some(soon))]).await.unwrap();
    assert_eq!(
        a.next_wake().await.unwrap(),
        None,
        "a closed saga never wakes"
    );
    a.rearm(&[]).await.unwrap();
}

pub(crate) async fn messages_belong_to_who_wrote_them(Pair { a, b }: Pair) {
    a.heartbeat(LONG).await.unwrap();
    b.heartbeat(LONG).await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..3 {
        let saga = started(&*a).await;
        let saga = commit(&*a, advance(&*a, &saga)).await;
        ids.push(MessageId {
            saga: saga.id,
            seq: 2,
        });
    }
    ids.sort_unstable();
    assert_eq!(b.own_outbox(None, 10).await.unwrap().len(), 0);
    let own = a.own_outbox(None, 2).await.unwrap();
    assert_eq!(own.iter().map(|m| m.id).collect::<Vec<_>>(), ids[..2]);
    assert_eq!(own[0].message, message(ids[0]).message);
    let rest = a.own_outbox(Some(ids[1]), 2).await.unwrap();
    assert_eq!(rest.iter().map(|m| m.id).collect::<Vec<_>>(), ids[2..]);
    assert_eq!(
        b.adopt_outbox(10).await.unwrap().len(),
        0,
        "its owner lives"
    );
    let (rows, oldest) = b.outbox_backlog().await.unwrap();
    assert_eq!(rows, 3);
    assert!(a.now().since(oldest.unwrap()) < LONG);

    a.delete_outbox(&ids[..1]).await.unwrap();
    a.delete_outbox(&ids[..2]).await.unwrap();
    a.delete_outbox(&[]).await.unwrap();
    assert_eq!(b.outbox_backlog().await.unwrap().0, 1);
}

pub(crate) async fn messages_are_adopted_when_the_lease_ends(Pair { a, b }: Pair) {
    a.heartbeat(SHORT).await.unwrap();
    b.heartbeat(LONG).await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..3 {
        let saga = started(&*a).await;
        ids.push(MessageId {
            saga: commit(&*a, advance(&*a, &saga)).await.id,
            seq: 2,
        });
    }
    ids.sort_unstable();
    a.heartbeat(Duration::from_millis(400)).await.unwrap();
    assert_eq!(b.adopt_outbox(10).await.unwrap().len(), 0);
    let mut adopted = Vec::new();
    eventually!({
        let batch = b.adopt_outbox(2).await.unwrap();
        assert!(batch.len() <= 2);
        adopted.extend(batch.into_iter().map(|m| m.id));
        adopted.len() == 3
    });
    assert_eq!(adopted, ids);
    assert_eq!(a.own_outbox(None, 10).await.unwrap().len(), 0);
    assert_eq!(b.own_outbox(None, 10).await.unwrap().len(), 3);
    a.heartbeat(LONG).await.unwrap();
    assert_eq!(
        a.adopt_outbox(10).await.unwrap().len(),
        0,
        "the new owner lives"
    );
}

pub(crate) async fn an_owner_nobody_knows_counts_as_gone(Pair { a, b }: Pair) {
    let saga = started(&*a).await;
    commit(&*a, advance(&*a, &saga)).await;
    b.heartbeat(LONG).await.unwrap();
    let adopted = b.adopt_outbox(10).await.unwrap();
    assert_eq!(adopted.len(), 1);
    assert_eq!(adopted[0].message, message(adopted[0].id).message);
    assert_eq!(a.adopt_outbox(10).await.unwrap().len(), 0);
}

pub(crate) async fn each_has_a_reply_queue_and_a_dead_ones_goes_to_another(Pair { a, b }: Pair) {
    let has = |own, all| ReplyQueues {
        own: Some(own),
        all,
    };
    assert_eq!(a.heartbeat(Duration::ZERO).await.unwrap(), has(1, 1));
    assert_eq!(
        b.heartbeat(LONG).await.unwrap(),
        has(1, 1),
        "who had it is gone"
    );
    assert_eq!(
        a.heartbeat(LONG).await.unwrap(),
        has(2, 2),
        "what it had is taken"
    );
    assert_eq!(b.heartbeat(Duration::ZERO).await.unwrap(), has(1, 2));
    assert_eq!(
        a.heartbeat(LONG).await.unwrap(),
        has(2, 2),
        "it keeps what it has"
    );
    assert_eq!(
        b.heartbeat(LONG).await.unwrap(),
        has(1, 2),
        "nobody took it meanwhile"
    );
}

pub(crate) async fn two_that_start_at_once_share_no_reply_queue(Pair { a, b }: Pair) {
    let first = tokio::join!(a.heartbeat(LONG), b.heartbeat(LONG));
    let (one, other) = (first.0.unwrap().own, first.1.unwrap().own);
    assert!(one.is_some() || other.is_some(), "one was faster");
    assert_ne!(one, other);
    let again = tokio::join!(a.heartbeat(LONG), b.heartbeat(LONG));
    let mut own = [again.0.unwrap().own, again.1.unwrap().own];
    own.sort();
    assert_eq!(own, [Some(1), Some(2)]);
}
