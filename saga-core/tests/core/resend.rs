//! Dead letters against their sagas as they are now.

use std::collections::BTreeMap;
use std::sync::Arc;

use saga_core::decision::Outcome;
use saga_core::ids::{Op, StepKey};
use saga_core::input::{DeadLetter, Input, Missing, Reply, ReplyOutcome, Start, StepError};
use saga_core::operator::{By, Operator, Verb};
use saga_core::resend::{MovedOn, Resend, judge};
use saga_core::saga::{Status, StepStatus};
use serde_json::json;

use crate::driver::{Driver, compile};

const SALE: &str = "
saga: sale
version: 1.0.0
steps:
  - { id: hold, action: p.hold, compensate: { action: p.free, retry: { maximum_attempts: 1 } } }
  - { id: pay, action: p.pay, no_effect: true, on_failure: pause, retry: { maximum_attempts: 1 } }
";

fn start() -> Input {
    Input::Start(Start {
        key: None,
        labels: BTreeMap::new(),
        input: Arc::new(json!({})),
        parent: None,
    })
}

fn begun() -> Driver {
    let mut driver = Driver::new(compile(SALE).expect("a right definition"));
    assert!(matches!(driver.apply(&start()), Outcome::Applied(_)));
    driver
}

fn letter(step: &str, op: Op, round: u32, attempt: u32, command: Option<u64>) -> DeadLetter {
    DeadLetter {
        key: StepKey::parse(step),
        op,
        round,
        attempt,
        command,
        reason: "rejected".to_owned(),
    }
}

fn reply(driver: &mut Driver, step: &str, op: Op, outcome: ReplyOutcome) {
    let state = driver.saga.steps[&StepKey::parse(step)].clone();
    let reply = Input::Reply(Reply {
        key: StepKey::parse(step),
        op,
        round: state.round_of(op),
        attempt: state.attempt,
        outcome,
        worker: None,
    });
    let outcome = driver.apply(&reply);
    assert!(matches!(outcome, Outcome::Applied(_)), "{outcome:?}");
}

fn done() -> ReplyOutcome {
    ReplyOutcome::Done(Arc::new(json!({})))
}

fn fail() -> ReplyOutcome {
    ReplyOutcome::Fail(StepError::new("no", "no"))
}

fn ask(driver: &Driver, letter: &DeadLetter) -> Result<Resend, MovedOn> {
    let by = By {
        who: "ada".to_owned(),
        reason: "mended".to_owned(),
    };
    judge(&driver.definition, &driver.saga, letter, &by, driver.now)
}

fn command(driver: &Driver, step: &str) -> u64 {
    let state = &driver.saga.steps[&StepKey::parse(step)];
    state.work.expect("work under way").command
}

#[test]
fn a_command_under_way_is_sent_once_more_and_only_its_newest() {
    let mut driver = begun();
    let sent = command(&driver, "hold");
    let first = letter("hold", Op::Action, 0, 1, Some(sent));
    let missing = Missing {
        key: StepKey::parse("hold"),
        op: Op::Action,
        round: 0,
        attempt: 1,
    };
    let again = ask(&driver, &first).expect("a second try");
    assert_eq!(again, Resend::Again(missing));
    assert!(matches!(driver.apply(&again.input()), Outcome::Applied(_)));
    let by = command(&driver, "hold");
    assert!(by > sent, "a command of its own");
    let (step, attempt) = (StepKey::parse("hold"), 1);
    assert_eq!(
        ask(&driver, &first),
        Err(MovedOn::SentAgain { step, attempt, by })
    );
    // Whose letter does not say which command it was, is judged by its attempt alone.
    assert!(ask(&driver, &letter("hold", Op::Action, 0, 1, None)).is_ok());
}

#[test]
fn a_letter_of_another_step_attempt_round_or_op_is_refused() {
    let driver = begun();
    let (hold, pay) = (StepKey::parse("hold"), StepKey::parse("pay"));
    for (letter, why) in [
        (
            letter("pay", Op::Action, 0, 1, None),
            MovedOn::NeverSent(pay),
        ),
        (
            letter("hold", Op::Action, 0, 2, None),
            MovedOn::OtherAttempt {
                step: hold.clone(),
                then: 2,
                now: 1,
            },
        ),
        (
            letter("hold", Op::Action, 1, 1, None),
            MovedOn::OtherRound {
                step: hold.clone(),
                then: 1,
                now: 0,
            },
        ),
        (
            letter("hold", Op::Compensate, 0, 1, None),
            MovedOn::Over {
                step: hold.clone(),
                op: Op::Compensate,
                status: StepStatus::Scheduled,
            },
        ),
    ] {
        assert_eq!(ask(&driver, &letter), Err(why));
    }
}

#[test]
fn a_step_that_failed_and_rests_is_tried_again_once() {
    let mut driver = begun();
    reply(&mut driver, "hold", Op::Action, done());
    reply(&mut driver, "pay", Op::Action, fail());
    assert_eq!(driver.saga.status(), Status::Paused);
    let dead = letter("pay", Op::Action, 0, 1, None);
    let again = ask(&driver, &dead).expect("a second try");
    assert!(
        matches!(&again, Resend::Retry(it) if it.who == "ada"),
        "{again:?}"
    );
    assert!(matches!(driver.apply(&again.input()), Outcome::Applied(_)));
    assert_eq!(driver.saga.status(), Status::Running);
    assert!(
        matches!(ask(&driver, &dead), Err(MovedOn::OtherRound { .. })),
        "the retry is a round of its own"
    );
    reply(&mut driver, "pay", Op::Action, done());
    assert_eq!(driver.saga.status(), Status::Completed);
    let over = ask(&driver, &dead).expect_err("it is over");
    assert!(over.to_string().contains("the saga is completed"), "{over}");
}

#[test]
fn a_failed_undo_is_tried_again_and_each_attempt_by_its_own_letter() {
    let mut driver = begun();
    reply(&mut driver, "hold", Op::Action, done());
    let cancel = Input::Operator(Operator {
        who: "ada".to_owned(),
        reason: "called".to_owned(),
        verb: Verb::Cancel,
    });
    assert!(matches!(driver.apply(&cancel), Outcome::Applied(_)));
    reply(&mut driver, "pay", Op::Settle, ReplyOutcome::NeverHappened);
    let doubt = ReplyOutcome::AttemptFailed {
        error: StepError::new("timeout", "no answer"),
        retry_after: None,
    };
    reply(&mut driver, "hold", Op::Compensate, doubt);
    assert_eq!(driver.saga.status(), Status::CompensationFailed);
    // The action's own letter has nothing to say any more.
    assert!(matches!(
        ask(&driver, &letter("hold", Op::Action, 0, 1, None)),
        Err(MovedOn::Over { .. })
    ));
    let dead = letter("hold", Op::Compensate, 0, 1, None);
    let again = ask(&driver, &dead).expect("a second try");
    assert!(matches!(driver.apply(&again.input()), Outcome::Applied(_)));
    assert!(
        matches!(ask(&driver, &dead), Err(MovedOn::OtherAttempt { .. })),
        "in doubt, the round stays and the attempt tells them apart"
    );
    reply(&mut driver, "hold", Op::Compensate, done());
    assert_eq!(driver.saga.status(), Status::Compensated);
}

/// What brought a worker down once must not bring down others with it.
#[test]
fn only_what_was_never_sent_may_share_a_message() {
    let shares = |driver: &mut Driver, input: &Input| match driver.apply(input) {
        Outcome::Applied(decision) => {
            let commands: Vec<bool> = decision.commands.iter().map(|it| it.shares).collect();
            assert_eq!(commands.len(), 1, "{decision:?}");
            commands[0]
        }
        other => panic!("{other:?}"),
    };
    let mut driver = Driver::new(compile(SALE).expect("a right definition"));
    assert!(shares(&mut driver, &start()), "a first attempt");

    let sent = command(&driver, "hold");
    let first = letter("hold", Op::Action, 0, 1, Some(sent));
    let replay = ask(&driver, &first).expect("a second try").input();
    assert!(!shares(&mut driver, &replay), "a replay");

    let died = Input::DeadLetter(letter("hold", Op::Action, 0, 1, None));
    assert!(!shares(&mut driver, &died), "a probe");

    reply(&mut driver, "hold", Op::Action, done());
    reply(&mut driver, "pay", Op::Action, fail());
    let failed = letter("pay", Op::Action, 0, 1, None);
    let retry = ask(&driver, &failed).expect("another round").input();
    assert!(!shares(&mut driver, &retry), "another round");
}
