//! The mocked services: they do nothing but keep books, and fail as they are told.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use saga_core::ids::{Op, SagaId};
use serde_json::{Value, json};
use tokio::sync::Notify;
use worker_runtime::{Answer, Call, Handler, Resolution};

use super::books::{Books, EffectKey};
use super::fault::{Fault, Planted};

/// A service that hangs does so for this many attempts at most. Where retries have no limit nothing
/// else would end the case, and what is of interest is that the saga goes on when the outage ends.
pub(super) const OUTAGE_ATTEMPTS: u32 = 20;

/// What all mocks of one case share.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) books: Books,
    pub(super) planted: Option<Planted>,
    /// The saga that the faults are for; the others are run by its steps.
    root: OnceLock<SagaId>,
    has_crashed: AtomicBool,
    crash: Notify,
}

impl Stage {
    pub(super) fn new(planted: Option<Planted>) -> Arc<Self> {
        Arc::new(Self {
            books: Books::default(),
            planted,
            root: OnceLock::new(),
            has_crashed: AtomicBool::new(false),
            crash: Notify::new(),
        })
    }

    /// Waits for the moment at which the worker is to die.
    pub(super) async fn crashed(&self) {
        self.crash.notified().await;
    }

    /// The saga is started under this id.
    pub(super) fn is_about(&self, root: SagaId) {
        let _set_once = self.root.set(root);
    }

    /// What goes wrong with this call's step, if anything.
    fn fault(&self, call: &Call) -> Option<Fault> {
        let planted = self.planted.as_ref()?;
        let root = *self.root.get()?;
        // What takes the place of a step in a later round is another call.
        let is_hit = call.round == 0
            && match &planted.inner {
                None => call.saga == root && planted.hits(&call.step, call.element),
                Some(inner) => call.saga == root.child(&planted.key(), 0) && call.step == *inner,
            };
        is_hit.then_some(planted.fault)
    }

    fn is_culprit(&self, call: &Call) -> bool {
        let culprit = self.planted.as_ref().and_then(|it| it.culprit.as_ref());
        culprit == Some(&call.step) && self.root.get() == Some(&call.saga)
    }
}

/// One operation of a mocked service outside. It can be asked what became of a call, unless told
/// otherwise.
#[derive(Debug, Clone)]
pub(super) struct Mock {
    pub(super) stage: Arc<Stage>,
    pub(super) output: Arc<Value>,
    pub(super) can_tell: bool,
    /// How long a call takes, so that there is something in flight when another step fails.
    pub(super) takes: Duration,
}

#[async_trait]
impl Handler for Mock {
    async fn run(&self, call: &Call) -> Answer {
        match call.op {
            Op::Action => self.act(call).await,
            Op::Compensate => self.undo(call).await,
            // The pipeline settles by asking `resolve`.
            Op::Settle => Answer::fail("mock", "settling is no call"),
        }
    }

    async fn resolve(&self, call: &Call) -> Resolution {
        if !self.can_tell {
            return Resolution::Unknown;
        }
        let entry = self.stage.books.entry(&effect_of(call));
        match call.op {
            Op::Action | Op::Settle if entry.done > 0 => Resolution::Done(self.answer()),
            Op::Compensate if entry.undone > 0 => Resolution::Done(json!({})),
            Op::Action | Op::Settle | Op::Compensate => Resolution::Never,
        }
    }
}

impl Mock {
    async fn act(&self, call: &Call) -> Answer {
        // What goes wrong does so halfway, while what runs beside it is still under way.
        tokio::time::sleep(self.takes / 2).await;
        if self.stage.is_culprit(call) {
            return Answer::fail("mocked", "the mocked service refuses");
        }
        match self.stage.fault(call) {
            Some(Fault::Fail) => Answer::fail("mocked", "the mocked service refuses"),
            Some(Fault::Timeout) if call.attempt <= OUTAGE_ATTEMPTS => std::future::pending().await,
            Some(Fault::CrashAfterEffect) if self.crashes_now() => {
                self.stage.books.act(effect_of(call));
                self.stage.crash.notify_one();
                std::future::pending().await
            }
            Some(
                Fault::Timeout
                | Fault::CrashAfterEffect
                | Fault::Duplicate
                | Fault::LateReply
                | Fault::UndoFails,
            )
            | None => {
                tokio::time::sleep(self.takes / 2).await;
                self.stage.books.act(effect_of(call));
                Answer::Done(self.answer())
            }
        }
    }

    async fn undo(&self, call: &Call) -> Answer {
        tokio::time::sleep(self.takes).await;
        if self.stage.fault(call) == Some(Fault::UndoFails) {
            return Answer::fail("mocked", "the mocked service refuses to undo");
        }
        self.stage.books.undo(effect_of(call));
        Answer::Done(json!({}))
    }

    fn answer(&self) -> Value {
        Value::clone(&self.output)
    }

    /// A worker dies once.
    fn crashes_now(&self) -> bool {
        !self.stage.has_crashed.swap(true, Ordering::AcqRel)
    }
}

/// The effect that a call is about: its own, or the one that it undoes.
fn effect_of(call: &Call) -> EffectKey {
    let round = match call.op {
        Op::Action | Op::Settle => call.round,
        Op::Compensate => call.undoes.as_ref().map_or(0, |undoes| undoes.round),
    };
    EffectKey {
        saga: call.saga,
        step: call.step.clone(),
        element: call.element,
        round,
    }
}
