//! Every form of the commit statement is one that PostgreSQL understands.

use uuid::Uuid;

use super::config;
use crate::store::migrate::migrate;
use crate::store::postgres::commit_statement::{PARTS, Parts};
use crate::store::postgres::{PostgresSettings, PostgresStore};

/// Each part alone, with each other one, and everything but these.
fn sets() -> Vec<Parts> {
    let all = PARTS.map(|(part, _)| part);
    let pairs = all
        .iter()
        .flat_map(|one| all.iter().map(move |other| (*one, *other)));
    let both = pairs.flat_map(|(one, other)| {
        let with = |wanted: bool| {
            all.iter().fold(Parts::default(), |parts, part| {
                parts.with(*part, wanted == (*part == one || *part == other))
            })
        };
        [with(true), with(false)]
    });
    both.chain([Parts::default()]).collect()
}

#[tokio::test]
async fn every_form_can_be_prepared() {
    let mut settings = PostgresSettings::new(&config::postgres_url(), Uuid::now_v7());
    settings.schema = format!("amends_test_{}", Uuid::now_v7().simple());
    migrate(&settings).await.unwrap();
    let store = PostgresStore::connect(settings.clone()).await.unwrap();
    let mut session = store.session().await.unwrap();
    for parts in sets() {
        let sql = &parts.statement().sql;
        let prepare = format!("PREPARE form AS {sql}; DEALLOCATE form");
        session
            .batch(&prepare)
            .await
            .unwrap_or_else(|failure| panic!("{parts:?}: {failure:?}\n{sql}"));
    }
    let drop_schema = format!("DROP SCHEMA {} CASCADE", settings.schema);
    session.batch(&drop_schema).await.unwrap();
}
