//! The tokens of our own, as a request sees them: in memory, and as new as they must be.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::api_token::{ApiToken, TokenHash};
use super::caller::Caller;
use super::gate::Denied;
use super::latest::{Latest, Spans};
use crate::store::{Store, StoreError};

const SPANS: Spans = Spans {
    // A token that was revoked counts this long yet, at most, while the store answers.
    fresh_for: Duration::from_secs(5),
    // A token that nobody knows is looked for in the store. Whoever sends many cannot make work for
    // the database.
    look_again_after: Duration::from_secs(1),
    stale_for: Duration::from_secs(60),
    read_within: Duration::from_secs(5),
};

/// Every token that counts, by its hash.
#[derive(Debug)]
pub(super) struct TokenBook {
    store: Arc<dyn Store>,
    known: Latest<BTreeMap<TokenHash, ApiToken>, StoreError>,
}

impl TokenBook {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        let silent = |within: Duration| StoreError::Unavailable {
            operation: "read the tokens",
            source: format!("no answer within {} s", within.as_secs()).into(),
        };
        let known = Latest::new("the tokens", SPANS, silent);
        Self { store, known }
    }

    /// Who has this token.
    pub(super) async fn find(&self, token: &str) -> Result<Caller, Denied> {
        let hash = TokenHash::of(token);
        let known = self
            .known
            .get(
                |known| known.contains_key(&hash),
                || read(Arc::clone(&self.store)),
            )
            .await
            .map_err(Denied::Store)?;
        let token = known.get(&hash).ok_or(Denied::UnknownToken)?;
        match token.expires_at {
            Some(at) if at <= self.store.now() => Err(Denied::Expired(format!("at {at}"))),
            Some(_) | None => Ok(Caller::Known {
                name: token.name.clone(),
                role: token.role,
            }),
        }
    }
}

async fn read(store: Arc<dyn Store>) -> Result<BTreeMap<TokenHash, ApiToken>, StoreError> {
    let all = store.api_tokens().await?.into_iter();
    let live = all.filter(|token| token.revoked_at.is_none());
    Ok(live.map(|token| (token.hash, token)).collect())
}
