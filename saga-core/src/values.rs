//! The data of a saga: its input, the outputs of its steps, its result.
//!
//! Values are written once and never change, and they live apart from the control state, so that
//! a transition costs the same however large they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::ids::{ActionName, StepKey};
use crate::time::Timestamp;

/// Which value of a saga.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValueKey {
    /// The payload the saga was started with.
    Input,
    /// What a step answered.
    Output(StepKey),
    /// What the saga answered, from the definition's `output`.
    Result,
    /// The element that one run of a `for_each` step works on.
    Item(StepKey),
    /// The payload of a signal, counted from 1 in the order in which they came.
    Signal(u32),
    /// The newest good output of an operation for one input, of whatever saga; not this saga's own,
    /// and looked up anew for each decision that reads it.
    LastGood(ActionName, InputDigest),
}

impl ValueKey {
    /// Whether it is another saga's and may be another one next time.
    #[must_use]
    pub const fn is_looked_up(&self) -> bool {
        match self {
            Self::LastGood(..) => true,
            Self::Input | Self::Output(_) | Self::Result | Self::Item(_) | Self::Signal(_) => false,
        }
    }
}

/// A digest of an operation's input: equal inputs have the same one, however they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InputDigest(pub [u8; 32]);

impl InputDigest {
    /// The digest of a value.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        let mut hash = Sha256::new();
        absorb(value, &mut hash);
        Self(hash.finalize().into())
    }
}

/// Fields go in by name, so that their order does not matter.
fn absorb(value: &Value, hash: &mut Sha256) {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<&String, &Value> = fields.iter().collect();
            hash.update([b'{']);
            for (name, value) in fields {
                absorb(&Value::String(name.clone()), hash);
                absorb(value, hash);
            }
            hash.update([b'}']);
        }
        Value::Array(items) => {
            hash.update([b'[']);
            items.iter().for_each(|item| absorb(item, hash));
            hash.update([b']']);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            hash.update(value.to_string().as_bytes());
            hash.update([0]);
        }
    }
}

/// The newest good output of an operation, as a [`ValueKey::LastGood`] is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GoodOutput {
    /// What it answered.
    pub output: Value,
    /// When that was recorded.
    pub at: Timestamp,
}

/// The values of one saga that are at hand; not always all of them.
///
/// Every decision works on a copy of its own, and a saga may have thousands of values. So what has been
/// there for a while is shared by all copies, and a copy costs what has come lately.
#[derive(Debug, Clone, Default)]
pub struct Values {
    settled: Arc<BTreeMap<ValueKey, Arc<Value>>>,
    /// These count where `settled` has others.
    fresh: BTreeMap<ValueKey, Arc<Value>>,
}

/// Values that are copied each time, at most; with one more they are shared.
const FRESH_MAX: usize = 32;

impl Values {
    /// Adds a value, or puts it in the place of the one that is there.
    pub fn insert(&mut self, key: ValueKey, value: Arc<Value>) {
        self.fresh.insert(key, value);
        if self.fresh.len() > FRESH_MAX {
            // One by one: `append` would build all of it anew.
            Arc::make_mut(&mut self.settled).extend(std::mem::take(&mut self.fresh));
        }
    }

    /// The value, when it is at hand.
    #[must_use]
    pub fn get(&self, key: &ValueKey) -> Option<&Value> {
        self.find(key).map(Arc::as_ref)
    }

    /// The value itself, shared, when it is at hand.
    #[must_use]
    pub fn share(&self, key: &ValueKey) -> Option<Arc<Value>> {
        self.find(key).map(Arc::clone)
    }

    /// Drops what must be looked up anew for the next decision.
    pub fn forget_looked_up(&mut self) {
        self.fresh.retain(|key, _| !key.is_looked_up());
        // These keys come last.
        if self
            .settled
            .keys()
            .next_back()
            .is_some_and(ValueKey::is_looked_up)
        {
            Arc::make_mut(&mut self.settled).retain(|key, _| !key.is_looked_up());
        }
    }

    fn find(&self, key: &ValueKey) -> Option<&Arc<Value>> {
        self.fresh.get(key).or_else(|| self.settled.get(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever is shared by then: a copy keeps what it had, and the newest value counts.
    #[test]
    fn copies_do_not_see_what_comes_later() {
        let mut values = Values::default();
        let last = u32::try_from(3 * FRESH_MAX).unwrap();
        for signal in 1..=last {
            values.insert(ValueKey::Signal(signal), Arc::new(signal.into()));
        }
        let before = values.clone();
        let looked_up = ValueKey::LastGood("p.a".parse().unwrap(), InputDigest([0; 32]));
        for key in std::iter::once(looked_up.clone()).chain((1..=last).map(ValueKey::Signal)) {
            values.insert(key, Arc::new(0.into()));
        }
        for signal in (1..=last).map(ValueKey::Signal) {
            assert_eq!(values.get(&signal), Some(&0.into()));
            assert_ne!(before.get(&signal), Some(&0.into()));
        }
        assert!(before.get(&looked_up).is_none());
        assert!(values.get(&looked_up).is_some());
        values.forget_looked_up();
        assert!(values.get(&looked_up).is_none());
        assert!(values.get(&ValueKey::Signal(last)).is_some());
    }
}
