//! One delivery's life: decode, verdict, claim, handler, record, reply confirmed, acknowledge.

use std::sync::Arc;
use std::time::Duration;

use broker::broker::{Broker, Delivery};
use broker::envelope::command::{self, CommandEnvelope};
use broker::envelope::replies::ReplyItem;
use broker::topology::Topology;
use futures_util::FutureExt;
use saga_core::delivery::{Repeat, Verdict, on_arrival, on_run, on_settle, on_undo};
use saga_core::ids::Op;
use saga_core::input::{self, ReplyOutcome, StepError};
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::answer::{Ending, bounded, fitting, too_large, unaccounted};
use super::batcher::Batcher;
use super::guard::guard;
use super::held::Held;
use super::postponer::Postponer;
use super::replier::{Replier, Reply};
use super::request::{barrier, call};
use super::retrying::retrying;
use crate::call::Call;
use crate::handler::{Answer, Handler, Resolution, TransactionalHandler};
use crate::ledger::{
    Ask, Barred, Barrier, Begun, Claim, Closing, Found, Ledger, LedgerError, LedgerKey,
    LedgerTransaction, Outcome, Recorded, Recording, Stored, WorkerId,
};
use crate::operation::{Execution, Lane};

/// What every delivery of a worker passes through.
pub(crate) struct Pipeline {
    worker: WorkerId,
    ledger: Arc<dyn Ledger>,
    claims: Batcher<Ask, Found>,
    barriers: Batcher<Barrier, Barred>,
    closings: Batcher<Closing, Recording>,
    replier: Replier,
    postponer: Postponer,
    held: Held,
    stop: CancellationToken,
}

impl Pipeline {
    /// `stop` ends what cannot be finished: the waiting for a ledger or a broker that is away, and
    /// the calls that are still running.
    pub(crate) fn start(
        worker: WorkerId,
        broker: Arc<dyn Broker>,
        topology: Topology,
        ledger: Arc<dyn Ledger>,
        stop: CancellationToken,
    ) -> Self {
        let to = (ledger.clone(), worker.clone());
        let claims = Batcher::start(stop.clone(), move |asks: Arc<Vec<Ask>>| {
            let (ledger, worker) = to.clone();
            async move { ledger.claim(&worker, &asks).await }.boxed()
        });
        let to = (ledger.clone(), worker.clone());
        let barriers = Batcher::start(stop.clone(), move |barriers: Arc<Vec<Barrier>>| {
            let (ledger, worker) = to.clone();
            async move { ledger.bar(&worker, &barriers).await }.boxed()
        });
        let to = (ledger.clone(), worker.clone());
        let closings = Batcher::start(stop.clone(), move |closings: Arc<Vec<Closing>>| {
            let (ledger, worker) = to.clone();
            async move { ledger.close(&worker, &closings).await }.boxed()
        });
        let replier = Replier::start(broker.clone(), stop.clone());
        let postponer = Postponer::new(broker, topology);
        let held = Held::new();
        Self {
            worker,
            ledger,
            claims,
            barriers,
            closings,
            replier,
            postponer,
            held,
            stop,
        }
    }

    /// How many claims are held.
    pub(crate) fn claims(&self) -> watch::Receiver<usize> {
        self.held.claims()
    }

    /// Waits until every answer is sent and its delivery acknowledged.
    pub(crate) async fn finish(self) {
        self.replier.finish().await;
    }

    /// Carries a delivery from its queue to its acknowledgement, or hands it to those who do.
    pub(crate) async fn execute(&self, lane: &Lane, delivery: Delivery) {
        let Delivery { message, receipt } = delivery;
        let command = match command::decode(&message) {
            Ok(command) => command,
            Err(error) => {
                tracing::error!(
                    message.id = message.properties.message_id,
                    error = &error as &dyn std::error::Error,
                    "a message is no command; it goes to the dead letters"
                );
                return receipt.dead_letter();
            }
        };
        match Box::pin(self.carry_out(lane, &command)).await {
            Ending::Reply(outcome, recorded) => {
                let queue = command.reply_to.clone();
                let item = self.answer(command, outcome);
                self.replier
                    .hand_over(Reply {
                        queue,
                        item,
                        recorded,
                        receipt,
                    })
                    .await;
            }
            Ending::Busy => {
                self.postponer
                    .postpone(&lane.action, message, receipt, &self.stop)
                    .await;
            }
            Ending::Reject(why) => {
                tracing::error!(
                    message.id = message.properties.message_id,
                    why,
                    "a command cannot be carried out; it goes to the dead letters"
                );
                receipt.dead_letter();
            }
            // Dropped unsettled, the delivery goes back to its queue.
            Ending::Stopped => drop(receipt),
        }
    }

    async fn carry_out(&self, lane: &Lane, command: &CommandEnvelope) -> Ending {
        let (asked, served) = ((&command.action, command.op), (&lane.action, lane.op));
        let now = self.ledger.now();
        if let Some(verdict) = on_arrival(asked, served, command.deadline, now) {
            return Ending::without_call(verdict, Recorded::nothing_to_record());
        }
        let ask = Ask {
            key: LedgerKey::of(command),
            attempt: command.attempt,
        };
        let Some(_held) = self.held.take(&ask.key) else {
            return Ending::Busy;
        };
        let settings = lane.operation.settings;
        let run = Run {
            pipeline: self,
            repeat: settings.repeat,
            limit: command.start_to_close.unwrap_or(settings.start_to_close),
            call: call(command, &ask.key, self.stop.child_token()),
            barrier: barrier(command, &ask.key),
            ask,
        };
        let ended = match (lane.op, &lane.operation.execution) {
            (Op::Settle, Execution::Outside(handler)) => run.settle(Some(&**handler)).await,
            (Op::Settle, Execution::Transactional(_)) => run.settle(None).await,
            (_, Execution::Outside(handler)) => run.outside(&**handler).await,
            (_, Execution::Transactional(handler)) => run.transactional(&**handler).await,
        };
        ended.unwrap_or_else(|error| {
            if error.is_transient() {
                return Ending::Stopped;
            }
            tracing::error!(
                error = &*error as &dyn std::error::Error,
                "the ledger refuses a key"
            );
            Ending::Reject("the ledger refuses it")
        })
    }

    fn answer(&self, command: CommandEnvelope, outcome: ReplyOutcome) -> ReplyItem {
        ReplyItem {
            saga: command.saga,
            command: command.message_id,
            reply: input::Reply {
                key: command.key,
                op: command.op,
                round: command.round,
                attempt: command.attempt,
                outcome,
                worker: Some(self.worker.to_string()),
            },
        }
    }
}

type Ended = Result<Ending, Arc<LedgerError>>;

/// One command that is being carried out.
struct Run<'a> {
    pipeline: &'a Pipeline,
    repeat: Repeat,
    limit: Duration,
    call: Call,
    ask: Ask,
    barrier: Option<Barrier>,
}

impl Run<'_> {
    /// An effect outside: the claim is on disk before the call, the result after it.
    async fn outside(&self, handler: &dyn Handler) -> Ended {
        if let Some(barrier) = &self.barrier {
            let barred = self.pipeline.barriers.submit(barrier.clone()).await?;
            let verdict = on_undo(barred.standing, barrier.output.is_some());
            if verdict != Verdict::Run {
                return Ok(Ending::without_call(verdict, barred.recorded));
            }
        }
        let _counted = self.pipeline.held.claim();
        let found = self.pipeline.claims.submit(self.ask.clone()).await?;
        let verdict = on_run(found.standing(), self.repeat);
        let claim = match found {
            Found::Fresh(claim) | Found::Interrupted(claim) => claim,
            Found::Stored(stored, recorded) => {
                return Ok(Ending::replay(self.call.op, stored, recorded));
            }
            Found::InProgress => return Ok(Ending::Busy),
        };
        match verdict {
            Verdict::Run => self.call_outside(handler, claim).await,
            Verdict::Resolve => match self.resolve(handler).await {
                Ok(Resolution::Done(output)) => self.close(claim, applied(output)).await,
                Ok(Resolution::Never) => self.call_outside(handler, claim).await,
                Ok(Resolution::Unknown) => self.release(claim, unaccounted(), None).await,
                Err(error) => self.release(claim, error, None).await,
            },
            _not_to_be_repeated => self.release(claim, unaccounted(), None).await,
        }
    }

    async fn call_outside(&self, handler: &dyn Handler, claim: Claim) -> Ended {
        match guard(self.limit, &self.call.cancellation, handler.run(&self.call)).await {
            Ok(Answer::Done(output)) => self.close(claim, applied(output)).await,
            Ok(Answer::Fail(error)) => self.close(claim, Stored::Rejected(bounded(error))).await,
            Ok(Answer::Retry { error, after }) => self.release(claim, error, after).await,
            Err(error) => self.release(claim, error, None).await,
        }
    }

    async fn resolve(&self, handler: &dyn Handler) -> Result<Resolution, StepError> {
        guard(
            self.limit,
            &self.call.cancellation,
            handler.resolve(&self.call),
        )
        .await
    }

    /// Finds out what became of an action, and makes sure that it cannot happen later. Without a
    /// handler the action is transactional, and nothing can be in doubt.
    async fn settle(&self, handler: Option<&dyn Handler>) -> Ended {
        let pipeline = self.pipeline;
        let _counted = pipeline.held.claim();
        let asked = || pipeline.ledger.settle(&pipeline.worker, &self.ask);
        let found = retrying(&pipeline.stop, asked).await?;
        let verdict = on_settle(found.standing());
        let claim = match found {
            Found::Fresh(claim) | Found::Interrupted(claim) => claim,
            Found::Stored(stored, recorded) => {
                return Ok(Ending::replay(Op::Settle, stored, recorded));
            }
            Found::InProgress => {
                return Ok(Ending::without_call(verdict, Recorded::nothing_to_record()));
            }
        };
        let resolution = match handler {
            None => Ok(Resolution::Unknown),
            Some(handler) => self.resolve(handler).await,
        };
        match resolution {
            Ok(Resolution::Done(output)) => self.close(claim, applied(output)).await,
            Ok(Resolution::Never) => self.close(claim, Stored::Blocked).await,
            Ok(Resolution::Unknown) => {
                let released = self.record(claim, Outcome::Released(unaccounted())).await?;
                let (Recording::Recorded(recorded) | Recording::Fenced(_, recorded)) = released;
                Ok(Ending::Reply(
                    ReplyOutcome::Unknown(unaccounted()),
                    recorded,
                ))
            }
            Err(error) => self.release(claim, error, None).await,
        }
    }

    /// An effect in the ledger's own database: one transaction holds it and its row.
    async fn transactional(&self, handler: &dyn TransactionalHandler) -> Ended {
        let (pipeline, barrier) = (self.pipeline, self.barrier.as_ref());
        let begin = || pipeline.ledger.begin(&pipeline.worker, &self.ask, barrier);
        let mut transaction = match retrying(&pipeline.stop, begin).await? {
            Begun::Open(transaction) => transaction,
            Begun::Barred(barred) => {
                let certified = barrier.is_some_and(|it| it.output.is_some());
                let verdict = on_undo(barred.standing, certified);
                return Ok(Ending::without_call(verdict, barred.recorded));
            }
            Begun::Found(Found::Stored(stored, recorded)) => {
                return Ok(Ending::replay(self.call.op, stored, recorded));
            }
            Begun::Found(Found::Fresh(_) | Found::Interrupted(_) | Found::InProgress) => {
                return Ok(Ending::Busy);
            }
        };
        let running = handler.run(&self.call, &mut *transaction);
        Ok(
            match guard(self.limit, &self.call.cancellation, running).await {
                // The effect is not committed yet: an output that cannot be told is refused with it.
                Ok(Answer::Done(output)) => match fitting(output) {
                    Some(output) => {
                        self.commit(transaction, Stored::Applied(Some(output)))
                            .await
                    }
                    None => {
                        self.commit(transaction, Stored::Rejected(too_large()))
                            .await
                    }
                },
                Ok(Answer::Fail(error)) => {
                    self.commit(transaction, Stored::Rejected(bounded(error)))
                        .await
                }
                Ok(Answer::Retry { error, after }) => {
                    Ending::attempt_failed(bounded(error), after, transaction.roll_back().await)
                }
                Err(error) => {
                    Ending::attempt_failed(bounded(error), None, transaction.abandon().await)
                }
            },
        )
    }

    async fn commit(&self, transaction: Box<dyn LedgerTransaction>, result: Stored) -> Ending {
        match transaction.commit(&result).await {
            Ok(recorded) => Ending::replay(self.call.op, result, recorded),
            Err(error) => {
                tracing::warn!(
                    saga.id = %self.call.saga,
                    step = %self.call.step,
                    attempt = self.call.attempt,
                    error = &error as &dyn std::error::Error,
                    "a handler's transaction was not seen to commit"
                );
                // It may have been committed. The next attempt finds out by the same row.
                let error = StepError::new("transaction_failed", error.to_string());
                Ending::attempt_failed(error, None, Recorded::nothing_to_record())
            }
        }
    }

    /// Closes a claim with a result and answers what the ledger then holds.
    async fn close(&self, claim: Claim, stored: Stored) -> Ended {
        let recording = self.record(claim, Outcome::Settled(stored.clone())).await?;
        Ok(match recording {
            // The second: it happened although it was settled as never having happened. The
            // answer says so, and the orchestrator raises the alarm.
            Recording::Recorded(recorded) | Recording::Fenced(Some(Stored::Blocked), recorded) => {
                Ending::replay(self.call.op, stored, recorded)
            }
            Recording::Fenced(Some(other), recorded) => {
                Ending::replay(self.call.op, other, recorded)
            }
            Recording::Fenced(None, recorded) => Ending::Reply(ReplyOutcome::Fenced, recorded),
        })
    }

    /// Gives a claim up without a result: whoever asks next takes it over.
    async fn release(&self, claim: Claim, error: StepError, after: Option<Duration>) -> Ended {
        let error = bounded(error);
        let recording = self.record(claim, Outcome::Released(error.clone())).await?;
        let (Recording::Recorded(recorded) | Recording::Fenced(_, recorded)) = recording;
        Ok(Ending::attempt_failed(error, after, recorded))
    }

    async fn record(&self, claim: Claim, outcome: Outcome) -> Result<Recording, Arc<LedgerError>> {
        self.pipeline
            .closings
            .submit(Closing { claim, outcome })
            .await
    }
}

/// The effect is outside and done, whatever the size of its output.
fn applied(output: Value) -> Stored {
    Stored::Applied(fitting(output))
}
