//! The tokens of the API.

use tokio_postgres::Row;

use super::columns::Time;
use super::rows::read;
use super::statements;
use super::store::PostgresStore;
use crate::auth::{API_TOKENS_MAX, ApiToken, TokenHash};
use crate::store::StoreError;

const WHAT: &str = "a token";

/// Keeps a token.
pub(super) async fn add_api_token(
    store: &PostgresStore,
    token: &ApiToken,
) -> Result<bool, StoreError> {
    let rows = store
        .query(
            "keep a token",
            statements::ADD_API_TOKEN,
            &[
                &token.id,
                &token.name,
                &token.role.as_str(),
                &token.hash.0.as_slice(),
                &Time(token.created_at),
                &token.expires_at.map(Time),
            ],
        )
        .await?;
    Ok(!rows.is_empty())
}

/// All of them, those that were not revoked first.
pub(super) async fn api_tokens(store: &PostgresStore) -> Result<Vec<ApiToken>, StoreError> {
    let rows = store
        .query(
            "read the tokens",
            statements::API_TOKENS,
            &[&i64::from(API_TOKENS_MAX)],
        )
        .await?;
    rows.iter().map(token).collect()
}

/// Revokes the token of that name.
pub(super) async fn revoke_api_token(
    store: &PostgresStore,
    name: &str,
) -> Result<bool, StoreError> {
    if name.contains('\0') {
        return Ok(false);
    }
    let now = Time(store.clock.now());
    let rows = store
        .query(
            "revoke a token",
            statements::REVOKE_API_TOKEN,
            &[&name, &now],
        )
        .await?;
    Ok(!rows.is_empty())
}

fn token(row: &Row) -> Result<ApiToken, StoreError> {
    let corrupt = |why: String| StoreError::Corrupt {
        what: WHAT.to_owned(),
        source: why.into(),
    };
    let role: &str = read(row, 2, WHAT)?;
    let hash: &[u8] = read(row, 3, WHAT)?;
    let hash = hash.try_into();
    let Time(created_at) = read(row, 4, WHAT)?;
    let expires_at: Option<Time> = read(row, 5, WHAT)?;
    let revoked_at: Option<Time> = read(row, 6, WHAT)?;
    Ok(ApiToken {
        id: read(row, 0, WHAT)?,
        name: read(row, 1, WHAT)?,
        role: role.parse().map_err(corrupt)?,
        hash: hash
            .map(TokenHash)
            .map_err(|_| corrupt("its hash does not have 32 bytes".to_owned()))?,
        created_at,
        expires_at: expires_at.map(|Time(at)| at),
        revoked_at: revoked_at.map(|Time(at)| at),
    })
}
