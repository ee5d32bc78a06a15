//! Why sagas do not move, with queues, workers, outbox and children to look at.

use std::time::Duration;

use broker::broker::Broker as _;
use broker::envelope::worker::{Announcement, BreakerState, Occasion, OperationInfo, RunningInfo};
use orchestrator::explain::{explain, stuck};
use orchestrator::store::{SagaFilter, Store as _};
use saga_core::explain::Cause;
use saga_core::ids::{MessageId, Op, SagaId, StepName};
use saga_core::operator::{Operator, Verb};

use crate::bench::{Bench, answer, done};

/// The first cause of a saga, and what could not be seen.
async fn first(bench: &Bench, saga: SagaId) -> (Cause, Vec<String>) {
    let explained = explain(bench.engine(), &*bench.broker, saga).await;
    let explained = explained.expect("an answer").expect("the saga");
    let mut causes = explained.causes.into_iter();
    (causes.next().expect("a cause"), explained.unknown)
}

async fn announce(bench: &Bench, running: Vec<RunningInfo>) {
    let announcement = Announcement {
        announcement: Occasion::Heartbeat,
        worker: "w/1".to_owned(),
        seq: u64::try_from(running.len()).expect("few") + 1,
        name: "w".to_owned(),
        build: "1".to_owned(),
        started_at: bench.store.now(),
        operations: vec![OperationInfo {
            operation: "pool.first".parse().expect("an action"),
            op: Op::Action,
            version: None,
            slots: 1,
            busy: 0,
            per_message: 1,
            breaker: BreakerState::Closed,
        }],
        running,
        draining: None,
    };
    let lease = Duration::from_mins(1);
    bench
        .store
        .announce(&[&announcement], lease)
        .await
        .expect("it is kept");
}

#[tokio::test]
async fn a_command_is_followed_from_queue_to_worker() {
    let bench = Bench::with_orchestrators(1).await;
    let saga = bench.start("k").await.expect("started").saga;
    bench.until_waiting("pool.first", 1).await;
    let (cause, unknown) = first(&bench, saga).await;
    assert_eq!(cause.as_str(), "no_worker_for_operation", "{cause}");
    assert!(unknown.is_empty(), "{unknown:?}");

    announce(&bench, Vec::new()).await;
    let (cause, _) = first(&bench, saga).await;
    assert!(
        matches!(&cause, Cause::WaitingForWorker { last_worker: Some(worker), queue, .. }
            if worker == "w/1" && queue == "test.steps.pool.first"),
        "{cause:?}"
    );

    // One is taken, the other waits behind it.
    let mut hand = bench.worker_with("pool.first", Op::Action, 1).await;
    let other = bench.start("l").await.expect("started").saga;
    let command = hand.next().await;
    assert_eq!(command.saga, saga);
    bench.until_waiting("pool.first", 1).await;
    let (cause, _) = first(&bench, other).await;
    assert!(
        matches!(
            cause,
            Cause::WaitingInQueue {
                messages: 1,
                consumers: 1,
                ..
            }
        ),
        "{cause:?}"
    );

    let running = RunningInfo {
        saga,
        step: StepName::new("first"),
        element: 0,
        op: Op::Action,
        round: 0,
        attempt: 1,
        operation: "pool.first".parse().expect("an action"),
        command: MessageId { saga, seq: 2 },
        started_at: bench.store.now(),
        progress: None,
    };
    announce(&bench, vec![running]).await;
    let (cause, _) = first(&bench, saga).await;
    assert!(
        matches!(&cause, Cause::Executing { worker: Some(worker), .. } if worker == "w/1"),
        "{cause:?}"
    );
    bench.reply(&[answer(&command, done())]).await;
    bench.stop().await;
}

#[tokio::test]
async fn without_the_broker_it_says_what_it_cannot_see() {
    let bench = Bench::with_orchestrators(1).await;
    let saga = bench.start("k").await.expect("started").saga;
    bench.until_waiting("pool.first", 1).await;
    bench.broker.close().await;
    let (cause, unknown) = first(&bench, saga).await;
    assert_eq!(cause.as_str(), "dispatched", "{cause}");
    assert!(unknown[0].starts_with("the queues: "), "{unknown:?}");
}

#[tokio::test]
async fn a_parent_is_told_with_what_keeps_its_child() {
    let bench = Bench::with_orchestrators(1).await;
    bench
        .register(
            "{ saga: outer, version: 1.0.0, steps: [ { id: run, saga: { name: keyless } } ] }",
        )
        .await;
    let parent = bench
        .start_of(0, "outer", serde_json::json!({}))
        .await
        .expect("started")
        .saga;
    bench.until_waiting("pool.first", 1).await;
    let (cause, _) = first(&bench, parent).await;
    let Cause::WaitingForChild {
        child,
        because: Some(because),
        ..
    } = &cause
    else {
        panic!("{cause:?}");
    };
    assert_eq!(because.as_str(), "no_worker_for_operation", "{because}");
    assert_eq!(first(&bench, *child).await.0, **because);
    bench.stop().await;
}

#[tokio::test]
async fn what_is_stuck_is_counted_by_cause_and_place() {
    let bench = Bench::with_orchestrators(1).await;
    let mut paused = Vec::new();
    for key in ["a", "b", "c"] {
        let saga = bench.start(key).await.expect("started").saga;
        let operator = Operator {
            who: "ada".to_owned(),
            reason: "a look".to_owned(),
            verb: Verb::Pause,
        };
        bench
            .engine()
            .operate(saga, operator)
            .await
            .expect("paused");
        paused.insert(0, saga);
    }
    bench.start("moves").await.expect("started");
    let everything = SagaFilter::default();
    let report = stuck(bench.engine(), &*bench.broker, &everything).await;
    let report = report.expect("a report");
    assert_eq!((report.open, report.looked_at, report.stuck), (4, 4, 3));
    assert!(report.complete);
    assert_eq!(report.groups.len(), 1, "{report:?}");
    let group = &report.groups[0];
    assert_eq!(
        (&*group.cause, &*group.definition, group.count),
        ("paused", "pair", 3)
    );
    assert!(group.needs_operator && group.step.is_none());
    assert_eq!(group.sagas, paused, "the newest first");

    let none = SagaFilter {
        definition: Some("keyless".to_owned()),
        ..everything
    };
    let report = stuck(bench.engine(), &*bench.broker, &none).await;
    let report = report.expect("a report");
    assert_eq!((report.looked_at, report.stuck), (0, 0));
    bench.stop().await;
}
