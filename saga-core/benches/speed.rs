//! How fast the compiler and a decision are. Prints medians, and the
//! shortest times, which a busy machine disturbs least; `docs/performance.md` has the figures.
//!
//! `cargo bench -p saga-core --profile production`

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "it measures, and tells a person"
)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use saga_core::compiler::compile;
use saga_core::decide::decide;
use saga_core::decision::{Decision, Outcome};
use saga_core::definition::Definition;
use saga_core::ids::{Op, SagaId, StepKey, StepName};
use saga_core::input::{Input, Reply, ReplyOutcome, Start};
use saga_core::saga::Saga;
use saga_core::time::Timestamp;
use saga_core::values::Values;
use serde_json::{Value, json};

/// Samples of each figure; the median of them is told.
const SAMPLES: usize = 51;

/// Steps of the definition that is compiled.
const COMPILED_STEPS: usize = 100;

/// Steps of the saga that is decided on.
const DECIDED_STEPS: usize = 20;

fn main() {
    println!("{:<40} {:>10} {:>10}", "microseconds", "median", "shortest");
    let source = definition(COMPILED_STEPS);
    let kibibytes = source.len() / 1024;
    let took = times(1, || {
        black_box(compile("bench.yaml", &source));
    });
    tell(
        &format!("compile {COMPILED_STEPS} steps, {kibibytes} KiB"),
        took,
    );
    for (name, source) in hostile() {
        let took = times(1, || {
            black_box(compile("bench.yaml", &source));
        });
        tell(&format!("refuse {name}, {} KiB", source.len() / 1024), took);
    }
    let mut run = Run::new(&definition(DECIDED_STEPS));
    tell(
        &format!("start a saga of {DECIDED_STEPS} steps"),
        run.decision(),
    );
    run.advance();
    for step in 0..DECIDED_STEPS {
        run.input = Input::Reply(reply(step));
        if [0, DECIDED_STEPS / 2, DECIDED_STEPS - 2].contains(&step) {
            let what = format!("reply of step {step}, next dispatched");
            tell(&what, run.decision());
        } else if step == DECIDED_STEPS - 1 {
            tell("reply of the last step, completed", run.decision());
        }
        run.advance();
    }
    assert!(run.saga.ended_at.is_some(), "the saga did not end");
}

fn tell(what: &str, (median, shortest): (f64, f64)) {
    println!("{what:<40} {median:>10.1} {shortest:>10.1}");
}

/// Files that are made to keep the compiler busy.
fn hostile() -> Vec<(&'static str, String)> {
    let step = |input: &str| {
        format!(
            "saga: s\nversion: 1.0.0\nsteps:\n  - {{ id: a, action: x.y, no_effect: true, input: \
             {input} }}\n"
        )
    };
    let aliases = "*a, ".repeat(40_000);
    vec![
        ("aliases", format!("a: &a [1]\nb: [{aliases}1]\n")),
        ("nesting", step(&"[".repeat(900_000))),
        ("a long list", step(&format!("[{}]", "1,".repeat(500_000)))),
        (
            "a long expression",
            step(&format!("'${{{}1}}'", "1+".repeat(400_000))),
        ),
        (
            "many expressions",
            step(&format!("\"{}\"", "${inptu.a}".repeat(80_000))),
        ),
    ]
}

/// A chain in which every step reads what came before, as a path, as text and as a computation.
fn definition(steps: usize) -> String {
    let mut text = "saga: bench\nversion: 1.0.0\nkey: ${input.orderId}\ninput:\n  type: object\n  \
                    required: [orderId, amount, items]\n  properties:\n    orderId: { type: string \
                    }\n    amount: { type: integer }\n    items: { type: array, items: { type: \
                    object } }\nsteps:\n"
        .to_owned();
    for step in 0..steps {
        let before = match step.checked_sub(1) {
            Some(before) => format!("steps.s{before}.output.reference"),
            None => "input.orderId".to_owned(),
        };
        let _infallible = write!(
            text,
            "  - id: s{step}\n    action: pool.operation\n    input:\n      order: \
             ${{input.orderId}}\n      before: ${{{before}}}\n      text: Step {step} of order \
             ${{input.orderId}} over ${{input.amount}}\n      large: '${{input.amount > 100 ? \
             \"large\" : \"small\"}}'\n      skus: ${{input.items.map(item, item.sku)}}\n    \
             compensate:\n      action: pool.undo\n      input: {{ reference: \
             \"${{steps.s{step}.output.reference}}\" }}\n      retry: {{ maximum_attempts: 0 }}\n"
        );
    }
    text
}

/// A saga on its way, and what comes next.
struct Run {
    definition: Definition,
    saga: Saga,
    values: Values,
    input: Input,
    now: Timestamp,
}

impl Run {
    fn new(source: &str) -> Self {
        let compiled = compile("bench.yaml", source);
        let definition = compiled.definition.expect("the definition compiles");
        let id: SagaId = "019a0000-0000-7000-8000-000000000001"
            .parse()
            .expect("an id");
        let items: Vec<Value> = (0..3)
            .map(|n| json!({ "sku": format!("sku-{n}") }))
            .collect();
        let payload = json!({ "orderId": "order-1", "amount": 250, "items": items });
        Self {
            saga: Saga::new(id, definition.reference.clone()),
            definition,
            values: Values::default(),
            input: Input::Start(Start {
                key: Some("order-1".to_owned()),
                labels: std::collections::BTreeMap::new(),
                parent: None,
                input: Arc::new(payload),
            }),
            now: "2026-01-01T00:00:00Z".parse().expect("a time"),
        }
    }

    fn decide(&self) -> Decision {
        match decide(
            &self.definition,
            &self.saga,
            &self.values,
            &self.input,
            self.now,
        ) {
            Outcome::Applied(decision) => *decision,
            other @ (Outcome::Ignored(_)
            | Outcome::Refused(_)
            | Outcome::Illegal(_)
            | Outcome::Needs(_)) => unreachable_outcome(&other),
        }
    }

    /// Microseconds of one decision.
    fn decision(&self) -> (f64, f64) {
        times(100, || {
            drop(black_box(self.decide()));
        })
    }

    fn advance(&mut self) {
        let decision = self.decide();
        for (key, value) in decision.values {
            self.values.insert(key, value);
        }
        self.saga = decision.saga;
    }
}

#[expect(clippy::panic, reason = "the benchmark measures nothing then")]
fn unreachable_outcome(outcome: &Outcome) -> ! {
    panic!("{outcome:?}")
}

fn reply(step: usize) -> Reply {
    Reply {
        key: StepKey::whole(StepName::new(&format!("s{step}"))),
        op: Op::Action,
        round: 0,
        attempt: 1,
        outcome: ReplyOutcome::Done(Arc::new(json!({ "reference": format!("ref-{step}") }))),
        worker: Some("bench".to_owned()),
    }
}

/// The median and the shortest time of one call in microseconds, over samples of `calls` calls.
fn times(calls: u32, mut call: impl FnMut()) -> (f64, f64) {
    let mut samples: Vec<Duration> = (0..SAMPLES)
        .map(|_| {
            let begun = Instant::now();
            for _ in 0..calls {
                call();
            }
            begun.elapsed() / calls
        })
        .collect();
    samples.sort_unstable();
    let micros = |sample: Duration| sample.as_secs_f64() * 1e6;
    (micros(samples[SAMPLES / 2]), micros(samples[0]))
}
