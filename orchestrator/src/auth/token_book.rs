//! The tokens of our own, as a request sees them: in memory, and as new as they must be.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::api_token::{ApiToken, TokenHash};
use super::caller::Caller;
use super::gate::Denied;
use crate::store::{Store, StoreError};

/// A token that was revoked counts this long yet, at most, while the store answers.
const FRESH_FOR: Duration = Duration::from_secs(5);

/// A token that nobody knows is looked for in the store, and at most this often: whoever sends many
/// cannot make work for the database.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// While the store does not answer, what was known counts this long.
const STALE_FOR: Duration = Duration::from_secs(60);

/// Every token that counts, by its hash.
#[derive(Debug)]
pub(super) struct TokenBook {
    store: Arc<dyn Store>,
    known: Mutex<Option<Known>>,
}

#[derive(Debug)]
struct Known {
    read_at: Instant,
    asked_at: Instant,
    tokens: BTreeMap<TokenHash, ApiToken>,
}

impl TokenBook {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        let known = Mutex::new(None);
        Self { store, known }
    }

    /// Who has this token.
    pub(super) async fn find(&self, token: &str) -> Result<Caller, Denied> {
        let hash = TokenHash::of(token);
        // One request reads for all that wait; it waits no longer than one statement may.
        let mut known = self.known.lock().await;
        let fits = |known: &Known| {
            let fresh_for = if known.tokens.contains_key(&hash) {
                FRESH_FOR
            } else {
                LOOK_AGAIN_AFTER
            };
            known.asked_at.elapsed() < fresh_for
        };
        if !known.as_ref().is_some_and(fits) {
            self.read(&mut known).await?;
        }
        let token = known.as_ref().and_then(|known| known.tokens.get(&hash));
        let token = token.ok_or(Denied::UnknownToken)?;
        match token.expires_at {
            Some(at) if at <= self.store.now() => Err(Denied::Expired(format!("at {at}"))),
            Some(_) | None => Ok(Caller::Known {
                name: token.name.clone(),
                role: token.role,
            }),
        }
    }

    async fn read(&self, known: &mut Option<Known>) -> Result<(), StoreError> {
        let now = Instant::now();
        match self.store.api_tokens().await {
            Ok(all) => {
                let live = all.into_iter().filter(|token| token.revoked_at.is_none());
                *known = Some(Known {
                    read_at: now,
                    asked_at: now,
                    tokens: live.map(|token| (token.hash, token)).collect(),
                });
                Ok(())
            }
            Err(error) => match known {
                Some(known) if known.read_at.elapsed() < STALE_FOR => {
                    known.asked_at = now;
                    let error = crate::chain(&error);
                    tracing::warn!(error, "the tokens cannot be read; those known are used");
                    Ok(())
                }
                Some(_) | None => Err(error),
            },
        }
    }
}
