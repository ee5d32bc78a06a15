//! Stores what was judged, and only then sends, acknowledges and answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use saga_core::decision::Verdict;
use saga_core::ids::SagaId;
use saga_core::input::Input;
use saga_core::time::Timestamp;
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::cache::Known;
use super::fold::Folded;
use super::group::{Group, Pending};
use super::handle::{StartError, Started};
use super::job::{Done, Job};
use super::lane::{Judged, Lane, Occurrence};
use super::operate::{self, OperateError};
use crate::letters;
use crate::store::{Batch, CommitReport, Committed, SagaOutcome, Transition};

/// Confirmed outbox rows deleted with one batch, at most.
const CONFIRMED_MAX: usize = 4096;

/// After losing the compare-and-set this often, the saga is locked while it is judged.
const LOST_BEFORE_LOCKING: u32 = 2;

impl Lane {
    /// Writes everything that was judged in one statement; what could not be written goes back to
    /// `pending`.
    pub(super) async fn store_and_tell(&mut self, mut judged: Vec<Judged>, pending: &mut Pending) {
        let mut batch = Batch {
            transitions: judged
                .iter_mut()
                .filter_map(|one| one.folded.transition.take())
                .collect(),
            confirmed: Vec::new(),
            dead_letters: judged
                .iter()
                .flat_map(|one| &one.group.jobs)
                .filter_map(|job| job.letter.clone())
                .collect(),
        };
        let mut report = CommitReport::default();
        if !batch.transitions.is_empty() || !batch.dead_letters.is_empty() {
            batch.confirmed = self.shared.outbox.take_confirmed(CONFIRMED_MAX);
            let Some(stored) = self.commit(&batch).await else {
                return;
            };
            report = stored;
        }
        self.send(&mut batch.transitions, &report);
        let written = batch.transitions.into_iter();
        let mut written: BTreeMap<SagaId, Transition> = written
            .map(|transition| (transition.saga.id, transition))
            .collect();
        let mut rearm = Vec::new();
        for mut one in judged {
            one.folded.transition = written.remove(&one.group.saga);
            self.conclude(one, &report, pending, &mut rearm).await;
        }
        self.rearm(&rearm).await;
    }

    pub(super) async fn commit(&self, batch: &Batch) -> Option<CommitReport> {
        let began = Instant::now();
        let store = Arc::clone(&self.shared.store);
        let lost_answers = self.shared.metrics.store_errors.get();
        failpoint::reached("orchestrator.before_commit");
        let report = self.persist(|| store.commit(batch)).await;
        failpoint::reached("orchestrator.after_commit");
        if self.shared.metrics.store_errors.get() != lost_answers {
            self.shared.outbox.look_in_store();
        }
        match &report {
            Some(_) => self
                .shared
                .metrics
                .commit_seconds
                .observe(began.elapsed().as_secs_f64()),
            None => self.shared.outbox.give_back(&batch.confirmed),
        }
        report
    }

    /// Sends what is stored, all at once: offered saga by saga, each message would go alone.
    pub(super) fn send(&self, transitions: &mut [Transition], report: &CommitReport) {
        let stored = transitions.iter_mut().filter(|transition| {
            let outcome = report.outcome(transition.saga.id);
            matches!(outcome, Some(SagaOutcome::Committed(_)))
        });
        let messages = stored.flat_map(|transition| std::mem::take(&mut transition.outbox));
        self.shared.outbox.offer(messages.collect());
    }

    pub(super) async fn conclude(
        &mut self,
        one: Judged,
        report: &CommitReport,
        pending: &mut Pending,
        rearm: &mut Vec<(SagaId, u64, Option<Timestamp>)>,
    ) {
        let Judged {
            mut group,
            folded,
            fresh,
            definition,
        } = one;
        let Some(transition) = &folded.transition else {
            self.conclude_ignored(group, &folded, fresh, pending, rearm)
                .await;
            return;
        };
        match report.outcome(group.saga) {
            Some(SagaOutcome::Committed(proof)) => {
                self.count(&folded);
                if group.jobs.iter().any(|job| matches!(job.done, Done::Timer)) {
                    rearm.push((group.saga, transition.saga.version, folded.wake_at));
                }
                self.remember(transition, &folded);
                self.settle(group, *proof, true, &folded.verdicts).await;
            }
            Some(SagaOutcome::KeyTaken(holder)) => {
                let taken = (*holder, report.proof());
                self.key_taken(group, &definition, taken, pending).await;
            }
            Some(SagaOutcome::Poisoned(why)) => self.isolate(group, why, pending),
            Some(SagaOutcome::Conflict) | None => {
                self.shared.metrics.conflicts.inc();
                self.rivals.meet(Instant::now());
                group.lost += 1;
                group.read = true;
                if group.lost > LOST_BEFORE_LOCKING {
                    self.rivals.contest(group.saga, Instant::now());
                    self.judge_locked(group, pending).await;
                } else {
                    pending.push(group);
                }
            }
        }
    }

    /// Every input was ignored. That may be told only on proof that the state it was judged on is
    /// the stored one.
    async fn conclude_ignored(
        &mut self,
        mut group: Group,
        folded: &Folded,
        proof: Option<Committed>,
        pending: &mut Pending,
        rearm: &mut Vec<(SagaId, u64, Option<Timestamp>)>,
    ) {
        if group.jobs.iter().all(|job| matches!(job.done, Done::Timer)) {
            self.count(folded);
            rearm.push((group.saga, folded.judged, folded.wake_at));
            return;
        }
        match proof {
            Some(proof) => {
                self.count(folded);
                self.settle(group, proof, true, &folded.verdicts).await;
            }
            None => {
                group.read = true;
                pending.push(group);
            }
        }
    }

    /// Keeps the new state for the next input, and lets whoever waits know.
    fn remember(&mut self, transition: &Transition, folded: &Folded) {
        let saga = &transition.saga;
        self.show(transition);
        if let Some(at) = transition.wake_at {
            self.shared.timers.note(at);
        }
        if saga.phase.is_closed() {
            self.cache.forget(saga.id);
            if let Some(open) = &self.shared.open_sagas {
                open.ended();
            }
            self.shared
                .metrics
                .closed(&saga.definition.name, saga.status());
        } else {
            let mut values = folded.values.clone();
            values.forget_looked_up();
            let known = Known {
                saga: Arc::clone(saga),
                values,
            };
            self.cache.put(saga.id, known);
        }
        let mut listed = saga.steps.listed().values();
        let resting = saga.pause.is_some() || !listed.any(|step| step.work.is_some());
        if saga.phase.is_closed() || resting {
            self.shared.closings.announce(saga);
        }
    }

    /// Lets whoever watches see what is stored.
    fn show(&self, transition: &Transition) {
        if self.shared.feed.receiver_count() == 0 {
            return;
        }
        for event in &transition.events {
            let (saga, definition) = (transition.saga.id, transition.saga.definition.clone());
            let shown = Occurrence {
                saga,
                definition,
                event: event.clone(),
            };
            let _nobody_watches_any_more = self.shared.feed.send(shown);
        }
    }

    /// Tells everyone who waited for these inputs; there are no verdicts when there was no saga.
    async fn settle(&self, group: Group, proof: Committed, created: bool, verdicts: &[Verdict]) {
        for (index, job) in group.jobs.into_iter().enumerate() {
            match job.done {
                Done::Nobody | Done::Timer => {}
                Done::Operator(tell) => {
                    let answer = operate::answer(group.saga, verdicts.get(index), proof);
                    let _nobody_waits_any_more = tell.send(answer);
                }
                Done::Delivery(inflight) => inflight.settle(proof).await,
                Done::Start(_) => {
                    let Some(definition) = job.definition else {
                        continue;
                    };
                    let definition = definition.reference.clone();
                    self.shared
                        .metrics
                        .started
                        .with_label_values(&[&*definition.name])
                        .inc();
                    answer(
                        job.done,
                        Ok((
                            Started {
                                saga: group.saga,
                                definition,
                                created,
                            },
                            proof,
                        )),
                    );
                }
            }
        }
    }

    /// The database cannot hold what these inputs say. Alone, each shows whether it is the one; the
    /// offender is kept for people and its saga parked.
    fn isolate(&self, group: Group, why: &str, pending: &mut Pending) {
        let saga = group.saga;
        if group.jobs.len() > 1 {
            for job in group.jobs {
                pending.push(Group {
                    read: true,
                    ..Group::new(saga, vec![job])
                });
            }
            return;
        }
        for job in group.jobs {
            if let Done::Start(_) = job.done {
                answer(job.done, Err(StartError::Unstorable(why.to_owned())));
                continue;
            }
            if let Done::Operator(tell) = job.done {
                let _nobody_waits_any_more =
                    tell.send(Err(OperateError::Unstorable(why.to_owned())));
                continue;
            }
            error!(saga.id = %saga, error = why, "an input cannot be stored; the saga is parked");
            let letter = letters::unstorable(saga, &job.input, why);
            let input = Input::Park(letter.reason.clone());
            let parking = Job {
                input,
                letter: Some(letter),
                ..job
            };
            pending.push(Group {
                read: true,
                ..Group::new(saga, vec![parking])
            });
        }
    }

    /// Replies for a saga that does not exist are kept for people.
    pub(super) async fn settle_orphans(&self, group: Group, proof: Committed) {
        warn!(saga.id = %group.saga, inputs = group.jobs.len(), "inputs for an unknown saga");
        let orphans = group.jobs.iter().filter_map(|job| match &job.letter {
            Some(letter) => Some(letter.clone()),
            None => letters::orphan(group.saga, &job.input),
        });
        let batch = Batch {
            dead_letters: orphans.collect(),
            ..Batch::default()
        };
        if batch.dead_letters.is_empty() || self.commit(&batch).await.is_some() {
            self.settle(group, proof, false, &[]).await;
        }
    }

    pub(super) async fn rearm(&self, sagas: &[(SagaId, u64, Option<Timestamp>)]) {
        if sagas.is_empty() {
            return;
        }
        let store = Arc::clone(&self.shared.store);
        let _armed_or_found_by_the_scan = self.persist(|| store.rearm(sagas)).await;
        for at in sagas.iter().filter_map(|(_, _, at)| *at) {
            self.shared.timers.note(at);
        }
    }

    /// Counts verdicts that count: those of a state that turned out to be the stored one, and a timer's,
    /// which can only find nothing to do.
    fn count(&self, folded: &Folded) {
        for verdict in &folded.verdicts {
            match verdict {
                Verdict::Applied | Verdict::Refused(_) => {}
                Verdict::Ignored(reason) => {
                    self.shared
                        .metrics
                        .ignored
                        .with_label_values(&[reason.as_str()])
                        .inc();
                }
                Verdict::Illegal(why) => {
                    self.shared.metrics.illegal.inc();
                    error!(error = why, "an input was illegal; its saga is parked");
                }
            }
        }
    }
}

pub(super) fn answer(done: Done, answer: Result<(Started, Committed), StartError>) {
    if let Done::Start(tell) = done
        && tell.send(answer).is_err()
    {
        info!("whoever started a saga did not wait for the answer");
    }
}
