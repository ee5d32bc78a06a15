//! Sagas that go on with another version of their definition.

use std::sync::Arc;

use futures_util::future::join_all;
use orchestrator::engine::{Engine, OperateError};
use orchestrator::store::Store as _;
use saga_core::definition::{Definition, DefinitionRef, Obstacle};
use saga_core::event::EventKind;
use saga_core::ids::{Op, SagaId, StepKey};
use saga_core::operator::{By, Operator, Verb};
use saga_core::refusal::Refused;
use saga_core::saga::{Status, StepStatus};

use crate::bench::{Bench, answer, done};

/// `pair` with one thing more to do, and other ways to undo.
const LONGER: &str = "
saga: pair
version: 1.1.0
key: ${input.key}
steps:
  - { id: first, action: pool.first, compensate: { action: pool.undo-better } }
  - { id: second, action: pool.second, no_effect: true }
  - { id: third, action: pool.third, no_effect: true }
";

/// `pair` whose first step cannot be undone.
const FORGETFUL: &str = "
saga: pair
version: 2.0.0
key: ${input.key}
steps:
  - { id: first, action: pool.first, no_effect: true }
  - { id: second, action: pool.second, no_effect: true }
";

fn reference(version: &str) -> DefinitionRef {
    DefinitionRef {
        name: "pair".into(),
        version: version.parse().expect("a version"),
    }
}

async fn registered(bench: &Bench, source: &str, version: &str) -> Arc<Definition> {
    bench.register(source).await;
    let catalog = &bench.engine().shared().catalog;
    catalog.get(&reference(version)).await.expect("registered")
}

async fn move_to(engine: &Engine, saga: SagaId, to: &Arc<Definition>) -> Result<(), OperateError> {
    let operator = Operator {
        who: "ada".to_owned(),
        reason: "new tax".to_owned(),
        verb: Verb::Move { to: Arc::clone(to) },
    };
    engine.operate(saga, operator).await.map(drop)
}

#[tokio::test]
async fn a_moved_saga_ends_by_the_new_version() {
    let bench = Bench::with_orchestrators(1).await;
    let mut first = bench.worker("pool.first", Op::Action).await;
    let mut second = bench.worker("pool.second", Op::Action).await;
    let saga = bench.start("k").await.expect("started").saga;
    bench.reply(&[answer(&first.next().await, done())]).await;
    let command = second.next().await;

    let longer = registered(&bench, LONGER, "1.1.0").await;
    let mut third = bench.worker("pool.third", Op::Action).await;
    move_to(bench.engine(), saga, &longer).await.expect("moved");
    assert_eq!(
        bench.until(saga, Status::Running).await.definition,
        longer.reference
    );
    bench.reply(&[answer(&command, done())]).await;
    let command = third.next().await;
    assert_eq!(command.definition, longer.reference);
    bench.reply(&[answer(&command, done())]).await;
    let ended = bench.until(saga, Status::Completed).await;
    assert_eq!(ended.definition, longer.reference);
    assert_eq!(ended.key.as_deref(), Some("k"));

    let history = bench.store.history(saga, 0, 100).await.expect("history");
    let moved = history.iter().map(|event| &event.kind);
    let moved: Vec<&EventKind> = moved
        .filter(|kind| matches!(kind, EventKind::SagaMoved { .. }))
        .collect();
    let (who, reason) = ("ada".to_owned(), "new tax".to_owned());
    let (to, by) = (longer.reference.clone(), By { who, reason });
    assert_eq!(moved, [&EventKind::SagaMoved { to, by }]);
    bench.stop().await;
}

#[tokio::test]
async fn what_a_moved_saga_did_is_undone_by_the_new_version() {
    let bench = Bench::with_orchestrators(1).await;
    let mut first = bench.worker("pool.first", Op::Action).await;
    let mut settle = bench.worker("pool.second", Op::Settle).await;
    let saga = bench.start("k").await.expect("started").saga;
    bench.reply(&[answer(&first.next().await, done())]).await;
    bench.until_waiting("pool.second", 1).await;

    let longer = registered(&bench, LONGER, "1.1.0").await;
    let mut undo = bench.worker("pool.undo-better", Op::Compensate).await;
    move_to(bench.engine(), saga, &longer).await.expect("moved");
    let cancel = Operator {
        who: "ada".to_owned(),
        reason: "wrong".to_owned(),
        verb: Verb::Cancel,
    };
    bench.engine().operate(saga, cancel).await.expect("done");
    let never = saga_core::input::ReplyOutcome::NeverHappened;
    bench.reply(&[answer(&settle.next().await, never)]).await;
    bench.reply(&[answer(&undo.next().await, done())]).await;
    bench.until(saga, Status::Compensated).await;
    bench.stop().await;
}

#[tokio::test]
async fn a_saga_that_cannot_move_is_as_it_was() {
    let bench = Bench::with_orchestrators(1).await;
    let mut first = bench.worker("pool.first", Op::Action).await;
    let saga = bench.start("k").await.expect("started").saga;
    let command = first.next().await;
    let before = bench.until(saga, Status::Running).await;
    let forgetful = registered(&bench, FORGETFUL, "2.0.0").await;
    let refused = move_to(bench.engine(), saga, &forgetful).await;
    let Err(OperateError::Refused(refused @ Refused::CannotMove { .. })) = refused else {
        panic!("it moved: {refused:?}");
    };
    let lost = Obstacle::LosesUndo(command.key.step.clone());
    assert_eq!(refused.obstacles(), [lost]);
    assert_eq!(bench.until(saga, Status::Running).await, before);
    bench.stop().await;
}

/// Both orchestrators move the sagas while both get the replies, so each is out of date about the
/// version too.
#[tokio::test]
async fn sagas_move_while_two_orchestrators_work_on_them() {
    const SAGAS: usize = 40;
    let bench = Bench::with_orchestrators(2).await;
    let mut first = bench.worker("pool.first", Op::Action).await;
    let mut second = bench.worker("pool.second", Op::Action).await;
    let mut sagas = Vec::new();
    for number in 0..SAGAS {
        let started = bench.start(&format!("k{number}")).await;
        sagas.push(started.expect("started").saga);
    }
    let longer = registered(&bench, LONGER, "1.1.0").await;
    let mut third = bench.worker("pool.third", Op::Action).await;
    let mut replies = Vec::new();
    for _ in 0..SAGAS {
        replies.push(answer(&first.next().await, done()));
    }
    let repeated = async {
        for reply in &replies {
            for _ in 0..3 {
                bench.reply(std::slice::from_ref(reply)).await;
            }
        }
    };
    let moves = join_all(sagas.iter().map(|saga| async {
        let (one, two) = tokio::join!(
            move_to(bench.engine_of(0), *saga, &longer),
            move_to(bench.engine_of(1), *saga, &longer),
        );
        u32::from(one.is_ok()) + u32::from(two.is_ok())
    }));
    let (moved, ()) = tokio::join!(moves, repeated);
    assert_eq!(
        moved, [1; SAGAS],
        "the other is told that it runs that already"
    );
    for hand in [&mut second, &mut third] {
        for _ in 0..SAGAS {
            let reply = answer(&hand.next().await, done());
            for _ in 0..2 {
                bench.reply(std::slice::from_ref(&reply)).await;
            }
        }
    }
    for saga in sagas {
        let ended = bench.until(saga, Status::Completed).await;
        assert_eq!(ended.definition, longer.reference);
        assert_eq!(ended.version, 9, "each of the nine events once");
        let third = ended.step_status(&StepKey::parse("third"));
        assert_eq!(third, StepStatus::Succeeded);
    }
    assert!(bench.store.dead_letters().is_empty());
    bench.stop().await;
}
