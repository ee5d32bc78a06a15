//! Many callers, one statement: whatever waits when the last batch is done is the next one.

use std::sync::Arc;

use broker::gather::{self, Gather};
use futures_util::future::BoxFuture;
use saga_core::ids::SagaId;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::arrivals::Arrivals;
use super::retrying::retrying;
use crate::ledger::LedgerError;
use crate::observer::Observer;

/// Requests in one statement.
const BATCH_MAX: usize = 256;

/// Requests that wait for the next batch; more callers than this wait to be heard.
const WAITING_MAX: usize = 1024;

type Reply<Response> = oneshot::Sender<Result<Response, Arc<LedgerError>>>;
type Committed<Response> = BoxFuture<'static, Result<Vec<Response>, LedgerError>>;

/// The way to a task that carries out requests in batches, one batch at a time.
pub(super) struct Batcher<Request, Response> {
    requests: mpsc::Sender<(Request, Reply<Response>)>,
}

impl<Request, Response> Batcher<Request, Response>
where
    Request: Clone + Send + Sync + 'static,
    Response: Send + 'static,
{
    /// Starts the task, which is told of which saga a request is. It ends when the batcher is dropped.
    pub(super) fn start(
        (stop, observer, arrivals): (CancellationToken, Observer, Arrivals),
        saga: fn(&Request) -> SagaId,
        commit: impl Fn(Arc<Vec<Request>>) -> Committed<Response> + Send + Sync + 'static,
    ) -> Self {
        let (requests, mut waiting) = mpsc::channel(WAITING_MAX);
        tokio::spawn(async move {
            let mut batch = Vec::with_capacity(BATCH_MAX);
            let mut gather = Gather::default();
            while gather.next(&mut waiting, &mut batch, BATCH_MAX).await > 0 {
                arrivals.are_over().await;
                gather::take(&mut waiting, &mut batch, BATCH_MAX);
                gather.came_from(batch.iter().map(|(request, _)| saga(request)));
                let (requests, replies) = batch.drain(..).unzip();
                carry_out((&stop, &observer), &commit, requests, replies).await;
            }
        });
        Self { requests }
    }

    /// Carries out one request.
    ///
    /// # Errors
    /// What the ledger said of this request, or that the worker is stopping.
    pub(super) async fn submit(&self, request: Request) -> Result<Response, Arc<LedgerError>> {
        let (reply, response) = oneshot::channel();
        self.requests
            .send((request, reply))
            .await
            .map_err(|_closed| stopped())?;
        response.await.map_err(|_closed| stopped())?
    }
}

fn stopped() -> Arc<LedgerError> {
    Arc::new(LedgerError::Unavailable {
        operation: "use",
        source: "the worker stops".into(),
    })
}

/// One batch; when the database refuses it, each request alone, so that only the offender pays.
async fn carry_out<Request: Clone, Response>(
    (stop, observer): (&CancellationToken, &Observer),
    commit: &impl Fn(Arc<Vec<Request>>) -> Committed<Response>,
    requests: Vec<Request>,
    replies: Vec<Reply<Response>>,
) {
    let batch = Arc::new(requests);
    match retrying(stop, observer, || commit(batch.clone())).await {
        Ok(responses) => {
            for (reply, response) in replies.into_iter().zip(responses) {
                let _gone = reply.send(Ok(response));
            }
        }
        Err(error) if error.is_transient() || batch.len() == 1 => {
            let error = Arc::new(error);
            for reply in replies {
                let _gone = reply.send(Err(error.clone()));
            }
        }
        Err(_refused) => {
            for (request, reply) in batch.iter().zip(replies) {
                let alone = Arc::new(vec![request.clone()]);
                let result = retrying(stop, observer, || commit(alone.clone())).await;
                let response = result
                    .map_err(Arc::new)
                    .and_then(|responses| responses.into_iter().next().ok_or_else(stopped));
                let _gone = reply.send(response);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use saga_core::ids::SagaId;
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn those_that_are_known_to_come_are_waited_for() {
        let stop = CancellationToken::new();
        let observer = Observer::new().unwrap();
        let arrivals = Arrivals::default();
        let batches = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&batches);
        let batcher = Batcher::start(
            (stop, observer, arrivals.clone()),
            |_: &u32| SagaId(uuid::Uuid::nil()),
            move |batch: Arc<Vec<u32>>| {
                seen.lock().unwrap().push(batch.to_vec());
                async move { Ok(batch.to_vec()) }.boxed()
            },
        );
        let coming = arrivals.come();
        let second = async {
            // The first has woken whoever gathers, and nothing else is to be done meanwhile.
            sleep(Duration::from_millis(1)).await;
            let second = batcher.submit(2);
            drop(coming);
            second.await
        };
        let (first, second) = tokio::join!(batcher.submit(1), second);
        assert_eq!((first.unwrap(), second.unwrap()), (1, 2));
        assert_eq!(*batches.lock().unwrap(), [[1, 2]]);
    }
}
