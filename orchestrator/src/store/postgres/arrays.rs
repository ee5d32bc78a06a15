//! A batch as the arrays that the commit statement takes, each sorted by the key of its table.

use std::borrow::Cow;

use broker::envelope::stored;
use saga_core::event::{EVENT_SCHEMA, Event};
use saga_core::ids::{MessageId, SagaId};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::columns::{Json, Time, bigint, integer};
use super::commit_statement::{Part, Parts};
use super::failure::Failure;
use super::key_arrays::Keys;
use crate::store::codec;
use crate::store::{StoredDeadLetter, Transition};

/// Everything that one run of the statement writes.
#[derive(Debug, Default)]
pub(super) struct CommitArrays<'a> {
    owner: Uuid,
    schema: i16,
    updates: Updates<'a>,
    keys: Keys<'a>,
    starts: Starts<'a>,
    closed: Keys<'a>,
    events: Events,
    values: Values<'a>,
    outbox: Outbox<'a>,
    confirmed: Confirmed,
    dead: Dead<'a>,
    good: GoodOutputs<'a>,
}

#[derive(Debug, Default)]
struct Updates<'a> {
    ids: Vec<Uuid>,
    expected: Vec<i64>,
    versions: Vec<i64>,
    statuses: Vec<&'a str>,
    states: Vec<Json>,
    ended_at: Vec<Option<Time>>,
    wake_at: Vec<Option<Time>>,
    definition_versions: Vec<String>,
}

#[derive(Debug, Default)]
struct Starts<'a> {
    ids: Vec<Uuid>,
    versions: Vec<i64>,
    statuses: Vec<&'a str>,
    states: Vec<Json>,
    ended_at: Vec<Option<Time>>,
    wake_at: Vec<Option<Time>>,
    definitions: Vec<&'a str>,
    definition_versions: Vec<String>,
    keys: Vec<Option<&'a str>>,
    labels: Vec<Json>,
    started_at: Vec<Time>,
    keyed: Vec<bool>,
}

#[derive(Debug, Default)]
struct Events {
    sagas: Vec<Uuid>,
    seqs: Vec<i64>,
    at: Vec<Time>,
    data: Vec<Json>,
    kept: Vec<Option<Json>>,
}

#[derive(Debug, Default)]
struct Values<'a> {
    sagas: Vec<Uuid>,
    steps: Vec<Cow<'a, str>>,
    elements: Vec<i32>,
    values: Vec<Json>,
}

#[derive(Debug, Default)]
struct GoodOutputs<'a> {
    actions: Vec<&'a str>,
    inputs: Vec<&'a [u8]>,
    sagas: Vec<Uuid>,
    steps: Vec<&'a str>,
    elements: Vec<i32>,
}

#[derive(Debug, Default)]
struct Outbox<'a> {
    sagas: Vec<Uuid>,
    seqs: Vec<i64>,
    properties: Vec<String>,
    bodies: Vec<&'a [u8]>,
}

#[derive(Debug, Default)]
struct Confirmed {
    sagas: Vec<Uuid>,
    seqs: Vec<i64>,
}

#[derive(Debug, Default)]
struct Dead<'a> {
    ids: Vec<Uuid>,
    sagas: Vec<Option<Uuid>>,
    queues: Vec<String>,
    reasons: Vec<String>,
    fingerprints: Vec<String>,
    properties: Vec<Json>,
    bodies: Vec<&'a [u8]>,
}

impl<'a> CommitArrays<'a> {
    /// The arrays of these transitions, which hold each saga and each start key at most once.
    pub(super) fn new(owner: Uuid, transitions: &[&'a Transition]) -> Result<Self, Failure> {
        let schema = i16::try_from(EVENT_SCHEMA).map_err(unstorable)?;
        let mut arrays = Self {
            owner,
            schema,
            ..Self::default()
        };
        let mut sorted = transitions.to_vec();
        sorted.sort_unstable_by_key(|transition| transition.saga.id);
        for transition in &sorted {
            if transition.expected == 0 {
                arrays.push_start(transition)?;
            } else {
                arrays.push_update(transition)?;
            }
            arrays.push_children(transition)?;
        }
        (arrays.keys, arrays.closed) = Keys::of(&sorted);
        Ok(arrays)
    }

    /// Adds outbox rows to delete.
    pub(super) fn confirm(&mut self, confirmed: &[MessageId]) {
        let mut sorted = confirmed.to_vec();
        sorted.sort_unstable();
        self.confirmed.sagas = sorted.iter().map(|id| id.saga.0).collect();
        self.confirmed.seqs = sorted.iter().map(|id| bigint(id.seq)).collect();
    }

    /// Adds dead letters. They are kept for people whatever they hold, so what text columns refuse
    /// is replaced.
    pub(super) fn bury(&mut self, letters: &'a [StoredDeadLetter]) {
        let mut sorted: Vec<_> = letters.iter().collect();
        sorted.sort_unstable_by_key(|letter| letter.id);
        for letter in sorted {
            self.dead.ids.push(letter.id);
            self.dead.sagas.push(letter.saga.map(|SagaId(id)| id));
            self.dead.queues.push(without_nul(&letter.queue));
            self.dead.reasons.push(without_nul(&letter.reason));
            self.dead
                .fingerprints
                .push(without_nul(&letter.fingerprint));
            self.dead
                .properties
                .push(Json(letter.properties.to_string()));
            self.dead.bodies.push(&letter.body);
        }
    }

    /// The statement that writes them, and its parameters.
    pub(super) fn statement(&self) -> (&'static str, Vec<&(dyn ToSql + Sync)>) {
        let parts = Parts::default()
            .with(Part::Updates, !self.updates.ids.is_empty())
            .with(Part::Starts, !self.starts.ids.is_empty())
            .with(Part::Keys, !self.keys.keys.is_empty())
            .with(Part::ClosedKeys, !self.closed.keys.is_empty())
            .with(Part::Events, !self.events.seqs.is_empty())
            .with(Part::Values, !self.values.steps.is_empty())
            .with(Part::GoodOutputs, !self.good.steps.is_empty())
            .with(Part::Outbox, !self.outbox.seqs.is_empty())
            .with(Part::Confirmed, !self.confirmed.seqs.is_empty())
            .with(Part::DeadLetters, !self.dead.ids.is_empty());
        let form = parts.statement();
        let all = self.params();
        let params = form
            .parameters
            .iter()
            .filter_map(|number| all.get(number - 1).copied());
        (&form.sql, params.collect())
    }

    /// The whole statement's parameters in their order.
    fn params(&self) -> Vec<&(dyn ToSql + Sync)> {
        let (u, k, n, c) = (&self.updates, &self.keys, &self.starts, &self.closed);
        let (e, v, o, d) = (&self.events, &self.values, &self.outbox, &self.dead);
        let mut params: Vec<&(dyn ToSql + Sync)> = Vec::with_capacity(58);
        params.extend([
            &u.ids as &(dyn ToSql + Sync),
            &u.expected,
            &u.versions,
            &u.statuses,
        ]);
        params.extend([&u.states as &(dyn ToSql + Sync), &u.ended_at, &u.wake_at]);
        params.extend([
            &k.definitions as &(dyn ToSql + Sync),
            &k.keys,
            &k.sagas,
            &k.end_statuses,
        ]);
        params.extend([
            &n.ids as &(dyn ToSql + Sync),
            &n.versions,
            &n.statuses,
            &n.states,
        ]);
        params.extend([&n.ended_at as &(dyn ToSql + Sync), &n.wake_at]);
        params.push(&n.definitions);
        params.extend([
            &n.definition_versions as &(dyn ToSql + Sync),
            &n.keys,
            &n.labels,
        ]);
        params.extend([&n.started_at as &(dyn ToSql + Sync), &n.keyed]);
        params.extend([
            &c.definitions as &(dyn ToSql + Sync),
            &c.keys,
            &c.sagas,
            &c.end_statuses,
        ]);
        params.extend([
            &self.schema as &(dyn ToSql + Sync),
            &e.sagas,
            &e.seqs,
            &e.at,
            &e.data,
        ]);
        params.extend([
            &v.sagas as &(dyn ToSql + Sync),
            &v.steps,
            &v.elements,
            &v.values,
        ]);
        params.extend([&self.owner as &(dyn ToSql + Sync), &o.sagas, &o.seqs]);
        params.extend([&o.properties as &(dyn ToSql + Sync), &o.bodies]);
        params.extend([
            &self.confirmed.sagas as &(dyn ToSql + Sync),
            &self.confirmed.seqs,
        ]);
        params.extend([
            &d.ids as &(dyn ToSql + Sync),
            &d.sagas,
            &d.queues,
            &d.reasons,
        ]);
        params.extend([&d.fingerprints as &(dyn ToSql + Sync), &d.properties]);
        params.push(&d.bodies);
        params.push(&k.replaces);
        params.extend(self.good.params());
        params.push(&u.definition_versions);
        params.push(&e.kept);
        params
    }

    fn push_update(&mut self, transition: &'a Transition) -> Result<(), Failure> {
        let saga = &*transition.saga;
        self.updates.ids.push(saga.id.0);
        self.updates.expected.push(bigint(transition.expected));
        self.updates.versions.push(bigint(saga.version));
        self.updates.statuses.push(saga.status().as_str());
        self.updates
            .states
            .push(Json(codec::encode_state(saga).map_err(unstorable)?));
        self.updates.ended_at.push(saga.ended_at.map(Time));
        self.updates.wake_at.push(transition.wake_at.map(Time));
        // An operator may have moved it.
        let version = saga.definition.version.to_string();
        self.updates.definition_versions.push(version);
        Ok(())
    }

    fn push_start(&mut self, transition: &'a Transition) -> Result<(), Failure> {
        let saga = &*transition.saga;
        let wake_at = if saga.ended_at.is_none() {
            transition.wake_at
        } else {
            None
        };
        self.starts.ids.push(saga.id.0);
        self.starts.versions.push(bigint(saga.version));
        self.starts.statuses.push(saga.status().as_str());
        self.starts
            .states
            .push(Json(codec::encode_state(saga).map_err(unstorable)?));
        self.starts.ended_at.push(saga.ended_at.map(Time));
        self.starts.wake_at.push(wake_at.map(Time));
        self.starts.definitions.push(&saga.definition.name);
        self.starts
            .definition_versions
            .push(saga.definition.version.to_string());
        self.starts.keys.push(saga.key.as_deref());
        self.starts.labels.push(Json(
            serde_json::to_string(&saga.labels).map_err(unstorable)?,
        ));
        self.starts.started_at.push(Time(saga.started_at));
        self.starts.keyed.push(transition.start_key.is_some());
        Ok(())
    }

    /// The values to keep with the first event, where they are not to have rows of their own.
    fn push_values(&mut self, transition: &'a Transition) -> Result<Option<Json>, Failure> {
        let named = transition.values.iter().filter_map(|(key, value)| {
            let (step, element) = codec::encode_value_key(key)?;
            Some((step, element, &**value))
        });
        let mut values: Vec<codec::Named<'_, _>> = named.collect();
        values.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        let first = transition.events.first().map_or(u64::MAX, |it| it.seq);
        let (kept, rows) = codec::encode_values(first, values).map_err(unstorable)?;
        for (step, element, value) in rows {
            self.values.sagas.push(transition.saga.id.0);
            self.values.steps.push(step);
            self.values.elements.push(integer(element));
            self.values.values.push(Json(value));
        }
        Ok(kept.map(Json))
    }

    fn push_children(&mut self, transition: &'a Transition) -> Result<(), Failure> {
        let id = transition.saga.id.0;
        let mut kept = self.push_values(transition)?;
        // What one decision says is one row: it is written, and mostly read, together.
        let together = |one: &Event, next: &Event| one.at == next.at;
        for events in transition.events.chunk_by(together) {
            let data = codec::encode_events(events).map_err(unstorable)?;
            let Some(first) = events.first() else {
                continue;
            };
            self.events.sagas.push(id);
            self.events.seqs.push(bigint(first.seq));
            self.events.at.push(Time(first.at));
            self.events.data.push(Json(data));
            self.events.kept.push(kept.take());
        }
        let mut good: Vec<_> = transition.good.iter().collect();
        good.sort_by_key(|good| &good.key);
        for good in good {
            self.good.actions.push(good.action.as_str());
            self.good.inputs.push(&good.input.0);
            self.good.sagas.push(id);
            self.good.steps.push(good.key.step.as_str());
            self.good.elements.push(integer(good.key.element));
        }
        let mut outbox: Vec<_> = transition.outbox.iter().collect();
        outbox.sort_unstable_by_key(|message| message.id);
        for message in outbox {
            self.outbox.sagas.push(message.id.saga.0);
            self.outbox.seqs.push(bigint(message.id.seq));
            let properties = stored::write(&message.message.properties, message.id);
            self.outbox.properties.push(properties);
            self.outbox.bodies.push(&message.message.body);
        }
        Ok(())
    }
}

impl GoodOutputs<'_> {
    fn params(&self) -> [&(dyn ToSql + Sync); 5] {
        [
            &self.actions,
            &self.inputs,
            &self.sagas,
            &self.steps,
            &self.elements,
        ]
    }
}

fn unstorable(error: impl std::fmt::Display) -> Failure {
    Failure::Data(error.to_string())
}

fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
