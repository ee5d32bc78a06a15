//! What every ledger must do, whatever it is kept in.

use std::time::{Duration, Instant};

use saga_core::delivery::Standing;
use worker_runtime::ledger::{Ask, Begun, Effect, Found, Note, Outcome, Recording, Stored};

use crate::subject::{LEASE, Subject, begun_stored, claimed, done, error, stored};

/// The longest that waiting for another's transaction may take.
const BUSY_AT_MOST: Duration = Duration::from_secs(2);

pub(crate) async fn a_duplicate_is_answered_from_the_row(it: Subject) {
    let ask = it.action("charge");
    let mut transaction = it.open(&ask).await;
    it.take_effect(&mut *transaction).await;
    let _recorded = transaction.commit(&done()).await.unwrap();
    let again = it.ledger.begin(&it.other, &ask, None).await.unwrap();
    assert_eq!(begun_stored(again), done());
    assert_eq!(stored(it.claim(&it.other, &ask).await), done());
    assert_eq!(it.effects().await, 1);
}

pub(crate) async fn a_duplicate_waits_for_the_open_transaction(it: Subject) {
    let ask = it.action("charge");
    let mut transaction = it.open(&ask).await;
    it.take_effect(&mut *transaction).await;
    let (recorded, again) = tokio::join!(
        async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            transaction.commit(&done()).await
        },
        it.ledger.begin(&it.other, &ask, None),
    );
    let _recorded = recorded.unwrap();
    assert_eq!(begun_stored(again.unwrap()), done());
    assert_eq!(it.effects().await, 1);
}

pub(crate) async fn a_duplicate_takes_its_turn_after_a_rollback(it: Subject) {
    let ask = it.action("charge");
    let mut transaction = it.open(&ask).await;
    it.take_effect(&mut *transaction).await;
    let (_recorded, again) = tokio::join!(
        async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            transaction.roll_back().await
        },
        it.ledger.begin(&it.other, &ask, None),
    );
    let Begun::Open(mut transaction) = again.unwrap() else {
        panic!("the key is not free")
    };
    assert_eq!(it.effects().await, 0);
    it.take_effect(&mut *transaction).await;
    let _recorded = transaction.commit(&done()).await.unwrap();
    assert_eq!(it.effects().await, 1);
}

pub(crate) async fn an_open_transaction_makes_its_key_busy(it: Subject) {
    let ask = it.action("charge");
    let transaction = it.open(&ask).await;
    let began = Instant::now();
    let again = it.ledger.begin(&it.other, &ask, None).await.unwrap();
    assert!(
        matches!(again, Begun::Found(Found::InProgress)),
        "{again:?}"
    );
    let settled = it.ledger.settle(&it.other, &ask).await.unwrap();
    assert!(matches!(settled, Found::InProgress), "{settled:?}");
    assert_eq!(
        it.bar(it.barrier("charge", true)).await,
        Standing::InProgress
    );
    assert!(began.elapsed() < 3 * BUSY_AT_MOST);

    let free = it.action("free");
    let found = it
        .ledger
        .claim(&it.other, &[ask.clone(), free])
        .await
        .unwrap();
    assert!(
        matches!(found[..], [Found::InProgress, Found::Fresh(_)]),
        "{found:?}"
    );
    drop(transaction);
    let settled = it.ledger.settle(&it.other, &ask).await;
    assert!(matches!(
        settled.unwrap(),
        Found::Stored(Stored::Blocked, _) | Found::InProgress
    ));
}

pub(crate) async fn an_abandoned_transaction_leaves_nothing(it: Subject) {
    let ask = it.action("charge");
    let mut transaction = it.open(&ask).await;
    it.take_effect(&mut *transaction).await;
    let _recorded = transaction.abandon().await;
    let deadline = Instant::now() + Duration::from_secs(5);
    let mut transaction = loop {
        match it.ledger.begin(&it.me, &ask, None).await.unwrap() {
            Begun::Open(transaction) => break transaction,
            busy => assert!(Instant::now() < deadline, "still not free: {busy:?}"),
        }
    };
    it.take_effect(&mut *transaction).await;
    let _recorded = transaction.commit(&done()).await.unwrap();
    assert_eq!(it.effects().await, 1);
}

pub(crate) async fn an_undo_without_its_action_blocks_the_action(it: Subject) {
    let (action, undo) = (it.action("charge"), it.ask("charge", Effect::Compensate));
    let barrier = it.barrier("charge", false);
    for _duplicate in 0..2 {
        let begun = it
            .ledger
            .begin(&it.me, &undo, Some(&barrier))
            .await
            .unwrap();
        assert!(
            matches!(begun, Begun::Barred(it) if it.standing == Standing::Blocked),
            "{begun:?}"
        );
    }
    assert_eq!(
        begun_stored(it.ledger.begin(&it.me, &action, None).await.unwrap()),
        Stored::Blocked
    );
    assert_eq!(stored(it.claim(&it.other, &action).await), Stored::Blocked);
    assert_eq!(it.bar(it.barrier("charge", false)).await, Standing::Blocked);
}

pub(crate) async fn an_undo_runs_after_its_action(it: Subject) {
    let (action, undo) = (it.action("charge"), it.ask("charge", Effect::Compensate));
    let mut transaction = it.open(&action).await;
    it.take_effect(&mut *transaction).await;
    let _recorded = transaction.commit(&done()).await.unwrap();
    let barrier = it.barrier("charge", false);
    let begun = it
        .ledger
        .begin(&it.me, &undo, Some(&barrier))
        .await
        .unwrap();
    let Begun::Open(transaction) = begun else {
        panic!("the undo does not run: {begun:?}")
    };
    let _recorded = transaction.commit(&Stored::Applied(None)).await.unwrap();
    let again = it
        .ledger
        .begin(&it.other, &undo, Some(&barrier))
        .await
        .unwrap();
    assert_eq!(begun_stored(again), Stored::Applied(None));
}

pub(crate) async fn a_certified_undo_needs_no_row_and_leaves_one(it: Subject) {
    let (action, undo) = (it.action("charge"), it.ask("charge", Effect::Compensate));
    let barrier = it.barrier("charge", true);
    let begun = it
        .ledger
        .begin(&it.me, &undo, Some(&barrier))
        .await
        .unwrap();
    let Begun::Open(transaction) = begun else {
        panic!("the undo does not run: {begun:?}")
    };
    let _recorded = transaction.commit(&done()).await.unwrap();
    let late = stored(it.claim(&it.other, &action).await);
    assert_eq!(late, Stored::Applied(barrier.output));
}

pub(crate) async fn settling_blocks_what_was_never_begun(it: Subject) {
    let ask = it.action("charge");
    for _duplicate in 0..2 {
        let settled = it.ledger.settle(&it.me, &ask).await.unwrap();
        assert_eq!(stored(settled), Stored::Blocked);
    }
    assert_eq!(stored(it.claim(&it.other, &ask).await), Stored::Blocked);
    assert_eq!(
        begun_stored(it.ledger.begin(&it.other, &ask, None).await.unwrap()),
        Stored::Blocked
    );
}

pub(crate) async fn settling_finds_what_happened(it: Subject) {
    let (happened, refused) = (it.action("happened"), it.action("refused"));
    let claim = claimed(it.claim(&it.me, &happened).await);
    let busy = it.ledger.settle(&it.other, &happened).await.unwrap();
    assert!(matches!(busy, Found::InProgress), "{busy:?}");
    let closed = it.close(&it.me, claim, Outcome::Settled(done())).await;
    assert!(matches!(closed, Recording::Recorded(_)));
    assert_eq!(
        stored(it.ledger.settle(&it.other, &happened).await.unwrap()),
        done()
    );

    let claim = claimed(it.claim(&it.me, &refused).await);
    let rejected = Stored::Rejected(error());
    let closed = it
        .close(&it.me, claim, Outcome::Settled(rejected.clone()))
        .await;
    assert!(matches!(closed, Recording::Recorded(_)));
    assert_eq!(
        stored(it.ledger.settle(&it.other, &refused).await.unwrap()),
        rejected
    );
    assert_eq!(
        it.bar(it.barrier("refused", false)).await,
        Standing::Rejected
    );
}

pub(crate) async fn a_live_claim_is_busy_and_a_released_one_is_taken_over(it: Subject) {
    let ask = it.action("send");
    let claim = claimed(it.claim(&it.me, &ask).await);
    assert_eq!(claim.epoch, 1);
    assert!(matches!(it.claim(&it.other, &ask).await, Found::InProgress));
    assert_eq!(it.bar(it.barrier("send", true)).await, Standing::InProgress);
    let released = it.close(&it.me, claim, Outcome::Released(error())).await;
    assert!(matches!(released, Recording::Recorded(_)));
    assert_eq!(
        it.bar(it.barrier("send", false)).await,
        Standing::Interrupted
    );
    let Found::Interrupted(claim) = it.claim(&it.other, &ask).await else {
        panic!("a released claim was not taken over")
    };
    assert_eq!(claim.epoch, 2);
    let closed = it.close(&it.other, claim, Outcome::Settled(done())).await;
    assert!(matches!(closed, Recording::Recorded(_)));
    assert_eq!(stored(it.claim(&it.me, &ask).await), done());
}

pub(crate) async fn a_lost_claim_is_taken_over_when_the_lease_ends(it: Subject) {
    let ask = it.action("send");
    let began = Instant::now();
    let lost = claimed(it.claim(&it.me, &ask).await);
    let taken = loop {
        match it.claim(&it.other, &ask).await {
            Found::Interrupted(claim) => break claim,
            Found::InProgress => assert!(began.elapsed() < 20 * LEASE, "never taken over"),
            other => panic!("{other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(
        began.elapsed() >= LEASE,
        "taken over while the lease was valid"
    );
    let late = it
        .close(&it.me, lost.clone(), Outcome::Settled(done()))
        .await;
    assert!(matches!(late, Recording::Fenced(None, _)), "{late:?}");
    let blocked = it
        .close(&it.other, taken, Outcome::Settled(Stored::Blocked))
        .await;
    assert!(matches!(blocked, Recording::Recorded(_)));
    let late = it
        .close(&it.me, lost.clone(), Outcome::Settled(done()))
        .await;
    assert!(
        matches!(late, Recording::Fenced(Some(Stored::Blocked), _)),
        "{late:?}"
    );
    let late = it.close(&it.me, lost, Outcome::Released(error())).await;
    assert!(
        matches!(late, Recording::Fenced(Some(Stored::Blocked), _)),
        "{late:?}"
    );
}

pub(crate) async fn a_renewed_lease_keeps_claims(it: Subject) {
    let ask = it.action("send");
    let claim = claimed(it.claim(&it.me, &ask).await);
    let until = Instant::now() + 2 * LEASE;
    while Instant::now() < until {
        it.ledger.renew(&it.me).await.unwrap();
        assert!(matches!(it.claim(&it.other, &ask).await, Found::InProgress));
        tokio::time::sleep(LEASE / 10).await;
    }
    let closed = it.close(&it.me, claim, Outcome::Settled(done())).await;
    assert!(matches!(closed, Recording::Recorded(_)));
    it.ledger.leave(&it.me).await.unwrap();
}

pub(crate) async fn a_worker_takes_its_own_lost_claim_over_at_once(it: Subject) {
    let ask = it.action("send");
    let lost = claimed(it.claim(&it.me, &ask).await);
    let Found::Interrupted(claim) = it.claim(&it.me, &ask).await else {
        panic!("not taken over")
    };
    assert_eq!((lost.epoch, claim.epoch), (1, 2));
}

pub(crate) async fn an_interrupted_action_can_be_certified(it: Subject) {
    let ask = it.action("send");
    let claim = claimed(it.claim(&it.other, &ask).await);
    let released = it
        .close(&it.other, claim.clone(), Outcome::Released(error()))
        .await;
    assert!(matches!(released, Recording::Recorded(_)));
    let barrier = it.barrier("send", true);
    assert_eq!(it.bar(barrier.clone()).await, Standing::Applied);
    assert_eq!(
        stored(it.claim(&it.other, &ask).await),
        Stored::Applied(barrier.output)
    );
    let late = it.close(&it.other, claim, Outcome::Settled(done())).await;
    assert!(
        matches!(late, Recording::Fenced(Some(Stored::Applied(_)), _)),
        "{late:?}"
    );
}

pub(crate) async fn a_stored_failure_is_replayed_and_leaves_no_effect(it: Subject) {
    let ask = it.action("charge");
    let mut transaction = it.open(&ask).await;
    it.take_effect(&mut *transaction).await;
    let rejected = Stored::Rejected(error());
    let _recorded = transaction.commit(&rejected).await.unwrap();
    assert_eq!(it.effects().await, 0);
    assert_eq!(
        begun_stored(it.ledger.begin(&it.me, &ask, None).await.unwrap()),
        rejected
    );
}

pub(crate) async fn a_batch_answers_in_its_own_order(it: Subject) {
    let asks: Vec<_> = (0..100)
        .rev()
        .map(|n| it.action(&format!("step{n}")))
        .collect();
    let found = it.ledger.claim(&it.me, &asks).await.unwrap();
    let claims: Vec<_> = found.into_iter().map(claimed).collect();
    assert!(
        claims
            .iter()
            .zip(&asks)
            .all(|(claim, ask)| claim.key == ask.key)
    );
    let odd: Vec<_> = asks.iter().skip(1).step_by(2).cloned().collect();
    let found = it.ledger.claim(&it.other, &odd).await.unwrap();
    assert!(found.iter().all(|found| matches!(found, Found::InProgress)));
}

pub(crate) async fn an_action_and_its_settling_never_disagree(it: Subject) {
    let mut happened = 0;
    for n in 0..60_u64 {
        let ask = it.action(&format!("step{n}"));
        let action = async {
            tokio::time::sleep(Duration::from_micros(100 * (n % 7))).await;
            match it.ledger.begin(&it.me, &ask, None).await.unwrap() {
                Begun::Open(mut transaction) => {
                    it.take_effect(&mut *transaction).await;
                    let _recorded = transaction.commit(&done()).await.unwrap();
                    true
                }
                Begun::Found(Found::Stored(Stored::Blocked, _)) => false,
                other => panic!("{other:?}"),
            }
        };
        let settling = async {
            tokio::time::sleep(Duration::from_micros(100 * (n % 5))).await;
            stored(it.ledger.settle(&it.other, &ask).await.unwrap())
        };
        let (did_happen, settled) = tokio::join!(action, settling);
        assert_eq!(
            settled,
            if did_happen { done() } else { Stored::Blocked },
            "{n}"
        );
        happened += i64::from(did_happen);
    }
    assert_eq!(it.effects().await, happened);
}

pub(crate) async fn of_two_results_without_effect_the_first_stands(it: Subject) {
    let ask = it.action("quote");
    let note = |stored: Stored| {
        [Note {
            ask: ask.clone(),
            stored,
        }]
    };
    let first = it.ledger.note(&it.me, &note(done())).await.unwrap();
    assert!(matches!(first[..], [Recording::Recorded(_)]), "{first:?}");
    let late = Stored::Rejected(error());
    let second = it.ledger.note(&it.other, &note(late)).await.unwrap();
    let [Recording::Fenced(Some(there), _)] = &second[..] else {
        panic!("the second result was taken: {second:?}")
    };
    assert_eq!(*there, done());
    assert_eq!(stored(it.claim(&it.other, &ask).await), done());
    let same = it.ledger.note(&it.other, &note(done())).await.unwrap();
    assert!(matches!(same[..], [Recording::Recorded(_)]), "{same:?}");
}

pub(crate) async fn a_late_result_does_not_keep_others_from_being_recorded(it: Subject) {
    let (early, late, last) = (it.action("quote"), it.action("rate"), it.action("stock"));
    let note = |ask: &Ask, stored: Stored| Note {
        ask: ask.clone(),
        stored,
    };
    let first = [note(&late, done())];
    it.ledger.note(&it.other, &first).await.unwrap();
    let refused = || Stored::Rejected(error());
    let batch = [&early, &late, &last].map(|ask| note(ask, refused()));
    let noted = it.ledger.note(&it.me, &batch).await.unwrap();
    let [
        Recording::Recorded(_),
        Recording::Fenced(Some(there), _),
        Recording::Recorded(_),
    ] = &noted[..]
    else {
        panic!("each was to be told of its own: {noted:?}")
    };
    assert_eq!(*there, done());
    assert_eq!(stored(it.claim(&it.other, &early).await), refused());
    assert_eq!(stored(it.claim(&it.other, &last).await), refused());
}

pub(crate) async fn a_result_without_effect_is_not_taken_of_what_was_settled(it: Subject) {
    let ask = it.action("quote");
    let settled = it.ledger.settle(&it.me, &ask).await.unwrap();
    assert_eq!(stored(settled), Stored::Blocked);
    let note = Note {
        ask,
        stored: done(),
    };
    let noted = it.ledger.note(&it.me, &[note]).await.unwrap();
    let blocked = matches!(noted[..], [Recording::Fenced(Some(Stored::Blocked), _)]);
    assert!(blocked, "{noted:?}");
}

pub(crate) async fn a_claim_from_when_it_had_an_effect_is_no_obstacle(it: Subject) {
    let ask = it.action("quote");
    let claim = claimed(it.claim(&it.other, &ask).await);
    let note = Note {
        ask,
        stored: done(),
    };
    let noted = it.ledger.note(&it.me, &[note]).await.unwrap();
    assert!(matches!(noted[..], [Recording::Recorded(_)]), "{noted:?}");
    let late = Outcome::Settled(Stored::Rejected(error()));
    let closed = it.close(&it.other, claim, late).await;
    let Recording::Fenced(Some(there), _) = closed else {
        panic!("the claim was closed: {closed:?}")
    };
    assert_eq!(there, done());
}
