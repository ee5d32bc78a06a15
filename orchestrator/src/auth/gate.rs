//! Lets those in whom it knows.

use std::sync::Arc;

use super::api_token::TOKEN_PREFIX;
use super::caller::Caller;
use super::keys::KeysError;
use super::oidc::{Oidc, OidcSettings};
use super::token_book::TokenBook;
use crate::store::{Store, StoreError};

/// Longer tokens are not looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// How callers are known.
#[derive(Debug, Clone, Default)]
pub struct AuthSettings {
    /// By tokens of our own.
    pub tokens: bool,
    /// By an identity provider.
    pub oidc: Option<OidcSettings>,
    /// `/metrics` is for everybody, also where callers are known.
    pub open_metrics: bool,
    /// Without authentication, requests that name another host than this machine are taken too.
    pub exposed: bool,
}

impl AuthSettings {
    /// Whether callers must say who they are.
    #[must_use]
    pub const fn is_configured(&self) -> bool {
        self.tokens || self.oidc.is_some()
    }
}

/// Knows callers by what they send.
#[derive(Debug)]
pub struct Gate {
    tokens: Option<TokenBook>,
    oidc: Option<Oidc>,
    open_metrics: bool,
    exposed: bool,
}

/// Why somebody is not let in.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    /// They sent nothing.
    #[error("say who you are: send `Authorization: Bearer` with a token")]
    NoToken,
    /// What they sent is no bearer token.
    #[error("the authorization header holds no bearer token that can be read")]
    Unreadable,
    /// It is none of ours.
    #[error("nobody has this token; it is wrong, or was revoked")]
    UnknownToken,
    /// It counts no more.
    #[error("the token has expired {0}")]
    Expired(String),
    /// A token of an identity provider that does not hold.
    #[error("the token is refused: {0}")]
    Refused(String),
    /// Its bearer is known, and has no role here.
    #[error("{0} has no role here: no value of the roles' claim stands for one")]
    NoRole(String),
    /// The store does not answer.
    #[error("look for the token")]
    Store(#[source] Arc<StoreError>),
    /// The identity provider's keys cannot be had.
    #[error("get the keys of the identity provider")]
    Keys(#[source] Arc<KeysError>),
}

impl Gate {
    /// A gate for these settings.
    ///
    /// # Errors
    /// The identity provider's keys could never be read.
    pub fn new(settings: AuthSettings, store: &Arc<dyn Store>) -> Result<Self, KeysError> {
        let tokens = settings.tokens.then(|| TokenBook::new(Arc::clone(store)));
        let oidc = settings.oidc.map(Oidc::new).transpose()?;
        Ok(Self {
            tokens,
            oidc,
            open_metrics: settings.open_metrics,
            exposed: settings.exposed,
        })
    }

    /// A gate that asks nobody who they are.
    #[must_use]
    pub const fn open() -> Self {
        Self {
            tokens: None,
            oidc: None,
            open_metrics: true,
            exposed: false,
        }
    }

    /// Whether callers must say who they are.
    #[must_use]
    pub const fn asks(&self) -> bool {
        self.tokens.is_some() || self.oidc.is_some()
    }

    /// Whether `/metrics` is for everybody.
    #[must_use]
    pub const fn has_open_metrics(&self) -> bool {
        self.open_metrics
    }

    /// Whether only requests to this machine by name are taken: browsers can be made to send others.
    #[must_use]
    pub const fn is_for_this_machine(&self) -> bool {
        !self.asks() && !self.exposed
    }

    /// Who sent this `Authorization` header, if there is one.
    ///
    /// # Errors
    /// They are not let in.
    pub async fn admit(&self, authorization: Option<&[u8]>) -> Result<Caller, Denied> {
        if !self.asks() {
            return Ok(Caller::Anybody);
        }
        let header = authorization.ok_or(Denied::NoToken)?;
        let token = bearer(header).ok_or(Denied::Unreadable)?;
        match (&self.tokens, &self.oidc) {
            (Some(book), _) if token.starts_with(TOKEN_PREFIX) => book.find(token).await,
            (_, Some(oidc)) => oidc.verify(token).await,
            (_, None) => Err(Denied::UnknownToken),
        }
    }

    /// Looks for the identity provider's keys, so that what is wrong shows when a process starts and
    /// not when the first request comes.
    ///
    /// # Errors
    /// They cannot be had now.
    pub async fn check(&self) -> Result<(), Arc<KeysError>> {
        match &self.oidc {
            Some(oidc) => oidc.check().await,
            None => Ok(()),
        }
    }
}

/// The token of an `Authorization` header.
fn bearer(header: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(header).ok()?;
    let (scheme, token) = text.split_once(' ')?;
    let token = token.trim();
    let fits = scheme.eq_ignore_ascii_case("bearer")
        && (1..=TOKEN_BYTES_MAX).contains(&token.len())
        && token.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then_some(token)
}
