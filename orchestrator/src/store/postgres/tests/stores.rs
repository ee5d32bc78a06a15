//! Stores in schemas of their own.

use uuid::Uuid;

use super::config;
use crate::store::migrate::migrate;
use crate::store::postgres::{PostgresSettings, PostgresStore};

/// Options of a URL that change nothing.
pub(super) const USUAL: &str = "connect_timeout=3";

/// A name that no other schema has.
pub(super) fn schema() -> String {
    format!("amends_test_{}", Uuid::now_v7().simple())
}

/// A store in this schema with one connection, and with options in its URL.
pub(super) async fn store(schema: &str, options: &str) -> PostgresStore {
    let url = config::postgres_url();
    let joint = if url.contains('?') { '&' } else { '?' };
    let mut settings = PostgresSettings::new(&format!("{url}{joint}{options}"), Uuid::now_v7());
    schema.clone_into(&mut settings.schema);
    settings.pool_size = 1;
    migrate(&settings).await.unwrap();
    PostgresStore::connect(settings).await.unwrap()
}

pub(super) async fn run(store: &PostgresStore, sql: &str) {
    store.session().await.unwrap().batch(sql).await.unwrap();
}

pub(super) async fn drop_schema(store: &PostgresStore, schema: &str) {
    run(store, &format!("DROP SCHEMA {schema} CASCADE")).await;
}
