//! Every form of the commit statement is one that PostgreSQL understands.

use super::stores::{USUAL, drop_schema, schema, store};
use crate::store::postgres::commit_statement::{PARTS, Parts};

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
    let schema = schema();
    let store = store(&schema, USUAL).await;
    let mut session = store.session().await.unwrap();
    for parts in sets() {
        let sql = &parts.statement().sql;
        let prepare = format!("PREPARE form AS {sql}; DEALLOCATE form");
        session
            .batch(&prepare)
            .await
            .unwrap_or_else(|failure| panic!("{parts:?}: {failure:?}\n{sql}"));
    }
    drop(session);
    drop_schema(&store, &schema).await;
}
