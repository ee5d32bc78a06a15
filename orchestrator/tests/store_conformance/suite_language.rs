//! What the language asks of every store: outputs to fall back to, keys that change hands, elements
//! and signals as values, a saga that is reopened.

use std::sync::Arc;
use std::time::Duration;

use orchestrator::store::Transition;
use saga_core::decision::Good;
use saga_core::ids::{ActionName, StepKey};
use saga_core::saga::Phase;
use saga_core::values::{InputDigest, ValueKey};
use serde_json::{Value, json};

use crate::sample::{advance, batch, close, edit, output, start, start_with_key};
use crate::stores::{Pair, assert_committed, assert_key_taken, commit, eventually, load, started};

fn rates() -> ActionName {
    "rates.get".parse().unwrap()
}

fn good(transition: &mut Transition, input: &Value, output: Value) {
    let key = StepKey::parse("rate");
    let value = (ValueKey::Output(key.clone()), Arc::new(output));
    transition.values.push(value);
    transition.good.push(Good {
        action: rates(),
        input: InputDigest::of(input),
        key,
    });
}

pub(crate) async fn the_newest_good_output_of_an_input_is_found(Pair { a, b }: Pair) {
    let (euro, dollar) = (json!({"from": "EUR"}), json!({"from": "USD"}));
    let wanted = [
        (rates(), InputDigest::of(&dollar)),
        (rates(), InputDigest::of(&euro)),
        ("rates.set".parse().unwrap(), InputDigest::of(&euro)),
    ];
    assert_eq!(a.last_good(&wanted).await.unwrap(), [None, None, None]);
    assert_eq!(a.last_good(&[]).await.unwrap(), []);

    let mut first = start(&*a);
    good(&mut first, &euro, json!({"rate": 1.1}));
    commit(&*a, first).await;
    let before = b.now();
    eventually!(b.now() > before.after(Duration::from_millis(2)));
    let mut second = start(&*b);
    good(&mut second, &euro, json!({"rate": 1.2}));
    commit(&*b, second).await;

    let mut lost = start(&*a);
    edit(&mut lost, |saga| saga.version = 7);
    good(&mut lost, &euro, json!({"rate": 9.9}));
    let _poisoned = a.commit(&batch([lost])).await.unwrap();

    let found = a.last_good(&wanted).await.unwrap();
    assert_eq!((&found[0], &found[2]), (&None, &None));
    let newest = found[1].as_ref().unwrap();
    assert_eq!(newest.output, json!({"rate": 1.2}));
    assert!(
        newest.at > before,
        "{:?} is not after {before:?}",
        newest.at
    );
}

pub(crate) async fn a_key_is_taken_over_from_a_closed_saga_only(Pair { a, b }: Pair) {
    let holder = commit(&*a, start_with_key(&*a, "k")).await;
    let mut heir = start_with_key(&*b, "k");
    heir.replaces = Some(holder.id);
    let report = b.commit(&batch([heir.clone()])).await.unwrap();
    assert_key_taken(&report, heir.saga.id, holder.id);

    commit(&*a, close(&*a, &holder, Phase::Terminated)).await;
    let mut rival = start_with_key(&*a, "k");
    rival.replaces = Some(holder.id);
    let heir_id = commit(&*b, heir).await.id;
    let report = a.commit(&batch([rival.clone()])).await.unwrap();
    assert_key_taken(&report, rival.saga.id, heir_id);
    let found = a.find_key("order", "k").await.unwrap();
    assert_eq!(found, Some(heir_id));

    let newer = start_with_key(&*a, "k");
    let report = a.commit(&batch([newer.clone()])).await.unwrap();
    assert_key_taken(&report, newer.saga.id, heir_id);
}

pub(crate) async fn elements_and_signals_are_values(Pair { a, b }: Pair) {
    let mut transition = start(&*a);
    let item = ValueKey::Item(StepKey::parse("charge[2]"));
    let output = ValueKey::Output(StepKey::parse("charge[2]"));
    let signal = ValueKey::Signal(1);
    for (key, value) in [(&item, 1), (&output, 2), (&signal, 3)] {
        transition
            .values
            .push((key.clone(), Arc::new(json!(value))));
    }
    let saga = commit(&*a, transition).await;
    for (key, value) in [(item, 1), (output, 2), (signal, 3)] {
        let found = b.load_values(&[(saga.id, key.clone())]).await.unwrap();
        assert_eq!(found, [(saga.id, key, Arc::new(json!(value)))]);
    }
}

/// A store may keep small values of a saga's beginning otherwise than large and late ones.
pub(crate) async fn values_read_back_however_large_and_late(Pair { a, b }: Pair) {
    let mut saga = started(&*a).await;
    let mut wanted = b.values(saga.id).await.unwrap();
    for number in 1..=70 {
        let mut transition = advance(&*a, &saga);
        transition.values = match number {
            1 => vec![
                output(1, json!("with a \0 in it")),
                output(2, json!({"n": 1.0, "b": [1, null]})),
            ],
            2 => vec![output(3, json!("large".repeat(1000))), output(4, json!(4))],
            66 => vec![output(number, json!("late"))],
            _ => Vec::new(),
        };
        wanted.extend(transition.values.iter().cloned());
        saga = commit(&*a, transition).await;
    }
    wanted.sort_by(|(one, _), (other, _)| one.cmp(other));
    assert_eq!(b.values(saga.id).await.unwrap(), wanted);
    let other = started(&*a).await;
    let keys: Vec<_> = [saga.id, other.id]
        .into_iter()
        .flat_map(|id| wanted.iter().map(move |(key, _)| (id, key.clone())))
        .collect();
    let found = b.load_values(&keys).await.unwrap();
    let mut of_saga: Vec<_> = found
        .into_iter()
        .filter(|(id, ..)| *id == saga.id)
        .map(|(_, key, value)| (key, value))
        .collect();
    of_saga.sort_by(|(one, _), (other, _)| one.cmp(other));
    assert_eq!(of_saga, wanted);
}

pub(crate) async fn a_closed_saga_can_be_reopened(Pair { a, b }: Pair) {
    let saga = started(&*a).await;
    let closed = commit(&*a, close(&*a, &saga, Phase::Completed)).await;
    let mut reopened = advance(&*b, &closed);
    edit(&mut reopened, |saga| {
        saga.phase = Phase::Compensating;
        saga.ended_at = None;
    });
    let wakes = b.now().after(Duration::from_hours(1));
    reopened.wake_at = Some(wakes);
    let report = b.commit(&batch([reopened])).await.unwrap();
    assert_committed(&report, saga.id);
    assert_eq!(load(&*a, saga.id).await.phase, Phase::Compensating);
    assert_eq!(a.next_wake().await.unwrap(), Some(wakes));
}
