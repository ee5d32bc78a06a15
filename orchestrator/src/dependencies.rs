//! Whether the store and the broker can be used, and if not, what is wrong and since when.

use std::sync::{Mutex, MutexGuard, PoisonError};

use broker::broker::Health;
use saga_core::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the orchestrator cannot work without.
#[derive(Debug, Default)]
pub struct Dependencies {
    store: Mutex<Option<Trouble>>,
    broker: Mutex<Option<Trouble>>,
}

/// What is wrong with one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trouble {
    /// In a sentence.
    pub problem: String,
    /// When it was noticed.
    pub since: Timestamp,
}

impl Dependencies {
    /// The store has answered.
    pub fn store_answers(&self) {
        *lock(&self.store) = None;
    }

    /// The store did not answer; what it says now goes before what it said first.
    pub fn store_fails(&self, problem: String, now: Timestamp) {
        let mut store = lock(&self.store);
        let since = store.as_ref().map_or(now, |trouble| trouble.since);
        *store = Some(Trouble { problem, since });
    }

    /// The broker's health has changed, or is looked at again.
    pub fn broker_is(&self, health: Health, now: Timestamp) {
        let problem = match health {
            Health::Connected => None,
            Health::Blocked => {
                Some("it has raised an alarm and takes no messages; is it short of memory or disk?")
            }
            Health::Deaf => {
                Some("a queue that is to be consumed was deleted or its consumer cancelled")
            }
            Health::Disconnected => Some("it cannot be reached"),
        };
        let mut broker = lock(&self.broker);
        let known = broker.as_ref().map(|trouble| trouble.problem.as_str());
        if known != problem {
            *broker = problem.map(|problem| Trouble {
                problem: problem.to_owned(),
                since: now,
            });
        }
    }

    /// What is wrong with the store.
    #[must_use]
    pub fn store(&self) -> Option<Trouble> {
        lock(&self.store).clone()
    }

    /// What is wrong with the broker.
    #[must_use]
    pub fn broker(&self) -> Option<Trouble> {
        lock(&self.broker).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000)
    }

    #[test]
    fn trouble_is_told_with_its_beginning_and_ends() {
        let dependencies = Dependencies::default();
        assert_eq!((dependencies.store(), dependencies.broker()), (None, None));
        dependencies.store_fails("it is away".to_owned(), at(1));
        dependencies.store_fails("it starts up".to_owned(), at(2));
        let trouble = dependencies.store().unwrap();
        assert_eq!(
            (trouble.problem.as_str(), trouble.since),
            ("it starts up", at(1))
        );
        dependencies.store_answers();
        assert_eq!(dependencies.store(), None);

        dependencies.broker_is(Health::Blocked, at(3));
        dependencies.broker_is(Health::Blocked, at(4));
        assert_eq!(dependencies.broker().unwrap().since, at(3));
        dependencies.broker_is(Health::Disconnected, at(5));
        assert_eq!(dependencies.broker().unwrap().since, at(5));
        dependencies.broker_is(Health::Connected, at(6));
        assert_eq!(dependencies.broker(), None);
    }
}
