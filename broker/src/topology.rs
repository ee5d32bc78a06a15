//! Every exchange, queue and argument name, in one place.

use saga_core::decision::Command;
use saga_core::ids::{ActionName, Op};

/// The names of one deployment. Several can share a broker when their prefixes differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topology {
    prefix: String,
}

impl Topology {
    /// The prefix of a deployment that was not told otherwise.
    pub const DEFAULT_PREFIX: &str = "amends";

    /// Names that start with `prefix` and a dot.
    #[must_use]
    pub fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
        }
    }

    /// Direct exchange that commands go through.
    #[must_use]
    pub fn steps_exchange(&self) -> String {
        format!("{}.steps", self.prefix)
    }

    /// The queue of one operation and op, and the routing key that leads to it.
    ///
    /// Undoing and settling have queues of their own, so that neither waits behind a backlog of
    /// actions; the name depends on nothing but the command.
    #[must_use]
    pub fn step_queue(&self, action: &ActionName, op: Op) -> String {
        let suffix = match op {
            Op::Action => "",
            Op::Compensate => ".undo",
            Op::Settle => ".settle",
        };
        format!("{}.steps.{action}{suffix}", self.prefix)
    }

    /// Fanout exchange and queue of one dead-letter rung of a pool.
    #[must_use]
    pub fn rung(&self, pool: &str, delay: std::time::Duration) -> String {
        format!(
            "{}.retry.{pool}.{}",
            self.prefix,
            saga_core::time::format_span(delay)
        )
    }

    /// Where replies go that no orchestrator in particular waits for.
    #[must_use]
    pub fn replies_queue(&self) -> String {
        format!("{}.replies", self.prefix)
    }

    /// Where replies go that one orchestrator is to have, as long as it can take them.
    #[must_use]
    pub fn own_replies_queue(&self, number: u32) -> String {
        format!("{}.replies.{number}", self.prefix)
    }

    /// Whether this is the name of such a queue.
    pub(crate) fn is_own_replies_queue(&self, name: &str) -> bool {
        let number = name
            .rsplit_once('.')
            .and_then(|(_, last)| last.parse().ok());
        number.is_some_and(|number| self.own_replies_queue(number) == name)
    }

    /// Where starts, signals and worker announcements arrive.
    #[must_use]
    pub fn requests_queue(&self) -> String {
        format!("{}.requests", self.prefix)
    }

    /// The queue that one run of a worker alone reads: what it is told.
    #[must_use]
    pub fn worker_queue(&self, worker: &str) -> String {
        format!("{}.workers.{worker}", self.prefix)
    }

    /// Exchange and queue of what was given up.
    #[must_use]
    pub fn dead(&self) -> String {
        format!("{}.dead", self.prefix)
    }

    /// Exchange and queue of what no queue wanted.
    #[must_use]
    pub fn unroutable(&self) -> String {
        format!("{}.unroutable", self.prefix)
    }

    /// Topic exchange of what happens to sagas, for whoever wants to react.
    #[must_use]
    pub fn events_exchange(&self) -> String {
        format!("{}.events", self.prefix)
    }

    /// Exchange and routing key of a command: its step queue, or the rung that leads there.
    #[must_use]
    pub fn route(&self, command: &Command) -> (String, String) {
        let exchange = command.rung.map_or_else(
            || self.steps_exchange(),
            |delay| self.rung(command.action.pool(), delay),
        );
        (exchange, self.step_queue(&command.action, command.op))
    }
}
