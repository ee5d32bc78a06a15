//! What every store owes about commits.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use orchestrator::store::{Batch, SagaOutcome, Store};
use saga_core::ids::{MessageId, SagaId};
use saga_core::saga::{Phase, Saga};
use saga_core::values::ValueKey;
use serde_json::json;

use crate::sample::{advance, batch, close, dead_letter, edit, output, start, start_with_key};
use crate::stores::{
    Pair, assert_committed, assert_conflict, assert_key_taken, assert_poisoned, commit, load,
    started,
};

pub(crate) async fn a_committed_saga_reads_back_as_it_was(Pair { a, b }: Pair) {
    let mut transition = start(&*a);
    edit(&mut transition, |saga| {
        saga.labels
            .insert("region".to_owned(), "eu \u{1f600} \"quoted\"".to_owned());
        saga.deadline = Some(a.now().after(Duration::from_mins(1)));
    });
    transition
        .values
        .push(output(0, json!({"text": "nul \u{0} kept", "n": 1.5})));
    transition.values.push(output(3, json!(null)));
    let values = transition.values.clone();
    let events = transition.events.clone();
    let saga = commit(&*a, transition).await;
    let next = advance(&*a, &saga);
    let more = next.events.clone();
    let saga = commit(&*a, next).await;

    assert_eq!(load(&*b, saga.id).await, saga);
    assert_eq!(b.values(saga.id).await.unwrap(), values, "in key order");
    assert_eq!(
        b.history(saga.id, 0, 100).await.unwrap(),
        [events, more].concat()
    );
    assert_eq!(b.history(saga.id, 1, 100).await.unwrap().len(), 1);
    assert_eq!(b.history(saga.id, 0, 1).await.unwrap().len(), 1);
    assert_eq!(b.history(saga.id, 2, 100).await.unwrap(), []);
}

pub(crate) async fn unknown_ids_are_left_out(Pair { a, .. }: Pair) {
    let saga = started(&*a).await;
    let unknown = a.new_saga_id();
    let (sagas, _) = a.load(&[unknown, saga.id]).await.unwrap();
    assert_eq!(sagas, std::slice::from_ref(&saga));
    let keys = [
        (saga.id, ValueKey::Input),
        (saga.id, ValueKey::Result),
        (unknown, ValueKey::Input),
    ];
    let values = a.load_values(&keys).await.unwrap();
    assert_eq!(
        values,
        [(saga.id, ValueKey::Input, Arc::new(json!({"amount": 12})))]
    );
    assert_eq!(a.values(unknown).await.unwrap(), []);
    assert_eq!(a.history(unknown, 0, 10).await.unwrap(), []);
    assert_eq!(a.find_key("order", "none").await.unwrap(), None);
    assert_eq!(a.load(&[]).await.unwrap().0, []);
    let newer = async |version| a.load_newer(&[(unknown, 0), (saga.id, version)]).await;
    let before = newer(saga.version - 1).await.unwrap().0;
    assert_eq!(before, std::slice::from_ref(&saga));
    assert_eq!(newer(saga.version).await.unwrap().0, [], "nothing new");
    let report = a.commit(&batch([])).await.unwrap();
    assert!(report.outcome(unknown).is_none());
}

pub(crate) async fn a_lost_race_writes_nothing(Pair { a, b }: Pair) {
    let saga = started(&*a).await;
    let bystander = started(&*a).await;
    let winner = commit(&*a, advance(&*a, &saga)).await;

    let mut loser = advance(&*b, &saga);
    loser.values.push(output(0, json!("lost")));
    edit(&mut loser, |saga| {
        drop(saga.labels.insert("lost".to_owned(), String::new()))
    });
    let innocent = advance(&*b, &bystander);
    let innocent_saga = Saga::clone(&innocent.saga);
    let report = b.commit(&batch([loser, innocent])).await.unwrap();

    assert_conflict(&report, saga.id);
    assert_committed(&report, bystander.id);
    assert_eq!(load(&*a, saga.id).await, winner);
    assert_eq!(load(&*a, bystander.id).await, innocent_saga);
    assert_eq!(a.values(saga.id).await.unwrap().len(), 1, "only the input");
    assert_eq!(a.history(saga.id, 0, 10).await.unwrap().len(), 2);
    let own = b.own_outbox(None, 10).await.unwrap();
    assert_eq!(
        own.iter().map(|m| m.id.saga).collect::<Vec<_>>(),
        [bystander.id]
    );
}

pub(crate) async fn a_saga_that_is_not_there_or_there_already_conflicts(Pair { a, .. }: Pair) {
    let transition = start(&*a);
    let saga = commit(&*a, transition.clone()).await;
    let report = a.commit(&batch([transition])).await.unwrap();
    assert_conflict(&report, saga.id);

    let mut ghost = saga.clone();
    ghost.id = a.new_saga_id();
    let report = a.commit(&batch([advance(&*a, &ghost)])).await.unwrap();
    assert_conflict(&report, ghost.id);
    assert_eq!(a.history(ghost.id, 0, 10).await.unwrap(), []);
}

pub(crate) async fn one_saga_twice_in_a_batch_is_refused(Pair { a, .. }: Pair) {
    let saga = started(&*a).await;
    let twice = batch([advance(&*a, &saga), advance(&*a, &saga)]);
    assert!(a.commit(&twice).await.is_err());
    assert_eq!(load(&*a, saga.id).await, saga);
}

pub(crate) async fn batches_in_opposite_order_do_not_deadlock(Pair { a, b }: Pair) {
    let mut sagas = Vec::new();
    for _ in 0..40 {
        sagas.push(started(&*a).await);
    }
    for round in 0..15 {
        let forward = batch(sagas.iter().map(|saga| advance(&*a, saga)));
        let backward = batch(sagas.iter().rev().map(|saga| advance(&*b, saga)));
        let (one, two) = tokio::join!(spawn(&a, forward), spawn(&b, backward));
        for saga in &mut sagas {
            let wins = [one.outcome(saga.id), two.outcome(saga.id)]
                .into_iter()
                .filter(|outcome| matches!(outcome, Some(SagaOutcome::Committed(_))))
                .count();
            assert_eq!(
                wins, 1,
                "round {round}: exactly one of two writers moves a saga"
            );
            *saga = load(&*a, saga.id).await;
        }
    }
}

async fn spawn(store: &Arc<dyn Store>, batch: Batch) -> orchestrator::store::CommitReport {
    let store = Arc::clone(store);
    tokio::spawn(async move { store.commit(&batch).await.unwrap() })
        .await
        .unwrap()
}

pub(crate) async fn a_key_starts_one_saga_for_ever(Pair { a, b }: Pair) {
    let first = start_with_key(&*a, "order-1");
    let saga = commit(&*a, first).await;
    assert_eq!(b.find_key("order", "order-1").await.unwrap(), Some(saga.id));
    assert_eq!(b.find_key("refund", "order-1").await.unwrap(), None);

    let second = start_with_key(&*b, "order-1");
    let other = start_with_key(&*b, "order-2");
    let (second_id, other_id) = (second.saga.id, other.saga.id);
    let report = b.commit(&batch([second, other])).await.unwrap();
    assert_key_taken(&report, second_id, saga.id);
    assert_committed(&report, other_id);
    assert_eq!(b.load(&[second_id]).await.unwrap().0, []);
    assert_eq!(b.history(second_id, 0, 10).await.unwrap(), []);
    assert_eq!(b.values(second_id).await.unwrap(), []);

    commit(&*a, close(&*a, &saga, Phase::Completed)).await;
    let late = start_with_key(&*b, "order-1");
    let late_id = late.saga.id;
    let report = b.commit(&batch([late])).await.unwrap();
    assert_key_taken(&report, late_id, saga.id);
}

pub(crate) async fn equal_keys_of_a_batch_start_one_saga(Pair { a, .. }: Pair) {
    let mut starts: Vec<_> = (0..3).map(|_| start_with_key(&*a, "same")).collect();
    let ids: Vec<SagaId> = starts.iter().map(|start| start.saga.id).collect();
    // The first of them cannot be stored, so that the key goes to the second.
    edit(&mut starts[0], |saga| {
        drop(saga.labels.insert("bad".to_owned(), "\u{0}".to_owned()))
    });
    let report = a.commit(&batch(starts)).await.unwrap();
    assert_poisoned(&report, ids[0]);
    assert_committed(&report, ids[1]);
    assert_key_taken(&report, ids[2], ids[1]);
    assert_eq!(a.find_key("order", "same").await.unwrap(), Some(ids[1]));
}

pub(crate) async fn a_key_race_of_two_stores_starts_one_saga(Pair { a, b }: Pair) {
    for round in 0..25 {
        let key = format!("race-{round}");
        let (left, right) = (start_with_key(&*a, &key), start_with_key(&*b, &key));
        let ids = [left.saga.id, right.saga.id];
        let (left, right) = tokio::join!(spawn(&a, batch([left])), spawn(&b, batch([right])));
        let holder = a.find_key("order", &key).await.unwrap().unwrap();
        for (id, report) in ids.into_iter().zip([left, right]) {
            if id == holder {
                assert_committed(&report, id);
            } else {
                assert_key_taken(&report, id, holder);
            }
        }
        assert_eq!(a.load(&ids).await.unwrap().0.len(), 1);
    }
}

pub(crate) async fn one_poison_costs_the_others_nothing(Pair { a, b }: Pair) {
    let mut transitions: Vec<_> = (0..200).map(|_| start(&*a)).collect();
    let offenders = [3, 77, 78];
    // A step number that no column holds, an event that is missing, and a key that is too long.
    transitions[3].values.push(output(u32::MAX, json!(1)));
    transitions[77].events.clear();
    edit(&mut transitions[78], |saga| {
        saga.key = Some("k".repeat(5000))
    });
    let ids: Vec<SagaId> = transitions
        .iter()
        .map(|transition| transition.saga.id)
        .collect();
    let mut whole = batch(transitions);
    whole
        .dead_letters
        .push(dead_letter(Some(ids[3]), "nul \u{0} in it"));
    let report = a.commit(&whole).await.unwrap();
    for (index, id) in ids.iter().enumerate() {
        if offenders.contains(&index) {
            assert_poisoned(&report, *id);
        } else {
            assert_committed(&report, *id);
        }
    }
    let stored: BTreeSet<SagaId> = b
        .load(&ids)
        .await
        .unwrap()
        .0
        .into_iter()
        .map(|saga| saga.id)
        .collect();
    assert_eq!(stored.len(), ids.len() - offenders.len());
    assert!(offenders.iter().all(|index| !stored.contains(&ids[*index])));
}

/// A letter on record says that its saga has heard of it.
pub(crate) async fn a_letter_is_kept_with_what_its_saga_makes_of_it(Pair { a, b }: Pair) {
    let saga = started(&*a).await;
    let (stale, next) = (advance(&*a, &saga), advance(&*b, &saga));
    commit(&*b, next).await;
    let letter = dead_letter(Some(saga.id), "given up");
    let stranger = dead_letter(Some(a.new_saga_id()), "given up");
    let mut lost = batch([stale]);
    lost.dead_letters = vec![letter.clone(), stranger.clone()];
    assert_conflict(&a.commit(&lost).await.unwrap(), saga.id);
    assert!(b.kept_letter(letter.id).await.unwrap().is_none());
    assert!(b.kept_letter(stranger.id).await.unwrap().is_some());
    let fresh = load(&*a, saga.id).await;
    let mut won = batch([advance(&*a, &fresh)]);
    won.dead_letters = vec![letter.clone()];
    assert_committed(&a.commit(&won).await.unwrap(), saga.id);
    assert!(b.kept_letter(letter.id).await.unwrap().is_some());
}

pub(crate) async fn confirmed_messages_leave_with_a_commit(Pair { a, .. }: Pair) {
    let saga = started(&*a).await;
    let saga = commit(&*a, advance(&*a, &saga)).await;
    let sent = MessageId {
        saga: saga.id,
        seq: 2,
    };
    assert_eq!(a.own_outbox(None, 10).await.unwrap()[0].id, sent);
    let mut next = batch([advance(&*a, &saga)]);
    next.confirmed = vec![
        sent,
        MessageId {
            saga: saga.id,
            seq: 99,
        },
    ];
    a.commit(&next).await.unwrap();
    let left = a.own_outbox(None, 10).await.unwrap();
    assert_eq!(left.iter().map(|m| m.id.seq).collect::<Vec<_>>(), [3]);
    a.commit(&crate::stores::confirmed([MessageId {
        saga: saga.id,
        seq: 3,
    }]))
    .await
    .unwrap();
    assert_eq!(a.outbox_backlog().await.unwrap(), (0, None));
}

pub(crate) async fn a_lock_lets_the_loser_decide_again(Pair { a, b }: Pair) {
    let saga = started(&*a).await;
    let stored = commit(&*a, advance(&*a, &saga)).await;

    let judge = |found: Option<Saga>| {
        let found = found.expect("it is stored");
        assert_eq!(found, stored);
        Some(advance(&*b, &found))
    };
    let report = b.commit_locked(saga.id, Box::new(judge)).await.unwrap();
    assert_committed(&report, saga.id);
    assert_eq!(load(&*a, saga.id).await.version, 3);

    let report = b.commit_locked(saga.id, Box::new(|_| None)).await.unwrap();
    assert_committed(&report, saga.id);
    assert_eq!(load(&*a, saga.id).await.version, 3);

    let unknown = a.new_saga_id();
    let report = b
        .commit_locked(
            unknown,
            Box::new(|found| {
                assert_eq!(found, None);
                None
            }),
        )
        .await
        .unwrap();
    assert_committed(&report, unknown);
}

pub(crate) async fn under_a_lock_poison_and_stale_decisions_write_nothing(Pair { a, .. }: Pair) {
    let saga = started(&*a).await;
    let judge = |found: Option<Saga>| {
        let mut transition = advance(&*a, &found.unwrap());
        transition.values.push(output(u32::MAX, json!(1)));
        Some(transition)
    };
    let report = a.commit_locked(saga.id, Box::new(judge)).await.unwrap();
    assert_poisoned(&report, saga.id);
    let stale = |found: Option<Saga>| {
        let mut wrong = found.unwrap();
        wrong.version = 7;
        Some(advance(&*a, &wrong))
    };
    let report = a.commit_locked(saga.id, Box::new(stale)).await.unwrap();
    assert_conflict(&report, saga.id);
    assert_eq!(load(&*a, saga.id).await, saga);
    assert_eq!(a.history(saga.id, 0, 10).await.unwrap().len(), 1);
    assert_eq!(a.outbox_backlog().await.unwrap().0, 0);
}

pub(crate) async fn locks_queue_up(Pair { a, b }: Pair) {
    let saga = started(&*a).await;
    let mut tasks = tokio::task::JoinSet::new();
    for store in [&a, &b, &a, &b, &a, &b] {
        let (store, id) = (Arc::clone(store), saga.id);
        tasks.spawn(async move {
            let clock = Arc::clone(&store);
            let judge = move |found: Option<Saga>| Some(advance(&*clock, &found.unwrap()));
            store.commit_locked(id, Box::new(judge)).await.unwrap()
        });
    }
    while let Some(report) = tasks.join_next().await {
        assert_committed(&report.unwrap(), saga.id);
    }
    assert_eq!(load(&*a, saga.id).await.version, 7);
}
