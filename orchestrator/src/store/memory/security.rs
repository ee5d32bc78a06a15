//! Tokens and the audit log in memory.

use saga_core::time::Timestamp;

use super::state::State;
use crate::audit::{AuditEntry, AuditFilter, AuditPage, AuditRecord, Chain, Phase};
use crate::auth::{API_TOKENS_MAX, ApiToken};
use crate::store::PAGE_ROWS_MAX;

impl State {
    /// Appends entries to the end of the chain.
    pub(super) fn append_audit(&mut self, entries: &[AuditEntry]) -> Vec<AuditRecord> {
        let end = self.audit.last().map_or_else(Chain::default, |last| Chain {
            records: last.seq,
            hash: last.hash,
        });
        let records = end.link(entries);
        self.audit.extend(records.iter().cloned());
        records
    }

    /// The twin of `audit.sql`.
    pub(super) fn audit(&self, filter: &AuditFilter) -> AuditPage {
        let answered = |seq| self.audit.iter().any(|it| it.entry.answers == Some(seq));
        let fits = |record: &&AuditRecord| {
            let entry = &record.entry;
            filter.since.is_none_or(|since| entry.at >= since)
                && filter.who.as_ref().is_none_or(|who| *who == entry.who)
                && filter.saga.is_none_or(|saga| entry.saga == Some(saga))
                && filter.verb.as_ref().is_none_or(|verb| *verb == entry.verb)
                && filter.before.is_none_or(|before| record.seq < before)
                && (filter.all || entry.phase != Phase::Asked || !answered(record.seq))
        };
        let full = usize::try_from(filter.limit.clamp(1, PAGE_ROWS_MAX)).unwrap_or(usize::MAX);
        let newest_first = self.audit.iter().rev().filter(fits);
        let mut records: Vec<AuditRecord> = newest_first.take(full + 1).cloned().collect();
        let more = records.len() > full;
        records.truncate(full);
        let last = records.last().map(|record| record.seq);
        let next = last.filter(|_| more);
        AuditPage { records, next }
    }

    /// The twin of `audit_chain.sql`.
    pub(super) fn audit_chain(&self, after: u64, limit: u32) -> Vec<AuditRecord> {
        let limit = usize::try_from(limit.clamp(1, PAGE_ROWS_MAX)).unwrap_or(usize::MAX);
        let later = self.audit.iter().filter(|record| record.seq > after);
        later.take(limit).cloned().collect()
    }

    /// The twin of `add_api_token.sql`.
    pub(super) fn add_api_token(&mut self, token: &ApiToken) -> bool {
        let taken = |it: &ApiToken| it.name == token.name && it.revoked_at.is_none();
        if self.tokens.iter().any(taken) {
            return false;
        }
        self.tokens.push(token.clone());
        true
    }

    /// The twin of `api_tokens.sql`.
    pub(super) fn api_tokens(&self) -> Vec<ApiToken> {
        let mut tokens = self.tokens.clone();
        tokens.sort_by_key(|it| {
            let newest_first = std::cmp::Reverse(it.created_at);
            (it.revoked_at.is_some(), newest_first, it.id)
        });
        tokens.truncate(usize::try_from(API_TOKENS_MAX).unwrap_or(usize::MAX));
        tokens
    }

    /// The twin of `revoke_api_token.sql`.
    pub(super) fn revoke_api_token(&mut self, name: &str, now: Timestamp) -> bool {
        let live = |it: &&mut ApiToken| it.name == name && it.revoked_at.is_none();
        let token = self.tokens.iter_mut().find(live);
        token.is_some_and(|token| {
            token.revoked_at = Some(now);
            true
        })
    }
}
