//! The data of a saga: its input, the outputs of its steps, its result.
//!
//! Values are written once and never change, and they live apart from the control state, so that
//! a transition costs the same however large they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::ids::StepKey;

/// Which value of a saga.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValueKey {
    /// The payload the saga was started with.
    Input,
    /// What a step answered.
    Output(StepKey),
    /// What the saga answered, from the definition's `output`.
    Result,
}

/// The values of one saga that are at hand; not always all of them.
#[derive(Debug, Clone, Default)]
pub struct Values(BTreeMap<ValueKey, Arc<Value>>);

impl Values {
    /// Adds a value, or puts it in the place of the one that is there.
    pub fn insert(&mut self, key: ValueKey, value: Arc<Value>) {
        self.0.insert(key, value);
    }

    /// The value, when it is at hand.
    #[must_use]
    pub fn get(&self, key: &ValueKey) -> Option<&Value> {
        self.0.get(key).map(Arc::as_ref)
    }

    /// The value itself, shared, when it is at hand.
    #[must_use]
    pub fn share(&self, key: &ValueKey) -> Option<Arc<Value>> {
        self.0.get(key).map(Arc::clone)
    }

    /// All of them, in key order.
    pub fn iter(&self) -> impl Iterator<Item = (&ValueKey, &Arc<Value>)> {
        self.0.iter()
    }
}
