//! Registered definitions: added, never changed.

use saga_core::definition::{Definition, DefinitionRef};

use super::columns::bigint;
use super::rows;
use super::statements;
use super::store::PostgresStore;
use crate::store::{Registration, StoreError, StoredDefinition};

/// Keeps a definition for ever.
pub(super) async fn register(
    store: &PostgresStore,
    definition: &Definition,
) -> Result<Registration, StoreError> {
    let reference = &definition.reference;
    let version = &reference.version;
    let (major, minor, patch) = (
        bigint(version.major),
        bigint(version.minor),
        bigint(version.patch),
    );
    let (text, prerelease) = (version.to_string(), version.pre.as_str());
    let added = store
        .query(
            "register a definition",
            statements::REGISTER,
            &[
                &&*reference.name,
                &text,
                &major,
                &minor,
                &patch,
                &prerelease,
                &definition.digest,
                &&*definition.source,
            ],
        )
        .await?;
    if !added.is_empty() {
        return Ok(Registration::Added);
    }
    let stored = self::definition(store, reference).await?;
    Ok(match stored {
        Some(stored) if stored.digest == definition.digest => Registration::Unchanged,
        Some(_) | None => Registration::Conflict,
    })
}

/// The definition of that name and version.
pub(super) async fn definition(
    store: &PostgresStore,
    reference: &DefinitionRef,
) -> Result<Option<StoredDefinition>, StoreError> {
    let version = reference.version.to_string();
    let rows = store
        .query(
            "read a definition",
            statements::DEFINITION,
            &[&&*reference.name, &version],
        )
        .await?;
    rows.first().map(rows::definition).transpose()
}

/// All of them. The columns sort versions as far as SQL can; pre-releases have rules of their own.
pub(super) async fn definitions(
    store: &PostgresStore,
) -> Result<Vec<StoredDefinition>, StoreError> {
    let rows = store
        .query("read the definitions", statements::DEFINITIONS, &[])
        .await?;
    let mut stored = rows
        .iter()
        .map(rows::definition)
        .collect::<Result<Vec<_>, _>>()?;
    stored.sort_by(|a, b| a.reference.cmp(&b.reference));
    Ok(stored)
}
