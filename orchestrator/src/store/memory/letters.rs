//! Dead letters in memory.

use std::collections::{BTreeMap, BTreeSet};

use saga_core::ids::SagaId;
use saga_core::operator::By;
use saga_core::time::Timestamp;
use uuid::Uuid;

use super::state::State;
use crate::store::{
    Handled, Handling, LetterFilter, LetterGroup, LetterPage, LetterPlace, LetterRecord,
    LetterSummary, PAGE_ROWS_MAX,
};

impl State {
    /// The twin of `dead_letters.sql`.
    pub(super) fn letters(&self, filter: &LetterFilter) -> LetterPage {
        let place = |letter: &LetterSummary| (letter.received_at, letter.id);
        let after = filter.after.map(|id| self.dead_letters.get(&id));
        let fits = |letter: &&LetterSummary| {
            filter.saga.is_none_or(|saga| letter.saga == Some(saga))
                && filter
                    .fingerprint
                    .as_ref()
                    .is_none_or(|one| *one == letter.fingerprint)
                && filter.since.is_none_or(|since| letter.received_at >= since)
                && (filter.handled_too || letter.handled.is_none())
                && after.is_none_or(|after| {
                    after.is_some_and(|after| place(letter) < place(&after.summary))
                })
        };
        let all = self.dead_letters.values().map(|letter| &letter.summary);
        let mut letters: Vec<LetterSummary> = all.filter(fits).cloned().collect();
        letters.sort_by_key(|letter| std::cmp::Reverse(place(letter)));
        let limit = filter.limit.clamp(1, PAGE_ROWS_MAX);
        let full = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = letters.len() > full;
        letters.truncate(full);
        let last = letters.last().map(|letter| letter.id);
        let next = last.filter(|_| more);
        LetterPage { letters, next }
    }

    /// The twin of `letter_groups.sql`.
    pub(super) fn letter_groups(&self, limit: u32) -> Vec<LetterGroup> {
        let mut groups: BTreeMap<&str, (LetterGroup, BTreeSet<SagaId>)> = BTreeMap::new();
        let all = self.dead_letters.values().map(|letter| &letter.summary);
        for letter in all.filter(|letter| letter.handled.is_none()) {
            let at = letter.received_at;
            let new = || {
                let group = LetterGroup {
                    fingerprint: letter.fingerprint.clone(),
                    letters: 0,
                    sagas: 0,
                    first_seen: at,
                    last_seen: at,
                };
                (group, BTreeSet::new())
            };
            let (group, sagas) = groups.entry(&letter.fingerprint).or_insert_with(new);
            sagas.extend(letter.saga);
            group.letters += 1;
            group.sagas = u64::try_from(sagas.len()).unwrap_or(u64::MAX);
            group.first_seen = group.first_seen.min(at);
            group.last_seen = group.last_seen.max(at);
        }
        let mut groups: Vec<LetterGroup> = groups.into_values().map(|(group, _)| group).collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.last_seen));
        groups.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        groups
    }

    /// The twin of `handle_letter.sql`.
    pub(super) fn handle_letter(
        &mut self,
        id: Uuid,
        how: Handling,
        by: &By,
        at: Timestamp,
    ) -> bool {
        let Some(letter) = self.dead_letters.get_mut(&id) else {
            return false;
        };
        if letter.summary.handled.is_some() {
            return false;
        }
        let by = by.clone();
        letter.summary.handled = Some(Handled { at, how, by });
        true
    }

    /// The twin of `forget_letters.sql`.
    pub(super) fn forget_letters(
        &mut self,
        handled_before: Timestamp,
        after: LetterPlace,
        limit: u32,
    ) -> Option<(u64, LetterPlace)> {
        let handled = |letter: &LetterRecord| {
            let handled = letter.summary.handled.as_ref()?;
            Some((handled.at, letter.summary.id)).filter(|place| place.0 < handled_before)
        };
        let mut seen: Vec<LetterPlace> = self.dead_letters.values().filter_map(handled).collect();
        seen.retain(|place| *place > after);
        seen.sort_unstable();
        seen.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let before = self.dead_letters.len();
        for (_, id) in &seen {
            let saga = self.dead_letters.get(id).and_then(|it| it.summary.saga);
            if saga.is_none_or(|saga| !self.sagas.contains_key(&saga)) {
                self.dead_letters.remove(id);
            }
        }
        let gone = before - self.dead_letters.len();
        let last = *seen.last()?;
        Some((u64::try_from(gone).unwrap_or(u64::MAX), last))
    }
}
