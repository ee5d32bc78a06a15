//! One command that is being carried out: claim, handler, record.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use broker::envelope::command::CommandEnvelope;
use saga_core::delivery::{Verdict, on_run, on_settle, on_undo};
use saga_core::ids::Op;
use saga_core::input::{ReplyOutcome, StepError};
use serde_json::Value;
use tokio::time::Instant;

use super::answer::{Ending, bounded, fitting, too_large, unaccounted};
use super::arrivals::Arrival;
use super::guard::{CANCELLED, Limits, guard};
use super::pipeline::Pipeline;
use super::request::{barrier, call};
use super::retrying::retrying;
use crate::call::Call;
use crate::handler::{Answer, Handler, Resolution, TransactionalHandler};
use crate::ledger::{
    Ask, Barrier, Begun, Claim, Closing, Found, LedgerError, LedgerTransaction, Note, Outcome,
    Recorded, Recording, Stored,
};
use crate::limits::CallEnd;
use crate::operation::{Execution, Lane};

pub(super) type Ended = Result<Ending, Arc<LedgerError>>;

/// One command that is being carried out.
pub(super) struct Run<'a> {
    pipeline: &'a Pipeline,
    command: &'a CommandEnvelope,
    lane: &'a Lane,
    call: Call,
    ask: Ask,
    barrier: Option<Barrier>,
    end: OnceLock<CallEnd>,
    /// It is recorded, and to be answered at once.
    answering: OnceLock<Arrival>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        pipeline: &'a Pipeline,
        lane: &'a Lane,
        command: &'a CommandEnvelope,
        ask: Ask,
    ) -> Self {
        Self {
            pipeline,
            command,
            lane,
            call: call(command, &ask.key, pipeline.stop.child_token()),
            barrier: barrier(command, &ask.key),
            ask,
            end: OnceLock::new(),
            answering: OnceLock::new(),
        }
    }

    /// Carries it out, and says how its call ended. What is given along is kept until it is answered.
    pub(super) async fn carry_out(self) -> (Ended, CallEnd, Option<Arrival>) {
        let ended = match (self.lane.op, &self.lane.operation.execution) {
            (Op::Settle, Execution::Outside(handler)) => self.settle(Some(&**handler)).await,
            (Op::Settle, Execution::Transactional(_) | Execution::WithoutEffect(_)) => {
                self.settle(None).await
            }
            (Op::Action, Execution::WithoutEffect(handler)) => self.look_up(&**handler).await,
            (Op::Compensate, Execution::WithoutEffect(handler)) => self.outside(&**handler).await,
            (_, Execution::Outside(handler)) => self.outside(&**handler).await,
            (_, Execution::Transactional(handler)) => self.transactional(&**handler).await,
        };
        let end = self.end.get().copied().unwrap_or(CallEnd::NoCall);
        (ended, end, self.answering.into_inner())
    }

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
        let verdict = on_run(found.standing(), self.lane.operation.settings.repeat);
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

    /// No effect: the call may be repeated by whoever likes, and the first result stands.
    async fn look_up(&self, handler: &dyn Handler) -> Ended {
        let nothing = Recorded::nothing_to_record();
        let stored = match self.run(handler.run(&self.call)).await {
            Ok(Answer::Done(output)) => applied(output),
            Ok(Answer::Fail(error)) => Stored::Rejected(bounded(error)),
            Ok(Answer::Retry { error, after }) => {
                return Ok(Ending::attempt_failed(bounded(error), after, nothing));
            }
            Err(error) => return Ok(Ending::attempt_failed(bounded(error), None, nothing)),
        };
        let note = Note {
            ask: self.ask.clone(),
            stored: stored.clone(),
        };
        let (recording, answering) = self.pipeline.notes.submit(note).await?;
        let _first = self.answering.set(answering);
        Ok(match recording {
            Recording::Recorded(recorded) => Ending::replay(self.call.op, stored, recorded),
            Recording::Fenced(Some(other), recorded) => {
                Ending::replay(self.call.op, other, recorded)
            }
            Recording::Fenced(None, _) => Ending::Busy,
        })
    }

    async fn call_outside(&self, handler: &dyn Handler, claim: Claim) -> Ended {
        failpoint::reached("worker.before_call");
        let answer = self.run(handler.run(&self.call)).await;
        failpoint::reached("worker.after_call");
        match answer {
            Ok(Answer::Done(output)) => self.close(claim, applied(output)).await,
            Ok(Answer::Fail(error)) => self.close(claim, Stored::Rejected(bounded(error))).await,
            Ok(Answer::Retry { error, after }) => self.release(claim, error, after).await,
            Err(error) => self.release(claim, error, None).await,
        }
    }

    async fn resolve(&self, handler: &dyn Handler) -> Result<Resolution, StepError> {
        let resolution = self.guarded(handler.resolve(&self.call)).await;
        if resolution.is_err() {
            let _first = self.end.set(CallEnd::Failed);
        }
        resolution
    }

    /// Runs the handler, within its limits and seen by whoever looks at this worker.
    async fn run(&self, handler: impl Future<Output = Answer>) -> Result<Answer, StepError> {
        let metrics = &self.lane.metrics;
        if let Some(scheduled_at) = self.command.scheduled_at {
            let waited = self.pipeline.ledger.now().since(scheduled_at);
            metrics.schedule_to_start.observe(waited.as_secs_f64());
        }
        let began = Instant::now();
        let answer = self.guarded(handler).await;
        metrics.execution.observe(began.elapsed().as_secs_f64());
        let end = match &answer {
            Ok(Answer::Done(_) | Answer::Fail(_)) => CallEnd::Answered,
            Ok(Answer::Retry { .. }) => CallEnd::Failed,
            Err(error) if error.code == CANCELLED => CallEnd::NoCall,
            Err(_cut_off) => CallEnd::Failed,
        };
        let _first = self.end.set(end);
        answer
    }

    async fn guarded<T>(&self, handler: impl Future<Output = T>) -> Result<T, StepError> {
        let pulse = self.call.pulse.clone();
        let _listed = self
            .pipeline
            .running
            .begin(self.command, pulse, self.pipeline.ledger.now());
        let settings = self.lane.operation.settings;
        let limits = Limits {
            start_to_close: self
                .command
                .start_to_close
                .unwrap_or(settings.start_to_close),
            heartbeat: self.command.heartbeat,
            pulse: &self.call.pulse,
            cancellation: &self.call.cancellation,
        };
        guard(&limits, handler).await
    }

    /// Finds out what became of an action, and makes sure that it cannot happen later. Without a
    /// handler the action is transactional, and nothing can be in doubt.
    async fn settle(&self, handler: Option<&dyn Handler>) -> Ended {
        let pipeline = self.pipeline;
        let _counted = pipeline.held.claim();
        let asked = || pipeline.ledger.settle(&pipeline.worker, &self.ask);
        let found = retrying(&pipeline.stop, &pipeline.observer, asked).await?;
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
        let mut transaction = match retrying(&pipeline.stop, &pipeline.observer, begin).await? {
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
        failpoint::reached("worker.before_effect");
        let answer = self.run(handler.run(&self.call, &mut *transaction)).await;
        failpoint::reached("worker.after_effect");
        Ok(match answer {
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
            Err(error) => Ending::attempt_failed(bounded(error), None, transaction.abandon().await),
        })
    }

    async fn commit(&self, transaction: Box<dyn LedgerTransaction>, result: Stored) -> Ending {
        let committed = transaction.commit(&result).await;
        failpoint::reached("worker.after_commit");
        match committed {
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
        failpoint::reached("worker.after_record");
        Ok(match recording {
            // The second: it happened although it was settled as never having happened. The
            // answer says so, and the orchestrator raises the alarm.
            Recording::Recorded(recorded) | Recording::Fenced(Some(Stored::Blocked), recorded) => {
                Ending::replay(self.call.op, stored, recorded)
            }
            Recording::Fenced(Some(other), recorded) => {
                Ending::replay(self.call.op, other, recorded)
            }
            Recording::Fenced(None, recorded) => self.fenced(recorded),
        })
    }

    /// Gives a claim up without a result: whoever asks next takes it over.
    async fn release(&self, claim: Claim, error: StepError, after: Option<Duration>) -> Ended {
        let error = bounded(error);
        let recording = self.record(claim, Outcome::Released(error.clone())).await?;
        Ok(match recording {
            Recording::Recorded(recorded) => Ending::attempt_failed(error, after, recorded),
            Recording::Fenced(Some(other), recorded) => {
                Ending::replay(self.call.op, other, recorded)
            }
            Recording::Fenced(None, recorded) => self.fenced(recorded),
        })
    }

    /// Somebody else has taken the claim over and is at it. Whoever asked for the action hears
    /// from them; a question what became of it is asked again.
    fn fenced(&self, recorded: Recorded) -> Ending {
        match self.call.op {
            Op::Action | Op::Compensate => Ending::Reply(ReplyOutcome::Fenced, recorded),
            Op::Settle => {
                let error = StepError::new("fenced", "another worker has taken the claim over");
                Ending::attempt_failed(error, None, recorded)
            }
        }
    }

    async fn record(&self, claim: Claim, outcome: Outcome) -> Result<Recording, Arc<LedgerError>> {
        let closing = Closing { claim, outcome };
        let (recording, answering) = self.pipeline.closings.submit(closing).await?;
        let _first = self.answering.set(answering);
        Ok(recording)
    }
}

/// The effect is outside and done, whatever the size of its output.
fn applied(output: Value) -> Stored {
    Stored::Applied(fitting(output))
}
