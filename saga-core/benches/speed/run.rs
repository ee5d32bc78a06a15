//! A saga of steps that read one another, from its start to its end, for everything that measures.

use std::fmt::Write as _;
use std::sync::Arc;

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

/// Steps of the saga that is decided on.
pub(crate) const DECIDED_STEPS: usize = 20;

/// A saga on its way, and what comes next.
pub(crate) struct Run {
    pub(crate) definition: Definition,
    pub(crate) saga: Saga,
    pub(crate) values: Values,
    /// What comes next.
    pub(crate) input: Input,
    pub(crate) now: Timestamp,
}

impl Run {
    pub(crate) fn new(source: &str) -> Self {
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

    pub(crate) fn decide(&self) -> Decision {
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

    /// What the input makes of the saga.
    pub(crate) fn advance(&mut self) {
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

/// The answer of a worker to this step.
pub(crate) fn reply(step: usize) -> Reply {
    Reply {
        key: StepKey::whole(StepName::new(&format!("s{step}"))),
        op: Op::Action,
        round: 0,
        attempt: 1,
        outcome: ReplyOutcome::Done(Arc::new(json!({ "reference": format!("ref-{step}") }))),
        worker: Some("bench".to_owned()),
    }
}

/// A chain in which every step reads what came before, as a path, as text and as a computation.
pub(crate) fn definition(steps: usize) -> String {
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
