//! The schema: migrations, the snapshot of what they make, and every statement against it.

use std::fmt::Write;
use std::path::Path;

use orchestrator::store::{MigrateError, PostgresStore, migrate, status};

use crate::config;
use crate::stores::{Database, started};

const MANIFEST: &str = env!("CARGO_MANIFEST_DIR");

#[tokio::test]
async fn every_statement_prepares_against_the_migrated_schema() {
    let database = Database::migrated().await;
    let mut seen = 0;
    for file in std::fs::read_dir(Path::new(MANIFEST).join("src/store/postgres/sql")).unwrap() {
        let path = file.unwrap().path();
        let sql = std::fs::read_to_string(&path).unwrap();
        let prepared = database.admin.prepare(&sql).await;
        prepared.unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
        seen += 1;
    }
    assert!(seen >= 20, "{seen}");
    database.drop().await;
}

#[tokio::test]
async fn the_snapshot_is_what_the_migrations_make() {
    let database = Database::migrated().await;
    let rendered = render(&database).await;
    let path = Path::new(MANIFEST).join("../migrations/orchestrator/schema.sql");
    if config::update_golden() {
        std::fs::write(&path, &rendered).unwrap();
    }
    let snapshot = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        snapshot, rendered,
        "migrations/orchestrator/schema.sql is out of date; set AMENDS_UPDATE_GOLDEN=1 to write it"
    );
    database.drop().await;
}

/// The schema from the catalog. Not `pg_dump`, whose text changes from release to release.
async fn render(database: &Database) -> String {
    let mut text = String::from(
        "-- What the migrations in this folder make of an empty schema. Rendered by a test; do not \
         edit.\n",
    );
    let own = "n.nspname = current_schema() AND c.relname <> 'amends_migrations'";
    let tables = format!(
        "SELECT c.relname,
                coalesce(' WITH (' || array_to_string(c.reloptions, ', ') || ')', '')
                || coalesce(' PARTITION BY ' || pg_get_partkeydef(c.oid), '')
                || coalesce(' PARTITION OF ' || (SELECT inhparent::regclass::text FROM pg_inherits
                                                 WHERE inhrelid = c.oid)
                            || ' ' || pg_get_expr(c.relpartbound, c.oid), '')
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE {own} AND c.relkind IN ('r', 'p') ORDER BY c.relname COLLATE \"C\""
    );
    for table in database.admin.query(&tables, &[]).await.unwrap() {
        let (name, options): (&str, &str) = (table.get(0), table.get(1));
        let mut lines = Vec::new();
        for sql in [COLUMNS, CONSTRAINTS] {
            let rows = database.admin.query(sql, &[&name]).await.unwrap();
            lines.extend(
                rows.iter()
                    .map(|row| format!("    {}", row.get::<_, &str>(0))),
            );
        }
        write!(
            text,
            "\nCREATE TABLE {name} (\n{}\n){options};\n",
            lines.join(",\n")
        )
        .unwrap();
        for sql in [INDEXES, TRIGGERS] {
            for row in database.admin.query(sql, &[&name]).await.unwrap() {
                writeln!(text, "{};", row.get::<_, &str>(0)).unwrap();
            }
        }
    }
    for sql in [VIEWS, FUNCTIONS] {
        for row in database.admin.query(sql, &[]).await.unwrap() {
            let definition: &str = row.get(0);
            let definition = definition.trim_end().trim_end_matches(';');
            write!(text, "\n{definition};\n").unwrap();
        }
    }
    text.replace(&format!("{}.", database.schema), "")
}

const COLUMNS: &str = "
    SELECT concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod),
        CASE WHEN a.attidentity = 'a' THEN 'GENERATED ALWAYS AS IDENTITY' END,
        CASE WHEN d.oid IS NOT NULL THEN 'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) END,
        CASE WHEN a.attnotnull THEN 'NOT NULL' END)
    FROM pg_attribute a
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum";

const CONSTRAINTS: &str = "
    SELECT 'CONSTRAINT ' || conname || ' ' || pg_get_constraintdef(oid)
    FROM pg_constraint
    WHERE conrelid = $1::text::regclass AND contype IN ('p', 'u', 'c', 'f', 'x')
    ORDER BY contype DESC, conname COLLATE \"C\"";

const INDEXES: &str = "
    SELECT pg_get_indexdef(indexrelid)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE indrelid = $1::text::regclass
      AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)
    ORDER BY c.relname COLLATE \"C\"";

const TRIGGERS: &str = "
    SELECT pg_get_triggerdef(oid)
    FROM pg_trigger
    WHERE tgrelid = $1::text::regclass AND NOT tgisinternal
    ORDER BY tgname COLLATE \"C\"";

const VIEWS: &str = "
    SELECT format(E'CREATE VIEW %I AS\n%s', viewname, definition)
    FROM pg_views
    WHERE schemaname = current_schema()
    ORDER BY viewname COLLATE \"C\"";

const FUNCTIONS: &str = "
    SELECT pg_get_functiondef(p.oid)
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = current_schema()
    ORDER BY p.proname COLLATE \"C\"";

#[tokio::test]
async fn processes_that_migrate_at_once_take_turns() {
    let database = Database::empty().await;
    let settings = database.settings();
    assert!(
        status(&settings)
            .await
            .unwrap()
            .iter()
            .all(|line| line.applied_at.is_none())
    );
    let (one, two, three) =
        tokio::join!(migrate(&settings), migrate(&settings), migrate(&settings));
    let applied = [one.unwrap(), two.unwrap(), three.unwrap()].concat();
    let lines = status(&settings).await.unwrap();
    assert_eq!(applied.len(), lines.len(), "each was applied once");
    assert!(lines.iter().all(|line| line.applied_at.is_some()));
    assert_eq!(migrate(&settings).await.unwrap(), []);
    database.drop().await;
}

#[tokio::test]
async fn a_schema_of_another_release_is_refused() {
    let database = Database::empty().await;
    let settings = database.settings();
    let source = |error: &dyn std::error::Error| error.source().unwrap().to_string();
    let error = PostgresStore::connect(settings.clone()).await.unwrap_err();
    assert!(
        source(&error).contains("amends db migrate"),
        "{}",
        source(&error)
    );

    migrate(&settings).await.unwrap();
    let newer = "INSERT INTO amends_migrations (version, name, sha256) VALUES (99, 'new', '')";
    database.admin.batch_execute(newer).await.unwrap();
    let error = PostgresStore::connect(settings.clone()).await.unwrap_err();
    assert!(
        source(&error).contains("migration 99"),
        "{}",
        source(&error)
    );
    let error = migrate(&settings).await.unwrap_err();
    assert!(
        matches!(error, MigrateError::TooNew { found: 99, .. }),
        "{error}"
    );

    let changed = "DELETE FROM amends_migrations WHERE version = 99;
                   UPDATE amends_migrations SET sha256 = 'other' WHERE version = 1";
    database.admin.batch_execute(changed).await.unwrap();
    let error = migrate(&settings).await.unwrap_err();
    assert!(
        matches!(error, MigrateError::Changed { version: 1, .. }),
        "{error}"
    );
    assert!(status(&settings).await.is_err());
    database.drop().await;
}

#[tokio::test]
async fn the_tables_refuse_what_cannot_be() {
    let database = Database::migrated().await;
    let store = database.store().await;
    started(&store).await;
    database
        .admin
        .batch_execute(
            "INSERT INTO saga_definitions
             (name, version, major, minor, patch, prerelease, digest, source)
             VALUES ('order', '1.0.0', 1, 0, 0, '', repeat('a', 64), '');
             INSERT INTO saga_values SELECT id, 'input', 0, '{}' FROM sagas",
        )
        .await
        .unwrap();
    for sql in [
        "UPDATE saga_definitions SET source = 'x'",
        "DELETE FROM saga_definitions",
        "TRUNCATE saga_definitions",
        "UPDATE saga_events SET data = '{}'",
        "UPDATE saga_values SET value = '{}'",
        "UPDATE sagas SET ended_at = now()",
        "UPDATE sagas SET status = 'completed'",
        "UPDATE sagas SET status = 'completed', ended_at = now(), wake_at = now()",
        "UPDATE sagas SET status = 'lost'",
        "UPDATE sagas SET key = ''",
        "UPDATE sagas SET labels = '[]'",
    ] {
        assert!(database.admin.batch_execute(sql).await.is_err(), "{sql}");
    }
    drop(store);
    database.drop().await;
}
