//! Replies: doubled, late, wrong, unreadable, for nobody.

use std::time::Duration;

use orchestrator::store::Store as _;
use saga_core::ids::{Op, SagaId, StepName};
use saga_core::input::{ReplyOutcome, StepError};
use saga_core::saga::Status;
use serde_json::json;
use tokio::time::timeout;
use uuid::Uuid;

use crate::bench::{Bench, PATIENCE, answer, done};

#[tokio::test]
async fn replies_move_a_saga_however_often_they_come() {
    let bench = Bench::with_orchestrators(1).await;
    let mut first = bench.worker("pool.first", Op::Action).await;
    let mut second = bench.worker("pool.second", Op::Action).await;
    let saga = bench.start("k").await.expect("started").saga;
    let command = first.next().await;
    let reply = answer(&command, done());
    bench.reply(&[reply.clone(), reply.clone()]).await;
    bench.reply(std::slice::from_ref(&reply)).await;
    let command = second.next().await;
    bench.reply(&[answer(&command, done())]).await;
    let ended = bench.until(saga, Status::Completed).await;
    assert_eq!(ended.version, 6, "duplicates must leave no event");
    bench.reply(&[reply]).await;
    bench.stop().await;
}

#[tokio::test]
async fn what_cannot_be_read_is_kept_and_spoils_nothing() {
    let bench = Bench::with_orchestrators(1).await;
    let mut first = bench.worker("pool.first", Op::Action).await;
    let saga = bench.start("k").await.expect("started").saga;
    let command = first.next().await;
    let good = serde_json::to_string(&answer(&command, done())).expect("a reply");
    let body = format!(r#"{{"replies": [{{"saga": 7}}, {good}]}}"#);
    bench.reply_raw("amends.replies.v1", &body).await;
    bench.reply_raw("amends.replies.v1", "{").await;
    bench.reply_raw("somebody.elses.v1", "{}").await;
    let mut second = bench.worker("pool.second", Op::Action).await;
    let command = second.next().await;
    assert_eq!(command.saga, saga);
    let reasons = bench.until_letters(3).await;
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    bench.stop().await;
}

#[tokio::test]
async fn a_reply_for_nobody_is_kept() {
    let bench = Bench::with_orchestrators(1).await;
    let mut first = bench.worker("pool.first", Op::Action).await;
    bench.start("k").await.expect("started");
    let command = first.next().await;
    let mut stray = answer(&command, done());
    stray.saga = SagaId(Uuid::now_v7());
    stray.command.saga = stray.saga;
    bench.reply(&[stray]).await;
    assert_eq!(bench.until_letters(1).await, ["no saga has this id"]);
    bench.stop().await;
}

#[tokio::test]
async fn a_reply_that_can_only_come_from_a_bug_parks_the_saga() {
    let bench = Bench::with_orchestrators(1).await;
    let mut first = bench.worker("pool.first", Op::Action).await;
    let saga = bench.start("k").await.expect("started").saga;
    let command = first.next().await;
    let mut wrong = answer(&command, done());
    wrong.reply.key.step = StepName::new("third");
    bench.reply(&[wrong]).await;
    let parked = bench.until(saga, Status::Paused).await;
    let why = format!("{:?}", parked.pause.expect("a cause"));
    assert!(why.contains("no step third"), "{why}");
    bench.stop().await;
}

#[tokio::test]
async fn a_failure_is_undone_and_a_retry_rides_a_rung() {
    let bench = Bench::with_orchestrators(1).await;
    let mut first = bench.worker("pool.first", Op::Action).await;
    let mut second = bench.worker("pool.second", Op::Action).await;
    let mut undo = bench.worker("pool.undo", Op::Compensate).await;
    let saga = bench.start("k").await.expect("started").saga;
    let command = first.next().await;
    let error = StepError::new("flaky", "not now");
    let failed = ReplyOutcome::AttemptFailed {
        error: error.clone(),
        retry_after: None,
    };
    bench.reply(&[answer(&command, failed)]).await;
    let command = first.next().await;
    assert_eq!(command.attempt, 2);
    bench.reply(&[answer(&command, done())]).await;
    let command = second.next().await;
    bench
        .reply(&[answer(&command, ReplyOutcome::Fail(error))])
        .await;
    let command = undo.next().await;
    assert!(command.undoes.is_some(), "an undo is told what it undoes");
    bench.reply(&[answer(&command, done())]).await;
    bench.until(saga, Status::Compensated).await;
    bench.stop().await;
}

/// Both orchestrators consume the same replies and keep what they know of a saga, so each is out of
/// date whenever the other has moved it.
#[tokio::test]
async fn two_orchestrators_do_not_trip_over_each_other() {
    const SAGAS: usize = 60;
    let bench = Bench::with_orchestrators(2).await;
    let mut first = bench.worker("pool.first", Op::Action).await;
    let mut second = bench.worker("pool.second", Op::Action).await;
    let mut sagas = Vec::new();
    for number in 0..SAGAS {
        sagas.push(
            bench
                .start(&format!("k{number}"))
                .await
                .expect("started")
                .saga,
        );
    }
    for _ in 0..SAGAS {
        let reply = answer(&first.next().await, done());
        // Thrice, in messages of their own, so that both orchestrators get one at the same time.
        for _ in 0..3 {
            bench.reply(std::slice::from_ref(&reply)).await;
        }
    }
    for _ in 0..SAGAS {
        let reply = answer(&second.next().await, done());
        for _ in 0..3 {
            bench.reply(std::slice::from_ref(&reply)).await;
        }
    }
    for saga in sagas {
        let ended = bench.until(saga, Status::Completed).await;
        assert_eq!(ended.version, 6, "each of the six events once");
    }
    assert!(bench.store.kept().is_empty());
    for which in 0..2 {
        let metrics = &bench.engine_of(which).shared().metrics;
        assert_eq!(metrics.illegal.get(), 0, "out of date is not illegal");
    }
    bench.stop().await;
}

/// Answers come to the orchestrator that asked for them, and to another one once that is gone.
#[tokio::test]
async fn who_asks_gets_the_answers_and_others_when_it_is_gone() {
    const SAGAS: usize = 30;
    let mut bench = Bench::with_orchestrators(2).await;
    let mut first = bench.worker("pool.first", Op::Action).await;
    let mut second = bench.worker("pool.second", Op::Action).await;
    let own = bench.topology.own_replies_queue(2);
    // It asks for them once it reads its own queue.
    let wait = async {
        for number in 0.. {
            let input = json!({ "key": format!("early{number}") });
            bench.start_at(1, input).await.expect("started");
            if first.next().await.reply_to == own {
                return;
            }
        }
    };
    timeout(PATIENCE, wait).await.expect("its own queue");
    let mut sagas = Vec::new();
    for number in 0..SAGAS {
        let input = json!({ "key": format!("k{number}") });
        sagas.push(bench.start_at(1, input).await.expect("started").saga);
        let command = first.next().await;
        assert_eq!(command.reply_to, own);
        bench.reply_to(&own, &[answer(&command, done())]).await;
    }
    let mut commands = Vec::new();
    for _ in &sagas {
        commands.push(second.next().await);
    }
    let metrics = &bench.engine_of(0).shared().metrics;
    let batches = metrics.batch_size.get_sample_count();
    assert_eq!(batches, 0, "the other one gets none of them");
    bench.stop_one(1).await;
    for command in &commands {
        assert_eq!(command.reply_to, own);
        bench.reply_to(&own, &[answer(command, done())]).await;
    }
    for saga in sagas {
        bench.until(saga, Status::Completed).await;
    }
    bench.stop().await;
}

/// Who starts next need not wait for the lease of who has stopped, and has its reply queue.
#[tokio::test]
async fn a_reply_queue_is_given_up_by_who_stops() {
    let mut bench = Bench::with_orchestrators(1).await;
    let next = bench.store.another_owner(Uuid::now_v7());
    let beside = next.heartbeat(Duration::ZERO).await.expect("a heartbeat");
    assert_eq!(beside.own, Some(2), "the other one is there");
    bench.stop_one(0).await;
    let last = bench.store.another_owner(Uuid::now_v7());
    let after = last.heartbeat(PATIENCE).await.expect("a heartbeat");
    assert_eq!(after.own, Some(1));
}
