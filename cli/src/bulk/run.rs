//! Does the same to many sagas: at a rate, until it is done or somebody wants it to stop.

use std::collections::BTreeMap;
use std::time::Duration;

use orchestrator::http::{OperatedView, Problem};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep};

use super::confirm::confirm;
use super::pace::Pace;
use super::progress::Progress;
use super::report::{Fate, Report, SagaResult, sagas};
use super::selection::{Item, Selection};
use crate::args::Format;
use crate::client::{Client, encode_query};
use crate::failure::{Failure, Outcome};
use crate::filter_args::{ManyArgs, Query};
use crate::output;
use crate::signals::asked_to_stop;

/// Requests that are under way at once.
const AT_ONCE: usize = 8;

/// Counting takes at most this long before somebody is asked, or the work begins.
const COUNT_FOR: Duration = Duration::from_secs(2);

/// When it has to stop, answers are waited for so long.
const LAST_ANSWERS: Duration = Duration::from_secs(10);

/// What is done, in two words.
#[derive(Debug, Clone, Copy)]
pub struct Verb {
    /// As it is typed: `pause`.
    pub word: &'static str,
    /// What the saga is then: `paused`.
    pub done: &'static str,
    /// The statuses in which it can make sense, for those who name none.
    pub statuses: &'static str,
    /// It is about a step: each piece of it that fits is asked for by itself.
    pub of_pieces: bool,
}

impl Verb {
    /// A verb about sagas as a whole.
    #[must_use]
    pub const fn of_sagas(word: &'static str, done: &'static str, statuses: &'static str) -> Self {
        Self {
            word,
            done,
            statuses,
            of_pieces: false,
        }
    }

    /// A verb about the pieces of a step.
    #[must_use]
    pub const fn of_pieces(word: &'static str, done: &'static str, statuses: &'static str) -> Self {
        Self {
            of_pieces: true,
            ..Self::of_sagas(word, done, statuses)
        }
    }
}

/// What is sent for one saga.
#[derive(Debug)]
pub struct Request {
    /// The path, without a query.
    pub path: String,
    /// The body.
    pub body: Vec<u8>,
}

/// One command about many sagas.
#[derive(Debug)]
pub struct Bulk<'a> {
    /// The API.
    pub client: Client,
    /// What is done.
    pub verb: Verb,
    /// Which sagas are meant.
    pub query: Query,
    /// How it is done.
    pub many: &'a ManyArgs,
    /// How it is reported.
    pub format: Format,
    /// With `--dry-run` the orchestrator is asked about each, and does nothing.
    pub asks_when_dry: bool,
}

impl Bulk<'_> {
    /// Finds the sagas, asks, does it, and reports. `request` is given the saga's id and the piece
    /// of the step, which is empty for a verb that is not about pieces.
    ///
    /// # Errors
    /// When not all of it was done; see [`Report::verdict`].
    pub async fn run(&self, request: impl Fn(&str, &str) -> Request) -> Outcome {
        let mut query = self.query.clone();
        if query.iter().all(|(name, _)| *name != "status") {
            query.push(("status", self.verb.statuses.to_owned()));
        }
        let limit = usize::try_from(self.many.limit).unwrap_or(usize::MAX);
        let mut selection = Selection::new(&self.client, query.clone(), self.verb.of_pieces, limit);
        selection.look_ahead(COUNT_FOR).await?;
        if !self.many.dry_run && selection.ahead() > 0 {
            let count = sagas(selection.ahead());
            let more = if selection.is_complete() {
                ""
            } else {
                " so far, and those that are still found"
            };
            let what = format!("{} {count}{more}", self.verb.word);
            confirm(what, self.many.yes).await?;
        }
        let mut work = Work {
            bulk: self,
            guard: encode_query(&query),
            selection,
            under_way: JoinSet::new(),
            waiting: BTreeMap::new(),
            sent: 0,
            report: Report::new(self.verb, self.many.dry_run),
            progress: Progress::new(),
        };
        work.run(&request).await?;
        let report = work.end();
        if self.format != Format::Jsonl {
            output::document(self.format, &report, |wide| report.told(self.verb, wide))?;
        }
        report.verdict()
    }
}

/// The answer to the request of that number; an error when there was none.
type Answer = (usize, Result<Result<OperatedView, Problem>, Failure>);

struct Work<'a> {
    bulk: &'a Bulk<'a>,
    /// Makes the orchestrator refuse a saga that is not as the filters say any more.
    guard: String,
    selection: Selection<'a>,
    under_way: JoinSet<Answer>,
    /// What has no answer yet, by the number of its request.
    waiting: BTreeMap<usize, Item>,
    sent: usize,
    report: Report,
    progress: Progress,
}

impl Work<'_> {
    /// Begins while there is room, takes answers as they come, and stops when it must. What has
    /// been sent then may still be answered.
    async fn run(&mut self, request: &impl Fn(&str, &str) -> Request) -> Outcome {
        let mut pace = Pace::new(self.bulk.many.rate);
        let mut asked = std::pin::pin!(asked_to_stop());
        let mut patience = std::pin::pin!(sleep(Duration::ZERO));
        let mut all_begun = false;
        loop {
            let stopped = self.report.stopped.is_some();
            if self.under_way.is_empty() && (all_begun || stopped) {
                return Ok(());
            }
            let room = !all_begun && !stopped && self.under_way.len() < AT_ONCE;
            tokio::select! {
                biased;
                told = &mut asked, if !stopped => {
                    told?;
                    self.report.stopped = Some("somebody asked for it".to_owned());
                }
                () = &mut patience, if stopped => return Ok(()),
                Some(answer) = self.under_way.join_next() => self.take(answer)?,
                next = begin(&mut self.selection, &mut pace), if room => match next {
                    Ok(Some(item)) => self.send(item, request)?,
                    Ok(None) => all_begun = true,
                    Err(failure) => self.report.stopped = Some(failure.message().to_owned()),
                },
            }
            if !stopped && self.report.stopped.is_some() {
                patience.as_mut().reset(Instant::now() + LAST_ANSWERS);
            }
        }
    }

    fn send(&mut self, item: Item, request: &impl Fn(&str, &str) -> Request) -> Outcome {
        if self.bulk.many.dry_run && !self.bulk.asks_when_dry {
            return self.note(SagaResult::new(item, Fate::Would));
        }
        let Request { path, body } = request(&item.id, item.piece.as_deref().unwrap_or_default());
        let path = format!("{path}?{}", self.guard);
        let number = self.sent;
        self.sent += 1;
        let client = self.bulk.client.clone();
        self.under_way
            .spawn(async move { (number, client.try_post(&path, body).await) });
        self.waiting.insert(number, item);
        Ok(())
    }

    /// A task that broke leaves its saga among those without an answer.
    fn take(&mut self, answer: Result<Answer, JoinError>) -> Outcome {
        let Ok((number, answer)) = answer else {
            return Ok(());
        };
        let Some(item) = self.waiting.remove(&number) else {
            return Ok(());
        };
        match answer {
            Ok(Ok(view)) => {
                let fate = if self.bulk.many.dry_run {
                    Fate::Would
                } else {
                    Fate::Done
                };
                let status = view.status;
                self.note(SagaResult::new(Item { status, ..item }, fate))
            }
            // Each one that is denied leaves a record, and the others would be denied as well.
            Ok(Err(problem)) if problem.is_denial() => {
                let why = problem.detail.clone().into_string();
                self.report.stopped.get_or_insert(why);
                self.report.denied = true;
                self.note(SagaResult::refused(item, problem))
            }
            Ok(Err(problem)) if problem.status < 500 => {
                self.note(SagaResult::refused(item, problem))
            }
            Ok(Err(problem)) => {
                let why = problem.detail.into_string();
                self.report.stopped.get_or_insert(why);
                self.note(SagaResult::new(item, Fate::Unanswered))
            }
            Err(failure) => {
                let message = failure.message().to_owned();
                self.report.stopped.get_or_insert(message);
                if failure.is_unsent() {
                    self.report.not_tried += 1;
                    return Ok(());
                }
                self.note(SagaResult::new(item, Fate::Unanswered))
            }
        }
    }

    fn note(&mut self, result: SagaResult) -> Outcome {
        if self.bulk.format == Format::Jsonl {
            self.progress.clear();
            output::one_of_many(Format::Jsonl, &result, |_| String::new())?;
        }
        self.report.add(result);
        let tried = self.report.tried();
        let known = self.selection.is_complete();
        let of = known.then(|| tried + self.waiting.len() + self.selection.ahead());
        self.progress.note(tried, of, self.report.refused);
        Ok(())
    }

    /// What is left without an answer, or was never tried, is reported as well.
    fn end(mut self) -> Report {
        self.progress.clear();
        for (_, item) in std::mem::take(&mut self.waiting) {
            self.report.add(SagaResult::new(item, Fate::Unanswered));
        }
        let order = |one: &SagaResult| (std::cmp::Reverse(one.id.clone()), one.step.clone());
        self.report.sagas.sort_by_cached_key(order);
        self.report.not_tried += self.selection.ahead();
        self.report.more = self.selection.has_more() || !self.selection.is_complete();
        self.report
    }
}

/// The next saga, when it is time for it. Nothing is lost when this is dropped before it returns.
async fn begin(selection: &mut Selection<'_>, pace: &mut Pace) -> Result<Option<Item>, Failure> {
    pace.next().await;
    selection.next().await
}
