//! What became of many sagas, for people and for programs.

use std::collections::BTreeMap;

use orchestrator::http::Problem;
use saga_core::saga::Status;
use serde::Serialize;

use super::run::Verb;
use super::selection::Item;
use crate::failure::{Failure, Kind, Outcome};
use crate::output;
use crate::prose::wrapped;

/// Sagas that a dry run lists, unless it may be wide: the count below them is not to scroll away.
const ROWS_MAX: usize = 20;

/// Sagas that are named for each reason, unless it may be wide.
const NAMED_MAX: usize = 3;

/// What became of all of them.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What was asked for.
    pub verb: &'static str,
    /// Nothing was done, it would be.
    pub dry_run: bool,
    /// Done, or would be.
    pub done: usize,
    /// Refused, with the reason.
    pub refused: usize,
    /// Not as the filters say any more when their turn came.
    pub passed_over: usize,
    /// Asked for, and no answer came: done or not.
    pub unanswered: usize,
    /// Found, and not tried.
    pub not_tried: usize,
    /// More may fit the filters, beyond the limit or because it stopped.
    pub more: bool,
    /// Why it stopped before the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// It stopped because whoever asks may not: every other one would be refused as well.
    #[serde(skip)]
    pub denied: bool,
    /// One by one, the newest first; with `jsonl` in the order in which the answers come.
    pub sagas: Vec<SagaResult>,
}

/// What became of one saga.
#[derive(Debug, Clone, Serialize)]
pub struct SagaResult {
    /// Which.
    pub id: String,
    /// What it runs, as name and version.
    pub definition: String,
    /// Which piece of its step, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// What became of it.
    pub result: Fate,
    /// Where it stands, as far as that was seen.
    pub status: Status,
    /// Why it was refused, in one word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The same in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What became of one saga, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is done.
    Done,
    /// It would be done.
    Would,
    /// It was refused.
    Refused,
    /// It is not as the filters say any more.
    PassedOver,
    /// No answer came.
    Unanswered,
}

impl SagaResult {
    /// Done, or asked with an answer that does not matter.
    #[must_use]
    pub fn new(item: Item, result: Fate) -> Self {
        Self {
            id: item.id,
            definition: item.definition,
            step: item.piece,
            result,
            status: item.status,
            code: None,
            detail: None,
        }
    }

    /// Refused, or not meant any more.
    #[must_use]
    pub fn refused(item: Item, problem: Problem) -> Self {
        let result = match &*problem.code {
            "not_selected" => Fate::PassedOver,
            _ => Fate::Refused,
        };
        Self {
            code: Some(problem.reason.unwrap_or(problem.code).into_string()),
            detail: Some(problem.detail.into_string()),
            ..Self::new(item, result)
        }
    }
}

impl Report {
    /// Nothing has become of anything yet.
    #[must_use]
    pub const fn new(verb: Verb, dry_run: bool) -> Self {
        Self {
            verb: verb.word,
            dry_run,
            done: 0,
            refused: 0,
            passed_over: 0,
            unanswered: 0,
            not_tried: 0,
            more: false,
            stopped: None,
            denied: false,
            sagas: Vec::new(),
        }
    }

    /// Counts one.
    pub fn add(&mut self, result: SagaResult) {
        match result.result {
            Fate::Done | Fate::Would => self.done += 1,
            Fate::Refused => self.refused += 1,
            Fate::PassedOver => self.passed_over += 1,
            Fate::Unanswered => self.unanswered += 1,
        }
        self.sagas.push(result);
    }

    /// How many have come to an end.
    #[must_use]
    pub const fn tried(&self) -> usize {
        self.done + self.refused + self.passed_over + self.unanswered
    }

    /// For people: the count, and what was refused, by reason. What would be done is named.
    #[must_use]
    pub fn told(&self, verb: Verb, wide: bool) -> String {
        let mut text = String::new();
        let named = |one: &&SagaResult| match one.result {
            Fate::Would => true,
            Fate::Done => wide,
            Fate::Refused | Fate::PassedOver | Fate::Unanswered => false,
        };
        let mut rows: Vec<Vec<String>> = self.sagas.iter().filter(named).map(row).collect();
        let hidden = match wide {
            true => 0,
            false => rows.len().saturating_sub(ROWS_MAX),
        };
        rows.truncate(rows.len() - hidden);
        if !rows.is_empty() {
            text.push_str(&output::table(&["ID", "SAGA", "STATUS", "STEP"], &rows));
        }
        if hidden > 0 {
            text.push_str(&format!("and {hidden} more, all of them with -o wide\n"));
        }
        text.push_str(&wrapped(&self.sum(verb), 0));
        for ((fate, code, detail), ids) in self.reasons() {
            let word = match fate {
                Fate::Unanswered => "unanswered",
                Fate::Refused | Fate::PassedOver | Fate::Done | Fate::Would => "refused",
            };
            text.push_str(&format!("  {} {word}: {code}\n", ids.len()));
            text.push_str(&wrapped(detail, 4));
            let shown = if wide { ids.len() } else { NAMED_MAX };
            for id in ids.iter().take(shown) {
                text.push_str(&format!("      {id}\n"));
            }
            if ids.len() > shown {
                text.push_str(&format!("      and {} more\n", ids.len() - shown));
            }
        }
        text
    }

    /// Everything in one sentence.
    fn sum(&self, verb: Verb) -> String {
        let mut text = if self.dry_run {
            format!("would {} {}", verb.word, sagas(self.done))
        } else {
            format!("{} {}", sagas(self.done), verb.done)
        };
        for (count, what) in [
            (self.refused, "refused"),
            (
                self.passed_over,
                "passed over, not as the filters say any more",
            ),
            (self.unanswered, "without an answer"),
            (self.not_tried, "not tried"),
        ] {
            if count > 0 {
                text.push_str(&format!(", {count} {what}"));
            }
        }
        if self.more {
            text.push_str("; more may fit");
        }
        text
    }

    /// The sagas that were refused or got no answer, by why.
    fn reasons(&self) -> BTreeMap<(Fate, &str, &str), Vec<String>> {
        let mut reasons: BTreeMap<_, Vec<String>> = BTreeMap::new();
        for one in &self.sagas {
            if matches!(one.result, Fate::Refused | Fate::Unanswered) {
                let code = one.code.as_deref().unwrap_or("no_answer");
                let detail = one.detail.as_deref().unwrap_or_default();
                let ids = reasons.entry((one.result, code, detail)).or_default();
                ids.push(place(one));
            }
        }
        reasons
    }

    /// Whether all of it is done.
    ///
    /// # Errors
    /// [`Kind::Partly`] when something is done and something is not, [`Kind::Refused`] when nothing
    /// is done because all of it was refused.
    pub fn verdict(&self) -> Outcome {
        let again = "the same command again goes on with what is left";
        if let Some(why) = &self.stopped {
            let kind = match self.done + self.unanswered {
                0 if self.denied => Kind::Refused,
                0 => Kind::Error,
                _ => Kind::Partly,
            };
            let rest = match self.not_tried {
                0 => String::new(),
                count => format!("; {count} not tried"),
            };
            let failure = Failure::new(kind, format!("stopped: {why}{rest}"));
            return Err(match self.denied {
                true => failure,
                false => failure.help(again),
            });
        }
        if self.unanswered > 0 {
            let refused = match self.refused {
                0 => String::new(),
                count => format!(", {count} were refused"),
            };
            let (unanswered, tried) = (self.unanswered, self.tried());
            let message = format!("{unanswered} of {tried} have no answer{refused}");
            return Err(Failure::new(Kind::Partly, message).help(again));
        }
        if self.refused == 0 {
            return match self.more {
                false => Ok(()),
                true => Err(Failure::new(Kind::Partly, "more sagas may fit").help(again)),
            };
        }
        let kind = if self.done == 0 && !self.more {
            Kind::Refused
        } else {
            Kind::Partly
        };
        let message = format!("{} of {} were refused", self.refused, self.tried());
        Err(Failure::new(kind, message))
    }
}

fn row(one: &SagaResult) -> Vec<String> {
    vec![
        one.id.clone(),
        one.definition.clone(),
        one.status.to_string(),
        one.step.clone().unwrap_or_default(),
    ]
}

fn place(one: &SagaResult) -> String {
    match &one.step {
        Some(step) => format!("{} {step}", one.id),
        None => one.id.clone(),
    }
}

/// A number of sagas.
pub(super) fn sagas(count: usize) -> String {
    match count {
        1 => "1 saga".to_owned(),
        several => format!("{several} sagas"),
    }
}

#[cfg(test)]
mod tests {
    use std::process::ExitCode;

    use super::*;

    #[test]
    fn a_saga_without_an_answer_is_no_success() {
        let mut report = Report::new(Verb::of_sagas("pause", "paused", "running"), false);
        let mut add = |fate| {
            report.add(SagaResult::new(
                Item {
                    id: "0193594e".to_owned(),
                    definition: "order 1.0.0".to_owned(),
                    status: Status::Running,
                    piece: None,
                },
                fate,
            ));
            report.verdict()
        };
        assert!(add(Fate::Done).is_ok());
        let failure = add(Fate::Unanswered).unwrap_err();
        assert_eq!(failure.exit_code(), ExitCode::from(3));
        assert_eq!(failure.message(), "1 of 2 have no answer");
        let failure = add(Fate::Refused).unwrap_err();
        assert_eq!(failure.exit_code(), ExitCode::from(3));
        assert_eq!(failure.message(), "1 of 3 have no answer, 1 were refused");
    }
}
