//! `amends saga wait`: until a saga ends, rests, or stands where one wants it.

use std::time::Duration;

use orchestrator::http::SagaView;
use saga_core::saga::Status;
use tokio::time::{Instant, sleep};

use super::saga::show;
use crate::args::WaitArgs;
use crate::client::Client;
use crate::clock;
use crate::failure::{Failure, Outcome};

/// Seconds that one request waits for a saga.
const WAIT_SECONDS: u64 = 30;

/// Longer than was asked to wait, an answer may take: for the way, and for looking at the saga.
const GRACE: Duration = Duration::from_secs(2);

/// A saga that stands still, though not where it is wanted, is looked at this often.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Waits, shows the saga, and says in the exit code whether it is where it should be.
pub(super) async fn wait(args: &WaitArgs) -> Outcome {
    let limit = clock::span("--timeout", &args.timeout)?;
    let client = args.server.client()?;
    let until = Some(Instant::now() + limit);
    let status = status_after(&client, &args.id, args.until, until).await?;
    show(&client, &args.id, &args.server).await?;
    if status == args.until.unwrap_or(Status::Completed) {
        return Ok(());
    }
    let still = if status.is_open() && args.until.is_some() || moves(status) {
        format!("still {status} after {}", args.timeout)
    } else {
        status.to_string()
    };
    Err(Failure::error(format!("saga {} is {still}", args.id)))
}

/// Waits until a saga ends or rests, however long that takes.
pub(super) async fn until_rest(client: &Client, id: &str) -> Result<Status, Failure> {
    status_after(client, id, None, None).await
}

/// The status once that is the wanted one, or cannot become it any more, or time is up.
async fn status_after(
    client: &Client,
    id: &str,
    wanted: Option<Status>,
    until: Option<Instant>,
) -> Result<Status, Failure> {
    loop {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let wait = match (wanted, left) {
            // The orchestrator waits for a rest only; another status can come and go before it.
            (Some(_), _) => 0,
            (None, left) => left.map_or(WAIT_SECONDS, |left| left.as_secs().min(WAIT_SECONDS)),
        };
        // Whole seconds are asked for. An orchestrator that hangs would hold up the caller otherwise.
        let patience = left.map_or(Duration::MAX, |left| left + GRACE);
        let saga: SagaView = client
            .answering_within(patience)
            .get(&format!("/v1/sagas/{id}?wait={wait}"))
            .await?;
        let there = match wanted {
            Some(wanted) => saga.status == wanted || !saga.status.is_open(),
            None => !moves(saga.status),
        };
        if there || left.is_some_and(|left| left.is_zero()) {
            return Ok(saga.status);
        }
        if wait == 0 {
            let pause = left.map_or(LOOK_AGAIN_AFTER, |left| left.min(LOOK_AGAIN_AFTER));
            sleep(pause).await;
        }
    }
}

const fn moves(status: Status) -> bool {
    matches!(status, Status::Running | Status::Compensating)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// The system takes the connection, as it does for a process that is stopped.
    #[tokio::test(start_paused = true)]
    async fn an_orchestrator_that_hangs_does_not_hold_up_who_has_less_time() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = Client::at(&format!("http://{}", silent.local_addr().unwrap())).unwrap();
        let (began, limit) = (Instant::now(), Duration::from_secs(5));
        let waited = status_after(&client, "0193594e", None, Some(began + limit)).await;
        assert!(waited.is_err_and(|failure| failure.message().contains("within 7 s")));
        assert_eq!(began.elapsed().as_secs(), (limit + GRACE).as_secs());
    }
}
