//! Registered definitions: added, never changed.

use saga_core::definition::{Definition, DefinitionRef};
use saga_core::ids::SagaId;
use saga_core::operator::By;

use super::columns::bigint;
use super::rows::{self, read};
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

/// Keeps a version from starting new sagas.
pub(super) async fn retire(
    store: &PostgresStore,
    reference: &DefinitionRef,
    by: &By,
) -> Result<bool, StoreError> {
    let version = reference.version.to_string();
    let rows = store
        .query(
            "retire a definition",
            statements::RETIRE,
            &[&&*reference.name, &version, &by.who, &by.reason],
        )
        .await?;
    Ok(!rows.is_empty())
}

/// Lets a version start sagas again.
pub(super) async fn unretire(
    store: &PostgresStore,
    reference: &DefinitionRef,
) -> Result<bool, StoreError> {
    let version = reference.version.to_string();
    let rows = store
        .query(
            "take a retirement back",
            statements::UNRETIRE,
            &[&&*reference.name, &version],
        )
        .await?;
    Ok(!rows.is_empty())
}

/// The newest open sagas that run this version.
pub(super) async fn open_sagas(
    store: &PostgresStore,
    reference: &DefinitionRef,
    limit: u32,
) -> Result<Vec<SagaId>, StoreError> {
    let version = reference.version.to_string();
    let rows = store
        .query(
            "find open sagas of a definition",
            statements::OPEN_SAGAS,
            &[&&*reference.name, &version, &i64::from(limit)],
        )
        .await?;
    let ids = rows.iter().map(|row| Ok(SagaId(read(row, 0, "a saga")?)));
    ids.collect()
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
