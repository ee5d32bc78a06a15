//! Tells whoever waits for a saga that it has come to rest.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use saga_core::ids::SagaId;
use tokio::sync::oneshot;

/// Who waits for which saga, in this process.
#[derive(Debug, Default)]
pub struct Closings {
    waiting: Mutex<HashMap<SagaId, Vec<oneshot::Sender<()>>>>,
}

impl Closings {
    /// Waits until this process sees the saga come to rest, at most `limit`. Another orchestrator
    /// may move it, so a caller looks again either way.
    pub async fn wait(&self, saga: SagaId, limit: Duration) {
        let (tell, told) = oneshot::channel();
        self.with(|waiting| waiting.entry(saga).or_default().push(tell));
        let _rested_or_not = tokio::time::timeout(limit, told).await;
        self.with(|waiting| {
            if let Some(list) = waiting.get_mut(&saga) {
                list.retain(|tell| !tell.is_closed());
                if list.is_empty() {
                    waiting.remove(&saga);
                }
            }
        });
    }

    pub(super) fn announce(&self, saga: SagaId) {
        for tell in self
            .with(|waiting| waiting.remove(&saga))
            .unwrap_or_default()
        {
            let _gone = tell.send(());
        }
    }

    fn with<T>(
        &self,
        change: impl FnOnce(&mut HashMap<SagaId, Vec<oneshot::Sender<()>>>) -> T,
    ) -> T {
        let mut waiting = self
            .waiting
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        change(&mut waiting)
    }
}
