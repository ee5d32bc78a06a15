//! The workers, by what they serve and by what they run.

use std::collections::BTreeMap;

use broker::envelope::worker::BreakerState;
use saga_core::explain::{Running, Servers};
use saga_core::ids::{ActionName, Op, SagaId, StepKey};
use saga_core::time::Timestamp;

use crate::store::StoredWorker;

/// One command, as workers name it.
type CommandKey = (SagaId, StepKey, Op, u32);

/// The workers, by what they serve and by what they run.
#[derive(Debug, Default)]
pub(super) struct Census {
    servers: BTreeMap<(ActionName, Op), Servers>,
    running: BTreeMap<CommandKey, Running>,
}

impl Census {
    pub(super) fn of(workers: Vec<StoredWorker>, now: Timestamp) -> Self {
        let mut census = Self::default();
        for worker in workers {
            let alive = worker.is_alive(now);
            let (id, heard) = (worker.announcement.worker, worker.heartbeat_at);
            for it in worker.announcement.operations {
                let servers = census.servers.entry((it.operation, it.op)).or_default();
                if alive && it.breaker == BreakerState::Open {
                    servers.stopped += 1;
                }
                if servers.last.as_ref().is_none_or(|(_, at)| heard > *at) {
                    servers.last = Some((id.clone(), heard));
                }
            }
            for it in worker.announcement.running.into_iter().filter(|_| alive) {
                let key = StepKey {
                    step: it.step,
                    element: it.element,
                };
                let running = Running {
                    worker: id.clone(),
                    since: it.started_at,
                };
                let command = (it.saga, key, it.op, it.attempt);
                census.running.insert(command, running);
            }
        }
        census
    }

    pub(super) fn servers(&self, operation: &ActionName, op: Op) -> Servers {
        let found = self.servers.get(&(operation.clone(), op));
        found.cloned().unwrap_or_default()
    }

    pub(super) fn running(
        &self,
        saga: SagaId,
        step: &StepKey,
        op: Op,
        attempt: u32,
    ) -> Option<Running> {
        let key = (saga, step.clone(), op, attempt);
        self.running.get(&key).cloned()
    }
}
