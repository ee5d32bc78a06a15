//! Keeps every saga's state machine in a store, and moves it.
//!
//! Store the decision in one transaction. Send only what is stored. Acknowledge only what is
//! committed.
//!
//! Reading order: [`store`] (where sagas are kept), [`engine`] (what is done with an input),
//! [`outbox`], [`inbound`] and [`timers`] (what surrounds it), [`orchestrator`] (all of it
//! running), [`http`] (the API).

pub mod admission;
pub mod audit;
pub mod auth;
pub mod bundle;
pub mod catalog;
mod children;
pub mod company;
mod deadline;
pub mod dependencies;
pub mod drain;
pub mod engine;
pub mod explain;
pub mod http;
pub mod inbound;
pub mod letters;
pub mod metrics;
pub mod orchestrator;
pub mod outbox;
mod packing;
pub mod reconcile;
pub mod replay;
pub mod retention;
mod signals;
pub mod store;
pub mod timers;
pub mod wiring;

use std::error::Error;
use std::fmt::Write as _;

/// An error with everything that caused it, in one line, for logs and problem documents.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _infallible = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
