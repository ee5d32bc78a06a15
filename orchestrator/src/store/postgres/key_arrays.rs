//! The business keys of a batch, as the arrays that the commit statement takes.

use saga_core::ids::SagaId;
use saga_core::saga::Status;
use uuid::Uuid;

use crate::store::Transition;

/// Keys, sorted by themselves.
#[derive(Debug, Default)]
pub(super) struct Keys<'a> {
    pub(super) definitions: Vec<&'a str>,
    pub(super) keys: Vec<&'a str>,
    pub(super) sagas: Vec<Uuid>,
    pub(super) end_statuses: Vec<Option<&'a str>>,
    pub(super) replaces: Vec<Option<Uuid>>,
}

/// Definition, key, saga, how that ended, and whose key it takes over.
type KeyRow<'a> = (&'a str, &'a str, Uuid, Option<&'a str>, Option<Uuid>);

impl<'a> Keys<'a> {
    /// The keys that sagas want which start, and those of sagas that end.
    pub(super) fn of(transitions: &[&'a Transition]) -> (Self, Self) {
        let (mut taken, mut closed) = (Vec::new(), Vec::new());
        for transition in transitions {
            let saga = &*transition.saga;
            let ended = saga
                .ended_at
                .is_some()
                .then(|| Status::as_str(saga.status()));
            if let Some(start) = &transition.start_key {
                let replaces = transition.replaces.map(|SagaId(id)| id);
                taken.push((&*start.definition, &*start.key, saga.id.0, ended, replaces));
            } else if let (Some(key), Some(_)) = (&saga.key, ended) {
                closed.push((&*saga.definition.name, &**key, saga.id.0, ended, None));
            }
        }
        (Self::sorted(taken), Self::sorted(closed))
    }

    fn sorted(mut rows: Vec<KeyRow<'a>>) -> Self {
        rows.sort_unstable();
        let mut keys = Self::default();
        for (definition, key, saga, end_status, replaces) in rows {
            keys.replaces.push(replaces);
            keys.definitions.push(definition);
            keys.keys.push(key);
            keys.sagas.push(saga);
            keys.end_statuses.push(end_status);
        }
        keys
    }
}
