//! One delivery's life: decode, verdict, claim, handler, record, reply confirmed, acknowledge.

use std::sync::Arc;

use broker::broker::{Broker, Delivery};
use broker::envelope::command::{self, CommandEnvelope};
use broker::envelope::replies::ReplyItem;
use broker::topology::Topology;
use futures_util::FutureExt;
use saga_core::delivery::on_arrival;
use saga_core::ids::ActionName;
use saga_core::input::{self, ReplyOutcome};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::answer::Ending;
use super::arrivals::{Arrival, Arrivals};
use super::batcher::Batcher;
use super::held::Held;
use super::postponer::Postponer;
use super::replier::{Replier, Reply};
use super::run::Run;
use crate::ledger::{
    Ask, Barred, Barrier, Closing, Found, Ledger, LedgerKey, Note, Recorded, Recording, WorkerId,
};
use crate::limits::CallEnd;
use crate::observer::Observer;
use crate::operation::Lane;
use crate::running::Running;

/// What every delivery of a worker passes through.
pub(crate) struct Pipeline {
    pub(super) worker: WorkerId,
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) claims: Batcher<Ask, Found>,
    pub(super) barriers: Batcher<Barrier, Barred>,
    /// With what is recorded comes the duty to answer at once.
    pub(super) closings: Batcher<Closing, (Recording, Arrival)>,
    pub(super) notes: Batcher<Note, (Recording, Arrival)>,
    pub(super) held: Held,
    pub(super) running: Running,
    pub(super) observer: Observer,
    pub(super) stop: CancellationToken,
    arrivals: Arrivals,
    replier: Replier,
    postponer: Postponer,
}

/// Whose pipeline it is.
pub(crate) struct Identity {
    /// This run of the process.
    pub(crate) worker: WorkerId,
    /// Which build of the service it is.
    pub(crate) build: String,
}

impl Pipeline {
    /// `stop` ends what cannot be finished: the waiting for a ledger or a broker that is away, and
    /// the calls that are still running.
    pub(crate) fn start(
        Identity { worker, build }: Identity,
        (broker, topology): (Arc<dyn Broker>, Topology),
        ledger: Arc<dyn Ledger>,
        observer: Observer,
        stop: CancellationToken,
    ) -> Self {
        let (arrivals, answers) = (Arrivals::default(), Arrivals::default());
        let to = (ledger.clone(), worker.clone());
        let claims = Batcher::start(
            (stop.clone(), observer.clone(), arrivals.clone()),
            |ask: &Ask| ask.key.saga,
            move |asks: Arc<Vec<Ask>>| {
                let (ledger, worker) = to.clone();
                async move { ledger.claim(&worker, &asks).await }.boxed()
            },
        );
        let to = (ledger.clone(), worker.clone());
        let barriers = Batcher::start(
            (stop.clone(), observer.clone(), arrivals.clone()),
            |barrier: &Barrier| barrier.action.saga,
            move |barriers: Arc<Vec<Barrier>>| {
                let (ledger, worker) = to.clone();
                async move { ledger.bar(&worker, &barriers).await }.boxed()
            },
        );
        let to = (ledger.clone(), worker.clone(), answers.clone());
        let closings = Batcher::start(
            (stop.clone(), observer.clone(), arrivals.clone()),
            |closing: &Closing| closing.claim.key.saga,
            move |closings: Arc<Vec<Closing>>| {
                let (ledger, worker, answers) = to.clone();
                async move {
                    let recorded = ledger.close(&worker, &closings).await?;
                    Ok(answers.with(recorded))
                }
                .boxed()
            },
        );
        let to = (ledger.clone(), worker.clone(), answers.clone());
        let notes = Batcher::start(
            (stop.clone(), observer.clone(), arrivals.clone()),
            |note: &Note| note.ask.key.saga,
            move |notes: Arc<Vec<Note>>| {
                let (ledger, worker, answers) = to.clone();
                async move {
                    let recorded = ledger.note(&worker, &notes).await?;
                    Ok(answers.with(recorded))
                }
                .boxed()
            },
        );
        let replier = Replier::start(broker.clone(), build, answers, stop.clone());
        let postponer = Postponer::new(broker, topology);
        let held = Held::new();
        Self {
            worker,
            ledger,
            claims,
            barriers,
            closings,
            notes,
            replier,
            postponer,
            held,
            running: Running::new(),
            observer,
            stop,
            arrivals,
        }
    }

    /// A command has come that is going to be [carried out](Arrival::carry_out).
    pub(crate) fn come(&self) -> Arrival {
        self.arrivals.come()
    }

    /// The calls that run now.
    pub(crate) const fn running(&self) -> &Running {
        &self.running
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
    /// Returns how the call ended that it led to.
    pub(crate) async fn execute(&self, lane: &Lane, delivery: Delivery) -> CallEnd {
        let Delivery { message, receipt } = delivery;
        let command = match command::decode(&message) {
            Ok(command) => command,
            Err(error) => {
                tracing::error!(
                    message.id = message.properties.message_id,
                    error = &error as &dyn std::error::Error,
                    "a message is no command; it goes to the dead letters"
                );
                receipt.dead_letter();
                return CallEnd::NoCall;
            }
        };
        let (ending, end, _answering) = Box::pin(self.carry_out(lane, &command)).await;
        match ending {
            Ending::Reply(outcome, recorded) => {
                if end != CallEnd::NoCall {
                    lane.metrics.attempt(outcome.as_str());
                }
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
                self.postpone(&lane.action, Delivery { message, receipt })
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
        end
    }

    /// Sends a delivery round by a rung, so that it comes again soon, here or elsewhere. Unlike
    /// one that is given back to its queue, it does not come closer to the delivery limit by it.
    pub(crate) async fn postpone(&self, action: &ActionName, delivery: Delivery) {
        let Delivery { message, receipt } = delivery;
        self.postponer
            .postpone(action, message, receipt, &self.stop)
            .await;
    }

    async fn carry_out(
        &self,
        lane: &Lane,
        command: &CommandEnvelope,
    ) -> (Ending, CallEnd, Option<Arrival>) {
        let (asked, served) = ((&command.action, command.op), (&lane.action, lane.op));
        let now = self.ledger.now();
        if let Some(verdict) = on_arrival(asked, served, command.deadline, now) {
            let ending = Ending::without_call(verdict, Recorded::nothing_to_record());
            return (ending, CallEnd::NoCall, None);
        }
        let ask = Ask {
            key: LedgerKey::of(command),
            attempt: command.attempt,
        };
        let Some(_held) = self.held.take(&ask.key) else {
            return (Ending::Busy, CallEnd::NoCall, None);
        };
        let (ended, end, answering) = Run::new(self, lane, command, ask).carry_out().await;
        let ending = ended.unwrap_or_else(|error| {
            if error.is_transient() {
                return Ending::Stopped;
            }
            tracing::error!(
                error = &*error as &dyn std::error::Error,
                "the ledger refuses a key"
            );
            Ending::Reject("the ledger refuses it")
        });
        (ending, end, answering)
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
