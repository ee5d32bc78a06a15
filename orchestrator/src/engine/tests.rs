//! Several inputs of one saga in one transition.

use std::collections::BTreeMap;
use std::sync::Arc;

use broker::topology::Topology;
use saga_core::compiler::compile;
use saga_core::decision::Verdict;
use saga_core::definition::Definition;
use saga_core::ids::{Op, SagaId, StepKey};
use saga_core::input::{Input, Reply, ReplyOutcome, Start};
use saga_core::operator::{Operator, Verb};
use saga_core::saga::{Saga, Status};
use saga_core::values::Values;
use serde_json::json;

use super::fold::fold;

const OLD: &str = "
saga: order
version: 1.0.0
steps:
  - { id: place, action: orders.place, no_effect: true }
";

fn definition(text: &str) -> Arc<Definition> {
    Arc::new(compile("order.yaml", text).definition.unwrap())
}

fn move_to(to: &Arc<Definition>) -> Input {
    Input::Operator(Operator {
        who: "ada".to_owned(),
        reason: "because".to_owned(),
        verb: Verb::Move { to: Arc::clone(to) },
    })
}

fn done(step: &str) -> Input {
    Input::Reply(Reply {
        key: StepKey::parse(step),
        op: Op::Action,
        round: 0,
        attempt: 1,
        outcome: ReplyOutcome::Done(Arc::new(json!({}))),
        worker: None,
    })
}

#[test]
fn what_follows_a_move_is_judged_by_the_other_version() {
    let old = definition(OLD);
    let more = "  - { id: ship, action: parcels.ship, no_effect: true }\n";
    let new = definition(&(OLD.replace("1.0.0", "1.1.0") + more));
    let id: SagaId = "019a0000-0000-7000-8000-000000000001".parse().unwrap();
    let blank = Arc::new(Saga::new(id, old.reference.clone()));
    let start = Input::Start(Start {
        key: None,
        labels: BTreeMap::new(),
        input: Arc::new(json!({})),
        parent: None,
    });
    // The second move is refused and changes nothing, least of all what judges the rest.
    let inputs = [start, move_to(&new), move_to(&new), done("place")];
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let values = Values::default();
    let topology = Topology::new("test");
    let folded = fold(
        &old,
        (&topology, "t.replies"),
        &blank,
        &values,
        &inputs,
        now,
    )
    .unwrap();
    assert!(matches!(folded.verdicts[2], Verdict::Refused(_)));
    assert_eq!(folded.verdicts[3], Verdict::Applied);
    let transition = folded.transition.unwrap();
    assert_eq!(transition.saga.definition, new.reference);
    assert_eq!(transition.saga.status(), Status::Running);
    let sent = transition.outbox.iter();
    let sent: Vec<&str> = sent
        .map(|one| one.message.properties.routing_key.as_str())
        .collect();
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert!(sent[1].contains("parcels.ship"), "{sent:?}");
}
