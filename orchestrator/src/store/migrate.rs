//! Brings the database's schema up to date: forward only, one process at a time.

use std::collections::BTreeMap;

use saga_core::time::Timestamp;
use sha2::{Digest, Sha256};
use tokio_postgres::Client;

use super::contract::StoreError;
use super::postgres::{Connector, PostgresSettings, PostgresStore};

/// Sessions that migrate: no limit on a statement, a minute for the other process that migrates,
/// and (set per migration) little patience with locks that stop everybody else.
const OPTIONS: &str = "-c statement_timeout=0 -c lock_timeout=60000 -c enable_seqscan=on";

/// How long one migration waits for a lock on a table in use.
const TABLE_LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '5s'";

/// One step of the schema. Once released, its text never changes.
struct Migration {
    version: i32,
    name: &'static str,
    sql: &'static str,
}

/// In the order in which they are applied, numbered from 1 without gaps.
const MIGRATIONS: [Migration; 13] = [
    Migration {
        version: 1,
        name: "sagas",
        sql: include_str!("../../../migrations/orchestrator/0001_sagas.sql"),
    },
    Migration {
        version: 2,
        name: "messages",
        sql: include_str!("../../../migrations/orchestrator/0002_messages.sql"),
    },
    Migration {
        version: 3,
        name: "language",
        sql: include_str!("../../../migrations/orchestrator/0003_language.sql"),
    },
    Migration {
        version: 4,
        name: "workers",
        sql: include_str!("../../../migrations/orchestrator/0004_workers.sql"),
    },
    Migration {
        version: 5,
        name: "retirements",
        sql: include_str!("../../../migrations/orchestrator/0005_retirements.sql"),
    },
    Migration {
        version: 6,
        name: "handled_letters",
        sql: include_str!("../../../migrations/orchestrator/0006_handled_letters.sql"),
    },
    Migration {
        version: 7,
        name: "security",
        sql: include_str!("../../../migrations/orchestrator/0007_security.sql"),
    },
    Migration {
        version: 8,
        name: "days",
        sql: include_str!("../../../migrations/orchestrator/0008_days.sql"),
    },
    Migration {
        version: 9,
        name: "draining",
        sql: include_str!("../../../migrations/orchestrator/0009_draining.sql"),
    },
    Migration {
        version: 10,
        name: "retention",
        sql: include_str!("../../../migrations/orchestrator/0010_retention.sql"),
    },
    Migration {
        version: 11,
        name: "history",
        sql: include_str!("../../../migrations/orchestrator/0011_history.sql"),
    },
    Migration {
        version: 12,
        name: "kept",
        sql: include_str!("../../../migrations/orchestrator/0012_kept.sql"),
    },
    Migration {
        version: 13,
        name: "reply_queues",
        sql: include_str!("../../../migrations/orchestrator/0013_reply_queues.sql"),
    },
];

/// One line of `amends db status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Its number.
    pub version: i32,
    /// Its name.
    pub name: String,
    /// When it was applied; `None` when it is still to come.
    pub applied_at: Option<Timestamp>,
}

/// A migration that was applied just now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedMigration {
    /// Its number.
    pub version: i32,
    /// Its name.
    pub name: &'static str,
}

/// Why the schema cannot be brought up to date, or used.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// No connection.
    #[error("connect to migrate the database")]
    Connect(#[source] StoreError),
    /// A later release has been here.
    #[error(
        "the database has migration {found}, and this release knows only up to {known}; use the \
         release that migrated it, or a later one"
    )]
    TooNew {
        /// The newest applied.
        found: i32,
        /// The newest known.
        known: i32,
    },
    /// The schema is missing or old.
    #[error("the database has migration {found} of {known}; run `amends db migrate`")]
    Behind {
        /// The newest applied, 0 for none.
        found: i32,
        /// The newest known.
        known: i32,
    },
    /// History differs.
    #[error(
        "migration {version} ({name}) was applied with another text than this release has; the \
         database belongs to another line of development"
    )]
    Changed {
        /// Its number.
        version: i32,
        /// Its name.
        name: &'static str,
    },
    /// A migration failed and was rolled back.
    #[error("apply migration {version} ({name}); it was rolled back, and nothing of it remains")]
    Failed {
        /// Its number.
        version: i32,
        /// Its name.
        name: &'static str,
        /// What the database said.
        #[source]
        source: tokio_postgres::Error,
    },
    /// The bookkeeping failed.
    #[error("{operation}")]
    Bookkeeping {
        /// What was tried.
        operation: &'static str,
        /// What the database said.
        #[source]
        source: tokio_postgres::Error,
    },
}

/// Applies what is missing and returns it. Any number of processes may call this at once.
pub async fn migrate(settings: &PostgresSettings) -> Result<Vec<AppliedMigration>, MigrateError> {
    // A session of its own: the lock lasts as long as the session, and ends with it whatever
    // happens here.
    let mut client = dedicated(settings).await?;
    let failed = |operation| move |source| MigrateError::Bookkeeping { operation, source };
    let lock = format!("amends migrations of {}", settings.schema);
    client
        .execute("SELECT pg_advisory_lock(hashtextextended($1, 0))", &[&lock])
        .await
        .map_err(failed("wait for another process that migrates"))?;
    prepare_schema(&client, &settings.schema).await?;
    let applied = applied(&client).await?;
    verify(&applied)?;
    let mut done = Vec::new();
    for migration in MIGRATIONS
        .iter()
        .filter(|known| !applied.contains_key(&known.version))
    {
        apply(&mut client, migration)
            .await
            .map_err(|source| MigrateError::Failed {
                version: migration.version,
                name: migration.name,
                source,
            })?;
        done.push(AppliedMigration {
            version: migration.version,
            name: migration.name,
        });
    }
    Ok(done)
}

/// Every migration this release knows, and when it was applied.
pub async fn status(settings: &PostgresSettings) -> Result<Vec<MigrationStatus>, MigrateError> {
    let client = dedicated(settings).await?;
    let applied = if is_prepared(&client).await? {
        applied(&client).await?
    } else {
        BTreeMap::new()
    };
    verify(&applied)?;
    let status = MIGRATIONS.iter().map(|known| MigrationStatus {
        version: known.version,
        name: known.name.to_owned(),
        applied_at: applied.get(&known.version).map(|row| row.at),
    });
    Ok(status.collect())
}

/// Refuses a database whose schema is not the one that this release works with.
pub(super) async fn check_current(store: &PostgresStore) -> Result<(), StoreError> {
    const OPERATION: &str = "check the database's schema";
    let rows = store
        .query(
            OPERATION,
            "SELECT to_regclass('amends_migrations')::text",
            &[],
        )
        .await?;
    let exists = rows
        .first()
        .is_some_and(|row| row.get::<_, Option<&str>>(0).is_some());
    let mut found = 0;
    if exists {
        let newest = "SELECT coalesce(max(version), 0) FROM amends_migrations";
        let rows = store.query(OPERATION, newest, &[]).await?;
        found = rows.first().map_or(0, |row| row.get(0));
    }
    let known = newest();
    let error = match found.cmp(&known) {
        std::cmp::Ordering::Equal => return Ok(()),
        std::cmp::Ordering::Less => MigrateError::Behind { found, known },
        std::cmp::Ordering::Greater => MigrateError::TooNew { found, known },
    };
    Err(StoreError::Refused {
        operation: OPERATION,
        source: Box::new(error),
    })
}

struct Applied {
    digest: String,
    at: Timestamp,
}

async fn dedicated(settings: &PostgresSettings) -> Result<Client, MigrateError> {
    let connector = Connector::new(settings).map_err(MigrateError::Connect)?;
    connector
        .dedicated(OPTIONS)
        .await
        .map_err(MigrateError::Connect)
}

async fn is_prepared(client: &Client) -> Result<bool, MigrateError> {
    let table = client
        .query_one("SELECT to_regclass('amends_migrations')::text", &[])
        .await;
    let table = table.map_err(|source| MigrateError::Bookkeeping {
        operation: "look for the table of migrations",
        source,
    })?;
    Ok(table.get::<_, Option<&str>>(0).is_some())
}

async fn prepare_schema(client: &Client, schema: &str) -> Result<(), MigrateError> {
    if is_prepared(client).await? {
        return Ok(());
    }
    // The name is checked to be letters, digits and underscores.
    let sql = format!(
        "CREATE SCHEMA IF NOT EXISTS \"{schema}\";
         CREATE TABLE amends_migrations (
             version    integer     PRIMARY KEY CHECK (version > 0),
             name       text        NOT NULL,
             sha256     text        NOT NULL,
             applied_at timestamptz NOT NULL DEFAULT now()
         );"
    );
    client
        .batch_execute(&sql)
        .await
        .map_err(|source| MigrateError::Bookkeeping {
            operation: "make the table of migrations",
            source,
        })
}

async fn applied(client: &Client) -> Result<BTreeMap<i32, Applied>, MigrateError> {
    let sql = "SELECT version, sha256, (extract(epoch FROM applied_at) * 1000000)::bigint
               FROM amends_migrations";
    let rows = client
        .query(sql, &[])
        .await
        .map_err(|source| MigrateError::Bookkeeping {
            operation: "read the table of migrations",
            source,
        })?;
    let applied = rows.iter().map(|row| {
        (
            row.get(0),
            Applied {
                digest: row.get(1),
                at: Timestamp::from_micros(row.get(2)),
            },
        )
    });
    Ok(applied.collect())
}

fn verify(applied: &BTreeMap<i32, Applied>) -> Result<(), MigrateError> {
    let known = newest();
    if let Some((&found, _)) = applied
        .last_key_value()
        .filter(|(found, _)| **found > known)
    {
        return Err(MigrateError::TooNew { found, known });
    }
    for Migration { version, name, sql } in &MIGRATIONS {
        if applied
            .get(version)
            .is_some_and(|row| row.digest != digest(sql))
        {
            return Err(MigrateError::Changed {
                version: *version,
                name,
            });
        }
    }
    Ok(())
}

async fn apply(client: &mut Client, migration: &Migration) -> Result<(), tokio_postgres::Error> {
    // Every error leaves through `?`, which drops the transaction, which rolls it back.
    let transaction = client.transaction().await?;
    transaction.batch_execute(TABLE_LOCK_TIMEOUT).await?;
    transaction.batch_execute(migration.sql).await?;
    let record = "INSERT INTO amends_migrations (version, name, sha256) VALUES ($1, $2, $3)";
    let row: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
        [&migration.version, &migration.name, &digest(migration.sql)];
    transaction.execute(record, &row).await?;
    transaction.commit().await
}

fn newest() -> i32 {
    MIGRATIONS.last().map_or(0, |migration| migration.version)
}

fn digest(sql: &str) -> String {
    let hash = Sha256::digest(sql.as_bytes());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
