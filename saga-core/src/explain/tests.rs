//! A saga is driven into each trouble and asked why it does not move.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::{Cause, Letter, Queue, Running, Servers, Sighting, causes, is_stuck, refine};
use crate::compiler;
use crate::decide::decide;
use crate::decision::Outcome;
use crate::definition::Definition;
use crate::ids::{Op, SagaId, StepKey, StepName};
use crate::input::{Heartbeat, Input, Reply, ReplyOutcome, Start, StepError};
use crate::operator::{Operator, Verb};
use crate::saga::Saga;
use crate::time::Timestamp;
use crate::values::Values;

const SALE: &str = "
saga: sale
version: 1.0.0
max_lifetime: 1h
steps:
  - { id: hold, action: p.hold, compensate: { action: p.free, retry: { maximum_attempts: 1 } } }
  - { id: rest, action: p.rest, no_effect: true, on_failure: pause, retry: { initial_interval: 20s, jitter: 0.0 } }
  - { id: commit, action: p.commit, pivot: true, retry: { maximum_attempts: 1 } }
  - { id: ship, action: p.ship }
";

struct Sale {
    definition: Definition,
    saga: Saga,
    values: Values,
    now: Timestamp,
}

impl Sale {
    fn start() -> Self {
        let definition = compiler::compile("sale", SALE).definition.unwrap();
        let id: SagaId = "019a0000-0000-7000-8000-000000000001".parse().unwrap();
        let mut sale = Self {
            saga: Saga::new(id, definition.reference.clone()),
            definition,
            values: Values::default(),
            now: "2026-01-01T00:00:00Z".parse().unwrap(),
        };
        sale.judge(&Input::Start(Start {
            key: None,
            labels: BTreeMap::new(),
            input: Arc::new(json!({})),
            parent: None,
        }));
        sale
    }

    fn judge(&mut self, input: &Input) {
        match decide(&self.definition, &self.saga, &self.values, input, self.now) {
            Outcome::Applied(decision) => {
                self.saga = decision.saga;
                for (key, value) in decision.values {
                    self.values.insert(key, value);
                }
            }
            other @ (Outcome::Ignored(_)
            | Outcome::Refused(_)
            | Outcome::Illegal(_)
            | Outcome::Needs(_)) => panic!("{input:?}: {other:?}"),
        }
    }

    fn reply(&mut self, step: &str, op: Op, outcome: ReplyOutcome) {
        let key = StepKey::whole(StepName::new(step));
        let state = &self.saga.steps[&key];
        let (round, attempt) = (state.round_of(op), state.attempt);
        self.judge(&Input::Reply(Reply {
            key,
            op,
            round,
            attempt,
            outcome,
            worker: None,
        }));
    }

    fn done(&mut self, step: &str) {
        self.reply(step, Op::Action, ReplyOutcome::Done(Arc::new(json!({}))));
    }

    fn retry(&mut self, step: &str, op: Op) {
        let (error, retry_after) = (StepError::new("busy", "later"), None);
        self.reply(step, op, ReplyOutcome::AttemptFailed { error, retry_after });
    }

    fn wait(&mut self, seconds: u64) {
        self.now = self.now.after(Duration::from_secs(seconds));
    }

    fn operate(&mut self, verb: Verb) {
        let (who, reason) = ("ada".to_owned(), "a look".to_owned());
        self.judge(&Input::Operator(Operator { who, reason, verb }));
    }

    /// Each cause as people read it, with the command without the saga's id.
    fn explained(&self) -> Vec<String> {
        causes(&self.definition, &self.saga, self.now)
            .iter()
            .map(|cause| {
                let mend = cause
                    .mend(self.saga.id)
                    .map_or_else(String::new, |command| {
                        let command = command.replace("amends saga ", "");
                        format!(" [{}]", command.replace(&self.saga.id.to_string(), "ID"))
                    });
                let text = cause.to_string().replace(&self.saga.id.to_string(), "ID");
                format!("{}: {text}{mend}", cause.as_str())
            })
            .collect()
    }
}

#[test]
fn what_is_under_way_takes_its_time() {
    let mut sale = Sale::start();
    assert_eq!(
        sale.explained(),
        ["dispatched: action of step hold, attempt 1, was sent at 2026-01-01T00:00:00.000000Z"]
    );
    sale.retry("hold", Op::Action);
    assert_eq!(
        sale.explained(),
        [
            "backing_off: action of step hold failed at attempt 1 of 5, again at \
          2026-01-01T00:00:01.000000Z: busy: later"
        ]
    );
    sale.wait(2);
    assert_eq!(
        sale.explained(),
        ["dispatched: action of step hold, attempt 2, was sent at 2026-01-01T00:00:01.000000Z"]
    );
    sale.judge(&Input::Heartbeat(Heartbeat {
        key: StepKey::whole(StepName::new("hold")),
        op: Op::Action,
        round: 0,
        attempt: 2,
        started_at: sale.now,
        worker: None,
    }));
    assert_eq!(
        sale.explained(),
        [
            "executing: action of step hold, attempt 2, is executed since \
          2026-01-01T00:00:02.000000Z"
        ]
    );
}

#[test]
fn a_retry_that_waits_can_be_hastened_unless_the_saga_rests() {
    let mut sale = Sale::start();
    sale.done("hold");
    sale.retry("rest", Op::Action);
    assert_eq!(
        sale.explained(),
        [
            "backing_off: action of step rest failed at attempt 1 of 5, again at \
          2026-01-01T00:00:20.000000Z: busy: later [retry ID rest --reason …]"
        ]
    );
    sale.operate(Verb::Pause);
    assert_eq!(
        sale.explained(),
        ["paused: paused by ada: a look [resume ID --reason …]"]
    );
}

#[test]
fn what_rests_names_its_step() {
    let fail = || ReplyOutcome::Fail(StepError::new("refused", "no"));
    let mut sale = Sale::start();
    sale.done("hold");
    sale.reply("rest", Op::Action, fail());
    assert_eq!(
        sale.explained(),
        ["step_failed: step rest failed: refused: no [retry ID rest --reason …]"]
    );
    sale.operate(Verb::Retry {
        step: StepKey::parse("rest"),
    });
    sale.done("rest");
    sale.done("commit");
    sale.reply("ship", Op::Action, fail());
    assert_eq!(
        sale.explained(),
        [
            "retries_exhausted_after_pivot: step ship, after the point of no return, failed: \
          refused: no [retry ID ship --reason …]"
        ]
    );
    sale.operate(Verb::Terminate);
    assert!(sale.explained().is_empty());
}

#[test]
fn a_pivot_in_doubt_is_named_with_its_key() {
    let mut sale = Sale::start();
    sale.done("hold");
    sale.done("rest");
    sale.retry("commit", Op::Action);
    let unknown = ReplyOutcome::Unknown(StepError::new("unknown", "no trace"));
    sale.reply("commit", Op::Settle, unknown);
    assert_eq!(
        sale.explained(),
        [
            "outcome_unknown: nobody knows whether step commit (ID:commit:0:action:0) happened: \
          unknown: no trace [resolve ID commit --happened JSON | --never --reason …]"
        ]
    );
}

#[test]
fn an_undo_that_failed_is_named_with_its_key() {
    let mut sale = Sale::start();
    sale.done("hold");
    sale.operate(Verb::Cancel);
    sale.reply("rest", Op::Settle, ReplyOutcome::NeverHappened);
    sale.retry("hold", Op::Compensate);
    assert_eq!(
        sale.explained(),
        [
            "compensation_failed: step hold could not be undone (ID:hold:0:compensate:0): \
          busy: later [retry ID hold --reason …]"
        ]
    );
}

#[test]
fn a_parked_or_too_old_saga_says_so_and_what_is_still_out() {
    let mut sale = Sale::start();
    sale.wait(3600);
    sale.judge(&Input::Timer);
    let sent = "dispatched: action of step hold, attempt 1, was sent at \
                2026-01-01T00:00:00.000000Z";
    assert_eq!(
        sale.explained(),
        [
            "max_lifetime: its lifetime ended at 2026-01-01T01:00:00.000000Z \
             [resume ID --reason …]",
            sent
        ]
    );
    sale.judge(&Input::Park("a bug".to_owned()));
    assert_eq!(
        sale.explained(),
        [
            "parked: an input could not be applied: a bug [resume ID --reason …]",
            sent
        ]
    );
}

#[test]
fn causes_read_the_same_on_the_wire() {
    let cause = Cause::Executing {
        step: StepKey::parse("ship"),
        op: Op::Action,
        attempt: 2,
        since: "2026-01-01T00:00:00Z".parse().unwrap(),
        worker: None,
        unheard: false,
    };
    let json = serde_json::to_value(&cause).unwrap();
    assert_eq!(
        json,
        json!({
            "cause": "executing",
            "step": "ship",
            "op": "action",
            "attempt": 2,
            "since": "2026-01-01T00:00:00.000000Z",
        })
    );
    assert_eq!(serde_json::from_value::<Cause>(json).unwrap(), cause);
}

/// What becomes of the first cause of a saga with one command out, by what is seen of it.
#[test]
fn what_is_seen_of_a_command_makes_its_cause() {
    let sale = Sale::start();
    let now = sale.now;
    let worker = || Some(("w-1".to_owned(), now));
    let queue = |messages, consumers| {
        let name = "amends.steps.p.hold".to_owned();
        Some(Queue {
            name,
            messages,
            consumers,
        })
    };
    let letter = Letter {
        id: uuid::Uuid::nil(),
        reason: "delivery_limit".to_owned(),
    };
    let servers = |stopped, last| Some(Servers { stopped, last });
    let seen = |sighting: &Sighting| {
        let cause = causes(&sale.definition, &sale.saga, now).swap_remove(0);
        refine(cause, sighting).as_str()
    };
    let nothing = Sighting::default();
    assert_eq!(seen(&nothing), "dispatched");
    let nobody = Sighting {
        queue: queue(1, 0),
        servers: servers(0, None),
        ..nothing.clone()
    };
    assert_eq!(seen(&nobody), "no_worker_for_operation");
    let gone = Sighting {
        servers: servers(0, worker()),
        ..nobody.clone()
    };
    assert_eq!(seen(&gone), "waiting_for_worker");
    let unasked = Sighting {
        servers: None,
        ..nobody.clone()
    };
    assert_eq!(seen(&unasked), "waiting_for_worker");
    let busy = Sighting {
        queue: queue(7, 2),
        ..gone.clone()
    };
    assert_eq!(seen(&busy), "waiting_in_queue");
    let taken = Sighting {
        queue: queue(0, 2),
        ..gone.clone()
    };
    assert_eq!(seen(&taken), "dispatched");
    let dead = Sighting {
        letter: Some(letter),
        ..busy
    };
    assert_eq!(seen(&dead), "dead_lettered");
    // A row in the outbox, and what a worker says, go before what the queue shows.
    let unsent = Sighting {
        unsent_since: Some(now),
        ..nobody
    };
    assert_eq!(seen(&unsent), "outbox_unsent");
    let running = Sighting {
        running: Some(Running {
            worker: "w-1".to_owned(),
            since: now,
        }),
        ..unsent
    };
    assert_eq!(seen(&running), "executing");
}

#[test]
fn a_saga_is_stuck_when_it_waits_for_too_long() {
    let mut sale = Sale::start();
    let stuck = |sale: &Sale, sighting: &Sighting, seconds: u64| {
        let now = sale.now.after(Duration::from_secs(seconds));
        let cause = causes(&sale.definition, &sale.saga, now).swap_remove(0);
        is_stuck(&refine(cause, sighting), now)
    };
    let queue = |consumers| Sighting {
        queue: Some(Queue {
            name: "q".to_owned(),
            messages: 1,
            consumers,
        }),
        ..Sighting::default()
    };
    assert!(!stuck(&sale, &queue(0), 60) && stuck(&sale, &queue(0), 61));
    assert!(!stuck(&sale, &queue(1), 600) && stuck(&sale, &queue(1), 601));
    assert!(!stuck(&sale, &Sighting::default(), 300) && stuck(&sale, &Sighting::default(), 301));
    for attempt in 1..=3 {
        sale.retry("hold", Op::Action);
        assert_eq!(stuck(&sale, &Sighting::default(), 0), attempt == 3);
        // The next one rides a rung that is over by then.
        sale.wait(60);
    }
    sale.operate(Verb::Pause);
    assert!(stuck(&sale, &Sighting::default(), 0));
}

#[test]
fn the_words_are_those_of_the_causes() {
    let unknown = serde_json::from_value::<Cause>(json!({ "cause": "none" })).unwrap_err();
    let listed = Cause::WORDS.map(|word| format!("`{word}`")).join(", ");
    assert_eq!(
        unknown.to_string(),
        format!("unknown variant `none`, expected one of {listed}")
    );
}
