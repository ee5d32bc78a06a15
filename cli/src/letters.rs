//! Replays or drops many letters: in a ramp, at a rate, and reported one by one.

use std::collections::BTreeSet;
use std::time::Duration;

use orchestrator::http::{HandleBody, LetterPageView, Problem, ReplayedView, SagaView};
use saga_core::saga::StepStatus;
use saga_core::time::Timestamp;
use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::bulk::Pace;
use crate::client::{Client, encode_query};
use crate::failure::Failure;
use crate::ramp;
use crate::signals::asked_to_stop;

/// Letters of one command, at most.
const LETTERS_MAX: usize = 100_000;

/// Rows of a page when every letter of a cause is looked up.
const PAGE_ROWS: usize = 1_000;

/// Sagas are looked at again after this, while one waits for what becomes of them.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// What becomes of letters, and how fast.
#[derive(Debug)]
pub struct Batch<'a> {
    /// The API.
    pub client: &'a Client,
    /// `replay` or `drop`.
    pub verb: &'static str,
    /// What is sent for each.
    pub body: HandleBody,
    /// Letters a second, at most.
    pub rate: Option<u32>,
    /// How long each step of a ramp is watched; without it there is no ramp.
    pub watch: Option<Duration>,
}

/// What is told while it happens.
#[derive(Debug)]
pub enum Told<'a> {
    /// What became of a letter.
    Letter(&'a LetterResult),
    /// A step of the ramp was watched: what became of all letters so far, and how many there are.
    Step(&'a Report, usize),
}

/// What became of all letters.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// One by one, in the order in which they were handled.
    pub letters: Vec<LetterResult>,
    /// Handled, or would be.
    pub done: usize,
    /// Handled by somebody else, or along with another letter of the same command, or would be.
    pub already: usize,
    /// Refused, with the reason.
    pub refused: usize,
    /// Replayed, and failed again while that was watched.
    pub failed_again: usize,
    /// Not tried, because too many had failed again or the orchestrator was gone.
    pub not_tried: usize,
    /// Why not all were tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
}

/// What became of one letter.
#[derive(Debug, Clone, Serialize)]
pub struct LetterResult {
    /// Which.
    pub id: String,
    /// `resent`, `retried`, `applied`, `dropped`, `already`, `refused`, `missing`.
    pub result: String,
    /// The saga that was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saga: Option<String>,
    /// The step that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// It has failed again since.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub failed_again: bool,
    /// Letters that would be handled with it.
    #[serde(skip)]
    along: BTreeSet<String>,
    #[serde(skip)]
    at: Option<Timestamp>,
    /// Whoever asked may not.
    #[serde(skip)]
    denied: bool,
}

/// Every letter of a cause that nobody has handled, the oldest first.
pub async fn of_cause(client: &Client, fingerprint: &str) -> Result<Vec<String>, Failure> {
    let mut ids = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut query = vec![
            ("fingerprint", fingerprint.to_owned()),
            ("limit", PAGE_ROWS.to_string()),
        ];
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        let path = format!("/v1/dead-letters?{}", encode_query(&query));
        let page: LetterPageView = client.get(&path).await?;
        ids.extend(page.letters.iter().map(|letter| letter.id.to_string()));
        cursor = page.next_cursor;
        if cursor.is_none() || ids.len() >= LETTERS_MAX {
            ids.reverse();
            return Ok(ids);
        }
    }
}

impl Batch<'_> {
    /// Handles them all, or up to where it has to stop.
    pub async fn run(&self, ids: &[String], mut told: impl FnMut(Told<'_>)) -> Report {
        let mut report = Report::default();
        let mut rest = ids;
        let mut steps = ramp::steps();
        let mut pace = Pace::new(self.rate);
        let mut asked = std::pin::pin!(asked_to_stop());
        // A dry run handles nothing, so the orchestrator does not know of one letter's turn what
        // became of the others.
        let mut along = BTreeSet::new();
        while !rest.is_empty() {
            let size = match self.watch {
                Some(_) => steps.next().unwrap_or(rest.len()).min(rest.len()),
                None => rest.len(),
            };
            let (step, after) = rest.split_at(size);
            let begun = report.letters.len();
            for id in step {
                let handled = tokio::select! {
                    biased;
                    asked = &mut asked => asked.and(Err(Failure::error("somebody asked for it"))),
                    // What has been sent is waited for.
                    () = pace.next() => self.handle(id).await,
                };
                match handled {
                    Ok(mut result) => {
                        result.go_along(&mut along);
                        told(Told::Letter(&result));
                        let denied = result.is_denied();
                        report.add(result);
                        let left = ids.len() - report.letters.len();
                        // Each one leaves a record, and the others would be denied as well.
                        if denied && left > 0 {
                            report.stopped = Some("the others would be refused as well".to_owned());
                            report.not_tried = left;
                            return report;
                        }
                    }
                    Err(error) => {
                        report.stopped = Some(error.message().to_owned());
                        report.not_tried = ids.len() - report.letters.len();
                        return report;
                    }
                }
            }
            rest = after;
            if let Some(watch) = self.watch {
                let this_step = report.letters.get_mut(begun..).unwrap_or_default();
                let (replayed, failed) = tokio::select! {
                    watched = self.look_after(this_step, watch) => watched,
                    _asked = &mut asked => {
                        report.stopped = Some("somebody asked for it".to_owned());
                        report.not_tried = rest.len();
                        return report;
                    }
                };
                report.failed_again += failed;
                told(Told::Step(&report, ids.len()));
                if ramp::must_stop(replayed, failed) {
                    report.stopped = Some(format!("{failed} of {replayed} failed again"));
                    report.not_tried = rest.len();
                    return report;
                }
            }
        }
        report
    }

    async fn handle(&self, id: &str) -> Result<LetterResult, Failure> {
        let body = serde_json::to_vec(&self.body)
            .map_err(|error| Failure::because("the request cannot be made", &error))?;
        let path = format!("/v1/dead-letters/{id}/{}", self.verb);
        let answer = self.client.try_post::<ReplayedView>(&path, body).await?;
        match answer {
            Ok(view) => Ok(LetterResult::done(id, view)),
            Err(problem) if problem.status < 500 => Ok(LetterResult::refused(id, problem)),
            Err(problem) => Err(Failure::error(problem.detail)),
        }
    }

    /// Waits for what becomes of letters that were replayed; returns how many those are, and how
    /// many have failed again.
    async fn look_after(&self, step: &mut [LetterResult], watch: Duration) -> (usize, usize) {
        let until = Instant::now() + watch;
        let mut open: Vec<&mut LetterResult> = step
            .iter_mut()
            .filter(|one| one.saga.is_some() && one.step.is_some() && one.at.is_some())
            .collect();
        let (replayed, mut failed) = (open.len(), 0);
        while !open.is_empty() {
            let mut still = Vec::new();
            for one in open {
                match self.fate(one).await {
                    Some(failed_again) => {
                        one.failed_again = failed_again;
                        failed += usize::from(failed_again);
                    }
                    None => still.push(one),
                }
            }
            open = still;
            if Instant::now() >= until {
                break;
            }
            if !open.is_empty() {
                sleep(LOOK_AGAIN_AFTER).await;
            }
        }
        (replayed, failed)
    }

    /// Whether it has failed again; `None` while that cannot be told.
    async fn fate(&self, one: &LetterResult) -> Option<bool> {
        let (saga, step, at) = (one.saga.as_ref()?, one.step.as_ref()?, one.at?);
        let query = [
            ("saga", saga.clone()),
            ("since", at.to_string()),
            ("limit", "1".to_owned()),
        ];
        let path = format!("/v1/dead-letters?{}", encode_query(&query));
        let newer: LetterPageView = self.client.get(&path).await.ok()?;
        if !newer.letters.is_empty() {
            return Some(true);
        }
        let view: SagaView = self.client.get(&format!("/v1/sagas/{saga}")).await.ok()?;
        let found = view.steps.iter().find(|it| it.step == *step)?;
        match found.status {
            StepStatus::Failed
            | StepStatus::CompensationFailed
            | StepStatus::OutcomeUnknown
            | StepStatus::NeverHappened => Some(true),
            StepStatus::Succeeded | StepStatus::Skipped | StepStatus::Compensated => Some(false),
            StepStatus::Pending
            | StepStatus::Waiting
            | StepStatus::Scheduled
            | StepStatus::BackingOff
            | StepStatus::Settling
            | StepStatus::Compensating => None,
        }
    }
}

impl Report {
    fn add(&mut self, result: LetterResult) {
        match result.result.as_str() {
            _ if result.is_refused() => self.refused += 1,
            "already" => self.already += 1,
            _ => self.done += 1,
        }
        self.letters.push(result);
    }
}

impl LetterResult {
    /// Whoever asked may not.
    #[must_use]
    pub const fn is_denied(&self) -> bool {
        self.denied
    }

    /// Nothing was done about it, and it is still open, or there is none.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.result == "refused" || self.is_missing()
    }

    /// There is no such letter.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.result == "missing"
    }

    fn done(id: &str, view: ReplayedView) -> Self {
        Self {
            id: id.to_owned(),
            result: view.done,
            saga: view.saga,
            step: view.step,
            detail: None,
            failed_again: false,
            along: if view.dry_run {
                view.with.iter().map(ToString::to_string).collect()
            } else {
                BTreeSet::new()
            },
            at: (!view.dry_run).then_some(view.at),
            denied: false,
        }
    }

    fn refused(id: &str, problem: Problem) -> Self {
        let result = match &*problem.code {
            "letter_handled" => "already",
            "not_found" => "missing",
            _ => "refused",
        };
        Self {
            id: id.to_owned(),
            denied: problem.is_denial(),
            result: result.to_owned(),
            saga: None,
            step: None,
            detail: Some(problem.detail.into_string()),
            failed_again: false,
            along: BTreeSet::new(),
            at: None,
        }
    }

    /// It would be handled by the time that its turn comes, or others would be with it.
    fn go_along(&mut self, along: &mut BTreeSet<String>) {
        if along.contains(&self.id) {
            self.result = "already".to_owned();
        } else {
            along.append(&mut self.along);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    /// Both letters of a command are asked about before either is handled.
    #[test]
    fn a_dry_run_counts_what_one_replay_closes_once() {
        let (one, twin, other) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
        let mut report = Report::default();
        let mut along = BTreeSet::new();
        for (id, with) in [(one, vec![twin]), (twin, vec![one]), (other, vec![])] {
            let view = ReplayedView {
                id,
                done: "resent".to_owned(),
                saga: None,
                step: None,
                with,
                at: Timestamp::from_micros(0),
                dry_run: true,
            };
            let mut result = LetterResult::done(&id.to_string(), view);
            result.go_along(&mut along);
            report.add(result);
        }
        assert_eq!((report.done, report.already), (2, 1));
        let results: Vec<_> = report.letters.iter().map(|it| it.result.as_str()).collect();
        assert_eq!(results, ["resent", "already", "resent"]);
    }
}
