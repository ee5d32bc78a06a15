//! The suite over the ledger in memory.

use crate::cases;
use crate::subject::Subject;

#[tokio::test]
async fn a_duplicate_is_answered_from_the_row() {
    cases::a_duplicate_is_answered_from_the_row(Subject::memory()).await;
}

#[tokio::test]
async fn a_duplicate_waits_for_the_open_transaction() {
    cases::a_duplicate_waits_for_the_open_transaction(Subject::memory()).await;
}

#[tokio::test]
async fn a_duplicate_takes_its_turn_after_a_rollback() {
    cases::a_duplicate_takes_its_turn_after_a_rollback(Subject::memory()).await;
}

#[tokio::test]
async fn an_open_transaction_makes_its_key_busy() {
    cases::an_open_transaction_makes_its_key_busy(Subject::memory()).await;
}

#[tokio::test]
async fn an_abandoned_transaction_leaves_nothing() {
    cases::an_abandoned_transaction_leaves_nothing(Subject::memory()).await;
}

#[tokio::test]
async fn an_undo_without_its_action_blocks_the_action() {
    cases::an_undo_without_its_action_blocks_the_action(Subject::memory()).await;
}

#[tokio::test]
async fn an_undo_runs_after_its_action() {
    cases::an_undo_runs_after_its_action(Subject::memory()).await;
}

#[tokio::test]
async fn a_certified_undo_needs_no_row_and_leaves_one() {
    cases::a_certified_undo_needs_no_row_and_leaves_one(Subject::memory()).await;
}

#[tokio::test]
async fn settling_blocks_what_was_never_begun() {
    cases::settling_blocks_what_was_never_begun(Subject::memory()).await;
}

#[tokio::test]
async fn settling_finds_what_happened() {
    cases::settling_finds_what_happened(Subject::memory()).await;
}

#[tokio::test]
async fn a_live_claim_is_busy_and_a_released_one_is_taken_over() {
    cases::a_live_claim_is_busy_and_a_released_one_is_taken_over(Subject::memory()).await;
}

#[tokio::test]
async fn a_lost_claim_is_taken_over_when_the_lease_ends() {
    cases::a_lost_claim_is_taken_over_when_the_lease_ends(Subject::memory()).await;
}

#[tokio::test]
async fn a_renewed_lease_keeps_claims() {
    cases::a_renewed_lease_keeps_claims(Subject::memory()).await;
}

#[tokio::test]
async fn a_worker_takes_its_own_lost_claim_over_at_once() {
    cases::a_worker_takes_its_own_lost_claim_over_at_once(Subject::memory()).await;
}

#[tokio::test]
async fn an_interrupted_action_can_be_certified() {
    cases::an_interrupted_action_can_be_certified(Subject::memory()).await;
}

#[tokio::test]
async fn a_stored_failure_is_replayed_and_leaves_no_effect() {
    cases::a_stored_failure_is_replayed_and_leaves_no_effect(Subject::memory()).await;
}

#[tokio::test]
async fn a_batch_answers_in_its_own_order() {
    cases::a_batch_answers_in_its_own_order(Subject::memory()).await;
}

#[tokio::test]
async fn an_action_and_its_settling_never_disagree() {
    cases::an_action_and_its_settling_never_disagree(Subject::memory()).await;
}

#[tokio::test]
async fn of_two_results_without_effect_the_first_stands() {
    cases::of_two_results_without_effect_the_first_stands(Subject::memory()).await;
}

#[tokio::test]
async fn a_late_result_does_not_keep_others_from_being_recorded() {
    cases::a_late_result_does_not_keep_others_from_being_recorded(Subject::memory()).await;
}

#[tokio::test]
async fn a_result_without_effect_is_not_taken_of_what_was_settled() {
    cases::a_result_without_effect_is_not_taken_of_what_was_settled(Subject::memory()).await;
}

#[tokio::test]
async fn a_claim_from_when_it_had_an_effect_is_no_obstacle() {
    cases::a_claim_from_when_it_had_an_effect_is_no_obstacle(Subject::memory()).await;
}
