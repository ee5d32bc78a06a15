//! Tells whoever waits for a saga that it has come to rest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use saga_core::ids::SagaId;
use saga_core::saga::Saga;
use tokio::sync::oneshot;

/// Who waits for which saga, in this process.
#[derive(Debug, Default)]
pub struct Closings {
    waiting: Mutex<HashMap<SagaId, Vec<oneshot::Sender<Arc<Saga>>>>>,
}

/// Somebody who hears of a saga's rest, from when this was made.
#[derive(Debug)]
pub struct Listening<'a> {
    closings: &'a Closings,
    saga: SagaId,
    told: oneshot::Receiver<Arc<Saga>>,
}

impl Listening<'_> {
    /// Waits until this process has stored that the saga rests, at most `limit`; returns it then. Another
    /// orchestrator may move it, so a caller who hears nothing looks again.
    pub async fn wait(mut self, limit: Duration) -> Option<Arc<Saga>> {
        tokio::time::timeout(limit, &mut self.told).await.ok()?.ok()
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.told.close();
        self.closings.with(|waiting| {
            if let Some(list) = waiting.get_mut(&self.saga) {
                list.retain(|tell| !tell.is_closed());
                if list.is_empty() {
                    waiting.remove(&self.saga);
                }
            }
        });
    }
}

impl Closings {
    /// Listens from now on. Whoever listens before looking at the saga misses nothing between.
    pub fn listen(&self, saga: SagaId) -> Listening<'_> {
        let (tell, told) = oneshot::channel();
        self.with(|waiting| waiting.entry(saga).or_default().push(tell));
        Listening {
            closings: self,
            saga,
            told,
        }
    }

    /// Tells that this is stored.
    pub(super) fn announce(&self, saga: &Arc<Saga>) {
        for tell in self
            .with(|waiting| waiting.remove(&saga.id))
            .unwrap_or_default()
        {
            let _gone = tell.send(Arc::clone(saga));
        }
    }

    fn with<T>(
        &self,
        change: impl FnOnce(&mut HashMap<SagaId, Vec<oneshot::Sender<Arc<Saga>>>>) -> T,
    ) -> T {
        let mut waiting = self
            .waiting
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        change(&mut waiting)
    }
}

#[cfg(test)]
mod tests {
    use saga_core::definition::DefinitionRef;

    use super::*;

    fn saga() -> Arc<Saga> {
        let definition = DefinitionRef {
            name: "order".into(),
            version: semver::Version::new(1, 0, 0),
        };
        Arc::new(Saga::new(SagaId(uuid::Uuid::nil()), definition))
    }

    #[tokio::test(start_paused = true)]
    async fn a_rest_between_looking_and_waiting_is_heard() {
        let (closings, saga) = (Closings::default(), saga());
        let began = tokio::time::Instant::now();
        let listening = closings.listen(saga.id);
        closings.announce(&saga);
        let heard = listening.wait(Duration::from_secs(1)).await;
        assert!(Arc::ptr_eq(&heard.unwrap(), &saga));
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert!(closings.waiting.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_remembered_who_gave_up() {
        let (closings, saga) = (Closings::default(), saga());
        let heard = closings.listen(saga.id).wait(Duration::from_secs(1)).await;
        assert!(heard.is_none());
        assert!(closings.waiting.lock().unwrap().is_empty());
    }
}
