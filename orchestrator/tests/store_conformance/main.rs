//! Every store keeps the same promises. Those of Postgres alone are in files of their own.
//!
//! `cfg(test)` tells clippy that all of this is test code.

#[cfg(test)]
mod config;
#[cfg(test)]
mod postgres_audit;
#[cfg(test)]
mod postgres_days;
#[cfg(test)]
mod postgres_failures;
#[cfg(test)]
mod postgres_history;
#[cfg(test)]
mod postgres_plans;
#[cfg(test)]
mod postgres_reply_queues;
#[cfg(test)]
mod postgres_retention;
#[cfg(test)]
mod postgres_schema;
#[cfg(test)]
mod postgres_workers;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod stores;
#[cfg(test)]
mod suite_commit;
#[cfg(test)]
mod suite_days;
#[cfg(test)]
mod suite_language;
#[cfg(test)]
mod suite_letters;
#[cfg(test)]
mod suite_reads;
#[cfg(test)]
mod suite_security;
#[cfg(test)]
mod suite_time;
#[cfg(test)]
mod suite_workers;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use orchestrator::store::{MemoryStore, Store};
use saga_core::time::Timestamp;
use stores::{Database, Pair};
use tokio::sync::Semaphore;
use uuid::Uuid;

/// Checks that run on the database at once; each has a few connections.
const AT_ONCE: usize = 4;

type Check = fn(Pair) -> Pin<Box<dyn Future<Output = ()> + Send>>;

macro_rules! checks {
    ($($module:ident :: $name:ident,)*) => {
        [$((stringify!($name), (|pair| Box::pin($module::$name(pair))) as Check),)*]
    };
}

const CHECKS: [(&str, Check); 62] = checks![
    suite_commit::a_committed_saga_reads_back_as_it_was,
    suite_commit::unknown_ids_are_left_out,
    suite_commit::a_lost_race_writes_nothing,
    suite_commit::a_saga_that_is_not_there_or_there_already_conflicts,
    suite_commit::one_saga_twice_in_a_batch_is_refused,
    suite_commit::batches_in_opposite_order_do_not_deadlock,
    suite_commit::a_key_starts_one_saga_for_ever,
    suite_commit::equal_keys_of_a_batch_start_one_saga,
    suite_commit::a_key_race_of_two_stores_starts_one_saga,
    suite_commit::one_poison_costs_the_others_nothing,
    suite_commit::a_letter_is_kept_with_what_its_saga_makes_of_it,
    suite_commit::confirmed_messages_leave_with_a_commit,
    suite_commit::a_lock_lets_the_loser_decide_again,
    suite_commit::under_a_lock_poison_and_stale_decisions_write_nothing,
    suite_commit::locks_queue_up,
    suite_time::ids_sort_by_the_stores_clock,
    suite_time::a_due_saga_is_claimed_once_per_lease,
    suite_time::the_earliest_are_claimed_first_and_split_among_claimers,
    suite_time::a_transition_keeps_an_earlier_time,
    suite_time::rearming_asks_for_the_version_and_keeps_it,
    suite_time::messages_belong_to_who_wrote_them,
    suite_time::messages_are_adopted_when_the_lease_ends,
    suite_time::an_owner_nobody_knows_counts_as_gone,
    suite_time::each_has_a_reply_queue_and_a_dead_ones_goes_to_another,
    suite_time::two_that_start_at_once_share_no_reply_queue,
    suite_reads::a_definition_never_changes,
    suite_reads::one_of_two_registrations_wins,
    suite_reads::definitions_sort_by_name_and_version,
    suite_reads::a_retired_definition_says_so_until_it_is_taken_back,
    suite_reads::open_sagas_are_found_by_version,
    suite_reads::a_saga_moves_to_another_version,
    suite_reads::a_listing_filters,
    suite_reads::a_listing_since_some_time_goes_by_ids,
    suite_reads::a_listing_filters_by_version_statuses_and_id,
    suite_reads::a_listing_has_pages,
    suite_reads::open_sagas_are_counted,
    suite_language::the_newest_good_output_of_an_input_is_found,
    suite_language::a_key_is_taken_over_from_a_closed_saga_only,
    suite_language::elements_and_signals_are_values,
    suite_language::values_read_back_however_large_and_late,
    suite_language::a_closed_saga_can_be_reopened,
    suite_letters::letters_are_listed_newest_first_by_what_they_are,
    suite_letters::letters_of_one_moment_have_pages,
    suite_letters::a_letter_is_shown_as_it_came,
    suite_letters::what_was_done_with_a_letter_first_stays,
    suite_letters::open_letters_are_grouped_by_cause,
    suite_security::records_are_chained_and_read_back_as_they_were,
    suite_security::appending_at_once_makes_one_chain,
    suite_security::the_log_is_listed_newest_first_by_what_it_says,
    suite_security::a_token_is_kept_until_it_is_revoked,
    suite_letters::sagas_are_found_by_their_open_letters,
    suite_workers::the_newest_word_of_a_worker_counts,
    suite_workers::a_worker_that_says_nothing_more_is_gone,
    suite_workers::a_worker_that_has_left_is_not_there_any_more,
    suite_workers::a_worker_that_drains_is_there_and_serves_no_more,
    suite_workers::what_is_known_of_a_sagas_commands_is_found,
    suite_days::a_day_goes_with_everything_of_its_sagas,
    suite_days::handled_letters_without_a_saga_are_forgotten,
    suite_days::a_saga_that_is_open_keeps_its_day,
    suite_days::a_saga_that_ended_lately_keeps_its_day,
    suite_days::a_message_that_is_not_sent_keeps_its_day,
    suite_days::sagas_are_forgotten_so_many_at_a_time,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_keeps_every_promise() {
    let mut broken = Vec::new();
    for (name, check) in CHECKS {
        let start = Timestamp::from_micros(1_795_000_000_000_000);
        let store = MemoryStore::new(Uuid::now_v7(), start);
        let other = store.another_owner(Uuid::now_v7());
        if tokio::spawn(check(Pair {
            a: Arc::new(store),
            b: Arc::new(other),
        }))
        .await
        .is_err()
        {
            broken.push(name);
        }
    }
    assert_eq!(
        broken, [""; 0],
        "promises that are broken; the panics are above"
    );
}

#[tokio::test(start_paused = true)]
async fn memory_time_goes_as_the_runtimes_clock_goes() {
    let start = Timestamp::from_micros(1_795_000_000_000_000);
    let store = MemoryStore::new(Uuid::now_v7(), start);
    assert_eq!(store.now(), start);
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(store.now(), start.after(Duration::from_hours(1)));
}

#[tokio::test(start_paused = true)]
async fn memory_forgets_workers_that_are_long_gone() {
    let start = Timestamp::from_micros(1_795_000_000_000_000);
    let store = MemoryStore::new(Uuid::now_v7(), start);
    let lease = Duration::from_secs(60);
    let gone = suite_workers::says(&store, "gone", 1);
    store.announce(&[&gone], lease).await.unwrap();
    tokio::time::sleep(Duration::from_hours(2)).await;
    let other = suite_workers::says(&store, "other", 1);
    store.announce(&[&other], lease).await.unwrap();
    let left = store.workers().await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].announcement, other);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_keeps_every_promise() {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = Vec::new();
    for (name, check) in CHECKS {
        let turns = Arc::clone(&turns);
        let run = tokio::spawn(async move {
            let _turn = turns.acquire().await.unwrap();
            let database = Database::migrated().await;
            let (a, b) = (database.store().await, database.store().await);
            let pair = Pair {
                a: Arc::new(a),
                b: Arc::new(b),
            };
            let outcome = tokio::spawn(check(pair)).await;
            database.drop().await;
            outcome.unwrap();
        });
        running.push((name, run));
    }
    let mut broken = Vec::new();
    for (name, run) in running {
        if run.await.is_err() {
            broken.push(name);
        }
    }
    assert_eq!(
        broken, [""; 0],
        "promises that are broken; the panics are above"
    );
}
