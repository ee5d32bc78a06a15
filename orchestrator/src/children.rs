//! What a step asks of the saga that it runs, on its way from the broker to that saga.

use std::sync::Arc;

use broker::broker::Delivery;
use broker::envelope::child::{self, ChildEnvelope};
use broker::receipt::Receipt;
use saga_core::decision::ChildAsk;
use saga_core::definition::Definition;
use saga_core::ids::{Op, SagaId};
use saga_core::input::{Input, ParentAsk, Reply, ReplyOutcome, Start, StepError};
use semver::Version;
use serde_json::Value;
use tracing::warn;

use crate::catalog::CatalogError;
use crate::engine::{Done, Engine, Inflight, Job};
use crate::inbound;
use crate::letters;

/// Hands an ask to the child. One that cannot be run is answered for it.
pub(crate) async fn take(engine: &Engine, queue: &str, delivery: Delivery) {
    let Delivery { message, receipt } = delivery;
    let envelope = match child::decode(&message) {
        Ok(envelope) => envelope,
        Err(error) => {
            let reason = crate::chain(&error);
            let letter = letters::from_message(&message, queue, None, reason);
            return inbound::keep(engine, vec![letter], receipt).await;
        }
    };
    let ChildEnvelope {
        child,
        parent,
        attempt,
        ask,
    } = envelope.clone();
    let asked = |op| {
        Input::Parent(ParentAsk {
            parent: parent.clone(),
            op,
            attempt,
        })
    };
    let (definition, input) = match ask {
        ChildAsk::Compensate => (None, asked(Op::Compensate)),
        ChildAsk::Settle {
            definition,
            version,
        } => match to_settle(engine, child, &definition, version.as_ref()).await {
            Ok(definition) => (definition, asked(Op::Settle)),
            // It was never started, and cannot be.
            Err(Refusal::Certain(_)) => {
                let outcome = ReplyOutcome::NeverHappened;
                return answer(engine, &envelope, Op::Settle, outcome, receipt).await;
            }
            Err(Refusal::NotNow(error)) => return again(receipt, &error),
        },
        ChildAsk::Start {
            definition,
            version,
            input,
            pivot,
        } => match accept(engine, &definition, version.as_ref(), &input, pivot).await {
            Ok((definition, key)) => {
                let start = Start {
                    key,
                    labels: std::collections::BTreeMap::new(),
                    input: Arc::new(input),
                    parent: Some(parent.clone()),
                };
                (Some(definition), Input::Start(start))
            }
            Err(Refusal::Certain(error)) => {
                let outcome = ReplyOutcome::Fail(error);
                return answer(engine, &envelope, Op::Action, outcome, receipt).await;
            }
            Err(Refusal::NotNow(error)) => return again(receipt, &error),
        },
    };
    let done = Done::Delivery(Inflight::new(receipt, 1));
    engine
        .submit(Job {
            saga: child,
            definition,
            input,
            letter: None,
            done,
        })
        .await;
}

/// Why a child cannot run.
enum Refusal {
    /// It never will, and the step fails without effect.
    Certain(StepError),
    /// The store or the broker is away.
    NotNow(CatalogError),
}

async fn resolve(
    engine: &Engine,
    name: &str,
    version: Option<&Version>,
) -> Result<Arc<Definition>, Refusal> {
    let resolved = engine.shared().catalog.resolve(name, version).await;
    resolved.map_err(|error| match error {
        CatalogError::UnknownName { .. }
        | CatalogError::UnknownVersion(_)
        | CatalogError::Retired { .. }
        | CatalogError::NothingToStart(_)
        | CatalogError::Conflict(_)
        | CatalogError::OutlivesRetention { .. }
        | CatalogError::Incompatible { .. } => {
            Refusal::Certain(StepError::new("no_definition", crate::chain(&error)))
        }
        CatalogError::Store(_) | CatalogError::Broker(_) => Refusal::NotNow(error),
    })
}

/// What a child would run that has to be kept from starting; `None` when it has started, whatever
/// became of its definition since.
async fn to_settle(
    engine: &Engine,
    child: SagaId,
    name: &str,
    version: Option<&Version>,
) -> Result<Option<Arc<Definition>>, Refusal> {
    let known = engine.shared().store.load(&[child]).await;
    match known {
        Ok((sagas, _)) if sagas.is_empty() => resolve(engine, name, version).await.map(Some),
        Ok(_) => Ok(None),
        Err(error) => Err(Refusal::NotNow(error.into())),
    }
}

async fn accept(
    engine: &Engine,
    name: &str,
    version: Option<&Version>,
    input: &Value,
    pivot: bool,
) -> Result<(Arc<Definition>, Option<String>), Refusal> {
    let definition = resolve(engine, name, version).await?;
    match definition.accept_as_child(input, pivot) {
        Ok(accepted) => Ok((definition, accepted.key)),
        Err(error) => Err(Refusal::Certain(error)),
    }
}

/// Answers the parent in the place of a child that does not exist.
async fn answer(
    engine: &Engine,
    asked: &ChildEnvelope,
    op: Op,
    outcome: ReplyOutcome,
    receipt: Receipt,
) {
    let reply = Reply {
        key: asked.parent.key.clone(),
        op,
        round: asked.parent.round,
        attempt: asked.attempt,
        outcome,
        worker: None,
    };
    engine
        .submit(Job {
            saga: asked.parent.saga,
            definition: None,
            input: Input::Reply(reply),
            letter: None,
            done: Done::Delivery(Inflight::new(receipt, 1)),
        })
        .await;
}

/// Unacknowledged, the message comes again.
fn again(receipt: Receipt, error: &CatalogError) {
    warn!(error = %crate::chain(error), "a child saga cannot be looked up now");
    drop(receipt);
}
