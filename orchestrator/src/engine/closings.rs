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

/// Somebody who hears of a saga's rest, from when this was made.
#[derive(Debug)]
pub struct Listening<'a> {
    closings: &'a Closings,
    saga: SagaId,
    told: oneshot::Receiver<()>,
}

impl Listening<'_> {
    /// Waits until this process sees the saga come to rest, at most `limit`. Another orchestrator
    /// may move it, so a caller looks again either way.
    pub async fn wait(mut self, limit: Duration) {
        let _rested_or_not = tokio::time::timeout(limit, &mut self.told).await;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_rest_between_looking_and_waiting_is_heard() {
        let (closings, saga) = (Closings::default(), SagaId(uuid::Uuid::nil()));
        let began = tokio::time::Instant::now();
        let listening = closings.listen(saga);
        closings.announce(saga);
        listening.wait(Duration::from_secs(1)).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert!(closings.waiting.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_remembered_who_gave_up() {
        let (closings, saga) = (Closings::default(), SagaId(uuid::Uuid::nil()));
        closings.listen(saga).wait(Duration::from_secs(1)).await;
        assert!(closings.waiting.lock().unwrap().is_empty());
    }
}
