//! What the API says, read once.

use std::time::Duration;

use orchestrator::explain::StuckReport;
use orchestrator::http::{
    ExplanationView, LetterGroupView, OperateBody, OperatedView, PageView, SagaView,
    TopologyItemView, WorkerView,
};
use saga_core::time::Timestamp;

use super::counters::Counters;
use super::detail::Detail;
use super::keys::Act;
use crate::client::Client;
use crate::clock;
use crate::commands::saga::full_history;
use crate::failure::Failure;

/// An orchestrator that has not answered by then is away.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// Sagas that are listed, the newest.
const SAGAS: u32 = 100;

/// Something that may not be seen, and then why not.
pub(super) type Seen<T> = Result<T, String>;

/// Everything that is shown, as of one moment.
#[derive(Debug, Clone)]
pub struct Reading {
    pub(super) at: Timestamp,
    pub(super) counters: Counters,
    pub(super) queues: Seen<Vec<TopologyItemView>>,
    pub(super) workers: Seen<Vec<WorkerView>>,
    pub(super) sagas: Seen<Vec<SagaView>>,
    /// Dead letters that nobody has handled.
    pub(super) letters: Seen<u64>,
    /// It costs the server more than the rest, so not every reading has it.
    pub(super) stuck: Option<Seen<StuckReport>>,
}

/// Reads from one orchestrator.
#[derive(Debug, Clone)]
pub struct Reader {
    client: Client,
    who: String,
}

impl Reader {
    /// A reader that signs what it changes with this name.
    #[must_use]
    pub const fn new(client: Client, who: String) -> Self {
        Self { client, who }
    }

    /// Reads everything; an error when the orchestrator does not answer at all.
    pub async fn read(&self, with_stuck: bool) -> Seen<Reading> {
        let metrics = within(self.client.get_text("/metrics")).await?;
        let list = format!("/v1/sagas?limit={SAGAS}");
        let (queues, workers, page, groups, stuck) = tokio::join!(
            within(self.client.get("/v1/queues")),
            within(self.client.get("/v1/workers")),
            within(self.client.get::<PageView>(&list)),
            within(
                self.client
                    .get::<Vec<LetterGroupView>>("/v1/dead-letters/groups")
            ),
            async {
                if !with_stuck {
                    return None;
                }
                Some(within(self.client.get("/v1/sagas?stuck=true")).await)
            },
        );
        Ok(Reading {
            at: clock::now(),
            counters: Counters::parse(&metrics),
            queues,
            workers,
            sagas: page.map(|page| page.sagas),
            letters: groups.map(|groups| groups.iter().map(|group| group.letters).sum()),
            stuck,
        })
    }

    /// Looks into one saga.
    pub async fn look(&self, saga: &str) -> Seen<Detail> {
        let path = format!("/v1/sagas/{saga}");
        let explain = format!("{path}/explain");
        let (saga, history, explained) = tokio::join!(
            within(self.client.get::<SagaView>(&path)),
            within(full_history(&self.client, saga)),
            within(self.client.get::<ExplanationView>(&explain)),
        );
        Ok(Detail::of(&saga?, &history?, explained))
    }

    /// Asks for a change; says what came of it.
    pub async fn act(&self, act: &Act) -> String {
        let body = OperateBody {
            reason: act.reason.clone(),
            who: Some(self.who.clone()),
            output: None,
            happened: None,
            never: false,
        };
        // Writing to memory cannot fail: every key is a string.
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let path = act.path();
        let done = within(self.client.post::<OperatedView>(&path, body)).await;
        match done {
            Ok((_, view)) => format!("{}: the saga is {}", act.verb.as_str(), view.status),
            Err(why) => format!("{}: {why}", act.verb.as_str()),
        }
    }
}

async fn within<T>(asked: impl Future<Output = Result<T, Failure>>) -> Seen<T> {
    match tokio::time::timeout(ANSWER_WITHIN, asked).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(failure)) => {
            let text = failure.to_string();
            let first = text.lines().next().unwrap_or_default();
            Err(first.trim_start_matches("error: ").to_owned())
        }
        Err(_) => Err(format!("no answer within {} s", ANSWER_WITHIN.as_secs())),
    }
}
