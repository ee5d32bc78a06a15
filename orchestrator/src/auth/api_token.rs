//! A token of our own: a secret that is shown once, and what is kept of it.

use std::fmt;

use saga_core::time::Timestamp;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::role::Role;

/// What every token begins with, so that scanners for secrets find one that leaked.
pub const TOKEN_PREFIX: &str = "amends_";

/// Random bytes of a token: 160 bits, which nobody guesses, so that a plain hash protects it.
const SECRET_BYTES: usize = 20;

/// Tokens that are not revoked, at most. All of them are in memory.
pub const API_TOKENS_MAX: u32 = 1000;

/// Longest name of a token, in bytes. The table says the same.
pub const TOKEN_NAME_BYTES_MAX: usize = 200;

/// What is kept of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Its identity.
    pub id: Uuid,
    /// Who has it; the name in histories and in the audit log.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// SHA-256 of the secret.
    pub hash: TokenHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// It counts until then; for ever without.
    pub expires_at: Option<Timestamp>,
    /// It counts no more since then.
    pub revoked_at: Option<Timestamp>,
}

/// SHA-256 of a token. Tokens are found by it and never compared themselves, so how long that takes
/// says nothing of a secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    /// The hash of a token as it was sent.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

/// A token itself: `amends_` and 40 hexadecimal digits.
pub struct TokenSecret(String);

impl TokenSecret {
    /// Makes one.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut bytes = [0; SECRET_BYTES];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_unspecified| NoRandomness)?;
        let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
        Ok(Self(format!(
            "{TOKEN_PREFIX}{}",
            digits.collect::<String>()
        )))
    }

    /// What is kept of it.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }

    /// The text, to be shown once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSecret(…)")
    }
}

/// The system gives no random bytes.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct NoRandomness;
