//! The suite over the ledger in PostgreSQL, and what only that can do wrong.

use std::sync::Arc;

use tokio::task::JoinSet;
use worker_runtime::ledger::{Closing, Found, LedgerError, Outcome, Recording, WorkerId};

use crate::cases;
use crate::subject::{Subject, done};

#[tokio::test]
async fn a_duplicate_is_answered_from_the_row() {
    cases::a_duplicate_is_answered_from_the_row(Subject::postgres().await).await;
}

#[tokio::test]
async fn a_duplicate_waits_for_the_open_transaction() {
    cases::a_duplicate_waits_for_the_open_transaction(Subject::postgres().await).await;
}

#[tokio::test]
async fn a_duplicate_takes_its_turn_after_a_rollback() {
    cases::a_duplicate_takes_its_turn_after_a_rollback(Subject::postgres().await).await;
}

#[tokio::test]
async fn an_open_transaction_makes_its_key_busy() {
    cases::an_open_transaction_makes_its_key_busy(Subject::postgres().await).await;
}

#[tokio::test]
async fn an_abandoned_transaction_leaves_nothing() {
    cases::an_abandoned_transaction_leaves_nothing(Subject::postgres().await).await;
}

#[tokio::test]
async fn an_undo_without_its_action_blocks_the_action() {
    cases::an_undo_without_its_action_blocks_the_action(Subject::postgres().await).await;
}

#[tokio::test]
async fn an_undo_runs_after_its_action() {
    cases::an_undo_runs_after_its_action(Subject::postgres().await).await;
}

#[tokio::test]
async fn a_certified_undo_needs_no_row_and_leaves_one() {
    cases::a_certified_undo_needs_no_row_and_leaves_one(Subject::postgres().await).await;
}

#[tokio::test]
async fn settling_blocks_what_was_never_begun() {
    cases::settling_blocks_what_was_never_begun(Subject::postgres().await).await;
}

#[tokio::test]
async fn settling_finds_what_happened() {
    cases::settling_finds_what_happened(Subject::postgres().await).await;
}

#[tokio::test]
async fn a_live_claim_is_busy_and_a_released_one_is_taken_over() {
    cases::a_live_claim_is_busy_and_a_released_one_is_taken_over(Subject::postgres().await).await;
}

#[tokio::test]
async fn a_lost_claim_is_taken_over_when_the_lease_ends() {
    cases::a_lost_claim_is_taken_over_when_the_lease_ends(Subject::postgres().await).await;
}

#[tokio::test]
async fn a_renewed_lease_keeps_claims() {
    cases::a_renewed_lease_keeps_claims(Subject::postgres().await).await;
}

#[tokio::test]
async fn a_worker_takes_its_own_lost_claim_over_at_once() {
    cases::a_worker_takes_its_own_lost_claim_over_at_once(Subject::postgres().await).await;
}

#[tokio::test]
async fn an_interrupted_action_can_be_certified() {
    cases::an_interrupted_action_can_be_certified(Subject::postgres().await).await;
}

#[tokio::test]
async fn a_stored_failure_is_replayed_and_leaves_no_effect() {
    cases::a_stored_failure_is_replayed_and_leaves_no_effect(Subject::postgres().await).await;
}

#[tokio::test]
async fn a_batch_answers_in_its_own_order() {
    cases::a_batch_answers_in_its_own_order(Subject::postgres().await).await;
}

#[tokio::test]
async fn a_swallowed_error_cannot_be_committed() {
    let it = Subject::postgres().await;
    let ask = it.action("charge");
    let mut transaction = it.open(&ask).await;
    it.take_effect(&mut *transaction).await;
    let wrong = transaction
        .postgres()
        .unwrap()
        .batch_execute("SELECT no_such_column")
        .await;
    assert!(wrong.is_err());
    let committed = transaction.commit(&done()).await;
    assert!(
        matches!(committed, Err(LedgerError::Spoiled)),
        "{committed:?}"
    );
    assert_eq!(it.effects().await, 0);
    drop(it.open(&ask).await);
}

#[tokio::test]
async fn a_handler_cannot_end_the_transaction_unnoticed() {
    let it = Subject::postgres().await;
    let ask = it.action("charge");
    let transaction = it.open(&ask).await;
    transaction
        .postgres()
        .unwrap()
        .batch_execute("ROLLBACK")
        .await
        .unwrap();
    let committed = transaction.commit(&done()).await;
    assert!(
        matches!(committed, Err(LedgerError::Spoiled)),
        "{committed:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_that_cross_neither_deadlock_nor_share_a_claim() {
    let it = Arc::new(Subject::postgres().await);
    let mut tasks = JoinSet::new();
    for task in 0..4 {
        let it = it.clone();
        tasks.spawn(async move {
            let worker = WorkerId::new_run("crossing");
            let mut calls = Vec::new();
            for round in 0..10 {
                // Every task asks for the same keys, each in an order of its own.
                let mut asks: Vec<_> = (0..40)
                    .map(|n| it.action(&format!("step{round}.{n}")))
                    .collect();
                asks.rotate_left(task * 10);
                let found = it.ledger.claim(&worker, &asks).await.unwrap();
                let claims = found.into_iter().filter_map(|found| match found {
                    Found::Fresh(claim) => Some(claim),
                    Found::InProgress | Found::Stored(..) => None,
                    Found::Interrupted(_) => panic!("taken over from a live worker"),
                });
                let closing = |claim| Closing {
                    claim,
                    outcome: Outcome::Settled(done()),
                };
                let closings: Vec<_> = claims.map(closing).collect();
                let closed = it.ledger.close(&worker, &closings).await.unwrap();
                assert!(closed.iter().all(|it| matches!(it, Recording::Recorded(_))));
                calls.extend(closings.into_iter().map(|closing| closing.claim.key));
            }
            calls
        });
    }
    let mut calls: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    let count = calls.len();
    calls.sort_unstable();
    calls.dedup();
    assert_eq!(
        (count, calls.len()),
        (400, 400),
        "every key was claimed by one task"
    );
}

#[tokio::test]
async fn an_action_and_its_settling_never_disagree() {
    cases::an_action_and_its_settling_never_disagree(Subject::postgres().await).await;
}

#[tokio::test]
async fn of_two_results_without_effect_the_first_stands() {
    cases::of_two_results_without_effect_the_first_stands(Subject::postgres().await).await;
}

#[tokio::test]
async fn a_late_result_does_not_keep_others_from_being_recorded() {
    cases::a_late_result_does_not_keep_others_from_being_recorded(Subject::postgres().await).await;
}

#[tokio::test]
async fn a_result_without_effect_is_not_taken_of_what_was_settled() {
    cases::a_result_without_effect_is_not_taken_of_what_was_settled(Subject::postgres().await)
        .await;
}

#[tokio::test]
async fn a_claim_from_when_it_had_an_effect_is_no_obstacle() {
    cases::a_claim_from_when_it_had_an_effect_is_no_obstacle(Subject::postgres().await).await;
}
