//! What is known, chosen and typed.

use std::collections::BTreeSet;

use crossterm::event::KeyEvent;
use orchestrator::explain::StuckReport;
use saga_core::time::Timestamp;

use super::detail::Detail;
use super::keys::{self, Ask, Verb};
use super::reading::{Reading, Seen};

/// Everything that a frame is made of.
#[derive(Debug)]
pub struct State {
    pub(super) server: String,
    pub(super) last: Option<Reading>,
    pub(super) before: Option<Reading>,
    pub(super) stuck: Option<Seen<StuckReport>>,
    /// Since when the orchestrator does not answer, and what happened then.
    pub(super) away: Option<(Timestamp, String)>,
    pub(super) view: View,
    /// The saga that is chosen in the overview: rows move with every reading, it does not.
    chosen: Option<String>,
    pub(super) prompt: Option<Prompt>,
    pub(super) notice: Option<String>,
}

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum View {
    Overview,
    Saga {
        id: String,
        seen: Option<Seen<Detail>>,
        /// Lines that have gone up.
        scrolled: usize,
    },
}

/// A reason that is being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prompt {
    pub(super) saga: String,
    pub(super) verb: Verb,
    pub(super) step: Option<String>,
    pub(super) reason: String,
}

/// A saga that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) saga: String,
    pub(super) definition: String,
    pub(super) step: Option<String>,
    /// Its cause, or its status.
    pub(super) word: String,
    pub(super) says: String,
    pub(super) is_stuck: bool,
}

impl State {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(server: &str) -> Self {
        Self {
            server: server.to_owned(),
            last: None,
            before: None,
            stuck: None,
            away: None,
            view: View::Overview,
            chosen: None,
            prompt: None,
            notice: None,
        }
    }

    /// Takes what was read, or why nothing could be.
    pub fn take(&mut self, read: Result<Reading, String>, now: Timestamp) {
        match read {
            Ok(mut reading) => {
                self.away = None;
                let place = self.place(&self.rows());
                if let Some(stuck) = reading.stuck.take() {
                    self.stuck = Some(stuck);
                }
                self.before = self.last.replace(reading);
                self.stay(place);
            }
            Err(why) => {
                let since = self.away.take().map_or(now, |(since, _)| since);
                self.away = Some((since, why));
            }
        }
    }

    /// Takes what was seen of a saga, if that is still looked at.
    pub fn take_detail(&mut self, saga: &str, found: Result<Detail, String>) {
        if let View::Saga { id, seen, .. } = &mut self.view
            && id == saga
        {
            *seen = Some(found);
        }
    }

    /// Takes what came of a change.
    pub fn take_notice(&mut self, notice: String) {
        self.notice = Some(notice);
    }

    /// Takes a key; says what is to be done outside.
    pub fn press(&mut self, key: KeyEvent) -> Option<Ask> {
        keys::press(self, key)
    }

    /// The saga that is looked into.
    #[must_use]
    pub fn looked_into(&self) -> Option<&str> {
        match &self.view {
            View::Overview => None,
            View::Saga { id, .. } => Some(id),
        }
    }

    /// The sagas that can be chosen, each once: first what is stuck, then what is open, then the
    /// rest.
    pub(super) fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut known = BTreeSet::new();
        let groups = match &self.stuck {
            Some(Ok(report)) => report.groups.as_slice(),
            Some(Err(_)) | None => &[],
        };
        for group in groups {
            for saga in &group.sagas {
                if known.insert(saga.to_string()) {
                    rows.push(Row {
                        saga: saga.to_string(),
                        definition: group.definition.clone(),
                        step: group.step.clone(),
                        word: group.cause.clone(),
                        says: group.says.clone(),
                        is_stuck: true,
                    });
                }
            }
        }
        let sagas = match &self.last {
            Some(Reading {
                sagas: Ok(sagas), ..
            }) => sagas.as_slice(),
            Some(_) | None => &[],
        };
        let (open, over): (Vec<_>, Vec<_>) = sagas.iter().partition(|saga| saga.ended_at.is_none());
        for saga in open.into_iter().chain(over) {
            if known.insert(saga.id.clone()) {
                rows.push(Row {
                    saga: saga.id.clone(),
                    definition: saga.definition.clone(),
                    step: None,
                    word: saga.status.as_str().to_owned(),
                    says: saga.key.clone().unwrap_or_default(),
                    is_stuck: false,
                });
            }
        }
        rows
    }

    /// Which of the rows is chosen.
    pub(super) fn place(&self, rows: &[Row]) -> usize {
        let chosen = self.chosen.as_ref();
        let place = rows.iter().position(|row| Some(&row.saga) == chosen);
        place.unwrap_or(0)
    }

    /// Keeps the saga that is chosen; one that is not listed any more leaves its place to another.
    /// While nothing is listed, nothing is known of it.
    fn stay(&mut self, place: usize) {
        let rows = self.rows();
        if !rows
            .iter()
            .any(|row| Some(&row.saga) == self.chosen.as_ref())
        {
            self.choose(&rows, place);
        }
    }

    /// Chooses the row at this place, or the last one before it.
    fn choose(&mut self, rows: &[Row], place: usize) {
        let row = rows.get(place).or(rows.last());
        if let Some(row) = row {
            self.chosen = Some(row.saga.clone());
        }
    }

    /// The saga that a verb is about, and the step that its cause is about.
    pub(super) fn chosen(&self) -> Option<(String, Option<String>)> {
        match &self.view {
            View::Overview => {
                let rows = self.rows();
                let place = self.place(&rows);
                let row = rows.into_iter().nth(place)?;
                Some((row.saga, row.step))
            }
            View::Saga { id, seen, .. } => {
                let step = match seen {
                    Some(Ok(detail)) => detail.step.clone(),
                    Some(Err(_)) | None => None,
                };
                Some((id.clone(), step))
            }
        }
    }

    pub(super) fn look_into(&mut self) -> Option<String> {
        let (id, _) = self.chosen()?;
        if self.view == View::Overview {
            self.view = View::Saga {
                id: id.clone(),
                seen: None,
                scrolled: 0,
            };
        }
        Some(id)
    }

    pub(super) fn step_up(&mut self, by: usize) {
        let rows = self.rows();
        match &mut self.view {
            View::Overview => self.choose(&rows, self.place(&rows).saturating_sub(by)),
            View::Saga { scrolled, .. } => *scrolled = scrolled.saturating_sub(by),
        }
    }

    pub(super) fn step_down(&mut self, by: usize) {
        let rows = self.rows();
        match &mut self.view {
            View::Overview => self.choose(&rows, self.place(&rows).saturating_add(by)),
            View::Saga { seen, scrolled, .. } => {
                let lines = match seen {
                    Some(Ok(detail)) => detail.lines.len(),
                    Some(Err(_)) | None => 0,
                };
                *scrolled = (*scrolled + by).min(lines.saturating_sub(1));
            }
        }
    }
}
