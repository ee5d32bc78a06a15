//! What happens to a saga while it happens, as server-sent events.
//!
//! The history is the truth; the engine's feed only tells when to look. An event of this process
//! that is the next one goes straight through; everything else, be it another orchestrator's or one
//! that was missed, is read from the history.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::{Event as Frame, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use saga_core::event::Event;
use saga_core::ids::SagaId;
use saga_core::saga::Status;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::problem::Problem;
use super::problem_kind::Kind;
use super::router::Api;
use super::sagas::{find, saga_id};
use super::view::EventView;
use crate::auth::Role;
use crate::engine::Occurrence;
use crate::store::StoreError;

/// The `event` of each thing that happened; its `id` is the place in the history.
pub const SAGA_EVENT: &str = "saga";

/// The `event` after the last: the saga is over.
pub const END_EVENT: &str = "end";

/// Connections that follow sagas, at most, for one orchestrator.
pub(super) const FOLLOWERS_MAX: usize = 256;

/// The history is looked at this often: another orchestrator may move the saga.
const LOOK_AGAIN_EVERY: Duration = Duration::from_secs(1);

/// Whoever follows is asked this often whether they still may: a token can expire, be revoked, or be
/// for another role by now.
const ADMITTED_FOR: Duration = Duration::from_secs(5);

/// A comment is sent when there was nothing to say for this long.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Events that are read at once.
const PAGE_EVENTS: u32 = 500;

/// The data of the last event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndView {
    /// The saga.
    pub id: String,
    /// How it ended.
    pub status: Status,
}

pub(super) async fn follow(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = saga_id(&id)?;
    let resumes = headers.get("last-event-id");
    let after = match resumes {
        None => 0,
        Some(value) => {
            let seq = value.to_str().ok().and_then(|text| text.parse().ok());
            seq.ok_or_else(|| Problem::bad_request("last-event-id is not the id of an event"))?
        }
    };
    let place = Arc::clone(&api.followers).try_acquire_owned();
    let place = place.map_err(|_full| {
        let detail = format!("{FOLLOWERS_MAX} connections follow sagas here already; try later");
        Problem::new(Kind::TooMany, detail)
    })?;
    // The feed first: what comes between the two is in the history.
    let feed = api.engine.shared().feed.subscribe();
    let saga = find(&api, id).await?;
    if resumes.is_some() && saga.phase.is_closed() && saga.version <= after {
        // A browser stops asking then.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let follower = Follower {
        api,
        id,
        after,
        feed,
        ready: VecDeque::new(),
        look: true,
        ended: false,
        authorization: headers.get(header::AUTHORIZATION).cloned(),
        admitted_at: Instant::now(),
        _place: place,
    };
    let frames = stream::unfold(follower, |mut follower| async {
        let frame = follower.next().await?;
        Some((Ok::<_, Infallible>(frame), follower))
    });
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Ok(Sse::new(frames).keep_alive(keep_alive).into_response())
}

/// A semaphore with a place for each follower.
pub(super) fn places() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(FOLLOWERS_MAX))
}

struct Follower {
    api: Api,
    id: SagaId,
    /// The last event that was sent.
    after: u64,
    feed: Receiver<Occurrence>,
    ready: VecDeque<Event>,
    /// The history may hold more.
    look: bool,
    ended: bool,
    authorization: Option<HeaderValue>,
    admitted_at: Instant,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    /// What to send next; `None` when that was all, the process goes down, or whoever follows may
    /// not any more. They come again then, and are told why not.
    async fn next(&mut self) -> Option<Frame> {
        loop {
            if self.admitted_at.elapsed() >= ADMITTED_FOR && !self.is_still_admitted().await {
                return None;
            }
            if let Some(event) = self.ready.pop_front() {
                self.after = event.seq;
                let id = event.seq.to_string();
                let view = EventView::from(event);
                return Frame::default()
                    .event(SAGA_EVENT)
                    .id(id)
                    .json_data(view)
                    .ok();
            }
            if self.ended {
                return None;
            }
            if self.look {
                match self.read().await {
                    Ok(true) => continue,
                    Ok(false) => {}
                    // Whoever follows comes again, with the last event's id.
                    Err(error) => {
                        tracing::warn!(error = %crate::chain(&error), "following a saga");
                        return None;
                    }
                }
                if let Some(end) = self.end().await {
                    return Some(end);
                }
                self.look = false;
            }
            self.wait().await?;
        }
    }

    /// Asks once more what was asked when they came.
    async fn is_still_admitted(&mut self) -> bool {
        self.admitted_at = Instant::now();
        let sent = self.authorization.as_ref().map(HeaderValue::as_bytes);
        let admitted = self.api.gate.admit(sent).await;
        admitted.is_ok_and(|caller| caller.may(Role::Viewer))
    }

    /// Reads on in the history; says whether there was something.
    async fn read(&mut self) -> Result<bool, StoreError> {
        let store = &self.api.engine.shared().store;
        let events = store.history(self.id, self.after, PAGE_EVENTS).await?;
        self.ready.extend(events);
        Ok(!self.ready.is_empty())
    }

    /// The last frame, when the saga is over and everything is told.
    async fn end(&mut self) -> Option<Frame> {
        let saga = find(&self.api, self.id).await.ok()?;
        if !saga.phase.is_closed() || saga.version > self.after {
            return None;
        }
        self.ended = true;
        let end = EndView {
            id: self.id.to_string(),
            status: saga.status(),
        };
        Frame::default().event(END_EVENT).json_data(end).ok()
    }

    /// Waits until something may have happened.
    async fn wait(&mut self) -> Option<()> {
        let closing = self.api.closing.clone();
        let look_again = tokio::time::sleep(LOOK_AGAIN_EVERY);
        tokio::pin!(look_again);
        loop {
            tokio::select! {
                () = closing.cancelled() => return None,
                () = &mut look_again => {
                    self.look = true;
                    return Some(());
                }
                heard = self.feed.recv() => match heard {
                    Ok(Occurrence { saga, event, .. }) if saga == self.id => {
                        if event.seq == self.after + 1 {
                            self.ready.push_back(event);
                        }
                        // Whether more follow, or the saga is over, the history tells.
                        self.look = true;
                        return Some(());
                    }
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => {
                        self.look = true;
                        return Some(());
                    }
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }
}
