//! How the statements are carried out when much is stored: none reads what it does not need.

use std::fmt::Write as _;
use std::path::Path;

use orchestrator::store::Store as _;
use serde_json::Value;

use crate::stores::Database;

/// What can grow without end.
const LARGE: [&str; 6] = [
    "sagas",
    "saga_events",
    "saga_values",
    "saga_keys",
    "good_outputs",
    "dead_letters",
];

/// As every session of the store is set, see `connect.rs`.
const HOT_SESSION: &str = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off;
    SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off";

/// As it is set for the listings, see `reads.rs`.
const LISTING_SESSION: &str = "SET plan_cache_mode = force_custom_plan; SET enable_seqscan = on;
    SET enable_hashjoin = on; SET enable_mergejoin = off; SET jit = off";

/// What reads in the order of an index until a page is full, or all of what is short: the test above
/// looks at listings, and the outbox is swept.
const READS_ON: [&str; 6] = [
    "list",
    "dead_letters",
    "next_wake",
    "adopt_outbox",
    "outbox_backlog",
    "strays",
];

fn statement(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/store/postgres/sql")
        .join(format!("{name}.sql"));
    std::fs::read_to_string(path).unwrap()
}

async fn filled() -> Database {
    let database = Database::migrated().await;
    database
        .admin
        .batch_execute(include_str!("plans.sql"))
        .await
        .unwrap();
    database
        .admin
        .batch_execute("VACUUM ANALYZE")
        .await
        .unwrap();
    database
}

/// The plan of a statement with these arguments, in SQL.
async fn plan(database: &Database, name: &str, arguments: &[String]) -> Value {
    plan_of(database, &statement(name), arguments).await
}

async fn plan_of(database: &Database, sql: &str, arguments: &[String]) -> Value {
    let sql = format!("DEALLOCATE ALL; PREPARE it AS {}", sql.trim_end());
    database.admin.batch_execute(&sql).await.unwrap();
    let mut explain = "EXPLAIN (FORMAT JSON) EXECUTE it".to_owned();
    if !arguments.is_empty() {
        write!(explain, " ({})", arguments.join(", ")).unwrap();
    }
    let messages = database.admin.simple_query(&explain).await.unwrap();
    let text = messages.iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    serde_json::from_str(text.expect("a plan")).unwrap()
}

/// Parts of a plan that read a table, or an index of one, from its beginning to its end.
fn whole_reads(plan: &Value) -> Vec<String> {
    reads(plan, |node, condition| match node {
        "Seq Scan" => true,
        "Index Scan" | "Index Only Scan" => condition.is_empty(),
        _ => false,
    })
}

/// Parts of a plan that read an index from one place to another, as a whole day is read.
fn reads_of_a_range(plan: &Value) -> Vec<String> {
    reads(plan, |node, condition| match node {
        "Index Scan" | "Index Only Scan" | "Bitmap Index Scan" => {
            !condition.is_empty() && !condition.contains(" = ")
        }
        _ => false,
    })
}

/// Parts of a plan of which this is true, by the type of the node and the condition on its index.
fn reads(plan: &Value, is_one: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![plan];
    while let Some(node) = left.pop() {
        match node {
            Value::Array(parts) => left.extend(parts),
            Value::Object(fields) => {
                left.extend(fields.values());
                let text = |name| fields.get(name).and_then(Value::as_str).unwrap_or_default();
                let node = text("Node Type");
                if is_one(node, text("Index Cond")) {
                    // A node that reads an index only names that.
                    let index = text("Index Name").trim_end_matches("_pkey");
                    let table = fields.get("Relation Name").and_then(Value::as_str);
                    found.push(format!("{node} of {}", table.unwrap_or(index)));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    found
}

fn is_large(read: &str) -> bool {
    let relation = read.rsplit(' ').next().unwrap_or_default();
    let family = relation.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
    LARGE.contains(&family.trim_end_matches("_default"))
}

#[tokio::test]
async fn no_listing_reads_a_table_from_end_to_end() {
    let database = filled().await;
    database.admin.batch_execute(LISTING_SESSION).await.unwrap();
    let id = database
        .text("SELECT id::text FROM made WHERE i = 300")
        .await;
    let [sagas, narrowed] = saga_filters(&id);
    let letter = "SELECT id::text FROM dead_letters ORDER BY received_at LIMIT 1 OFFSET 500";
    let letter = database.text(letter).await;
    let none = || "NULL".to_owned();
    let quoted = |text: &str| format!("'{text}'");
    let hour = || "now() - interval '1 hour'".to_owned();
    let weeks = || "now() - interval '15 days'".to_owned();
    let letters = [
        vec![none(), quoted(&id)],
        vec![none(), quoted("f-7"), quoted("nothing")],
        vec![none(), hour(), weeks()],
        vec!["true".to_owned(), "false".to_owned()],
        vec![none(), quoted(&letter)],
        vec!["51".to_owned()],
    ];
    let mut offenders = Vec::new();
    for (name, choices) in [
        ("list", &sagas[..]),
        ("list", &narrowed[..]),
        ("dead_letters", &letters[..]),
    ] {
        for arguments in combinations(choices) {
            let plan = plan(&database, name, &arguments).await;
            let mut reads = whole_reads(&plan);
            // Walking an index from the newest stops when the page is full.
            reads.retain(|read| is_large(read) && !read.starts_with("Index Scan"));
            if !reads.is_empty() {
                offenders.push(format!("{name} {arguments:?}: {reads:?}"));
            }
        }
    }
    assert_eq!(offenders, [""; 0]);
    database.drop().await;
}

/// What `list` is asked for: what is in every index in every way, and what narrows that further.
fn saga_filters(id: &str) -> [[Vec<String>; 12]; 2] {
    let none = || "NULL".to_owned();
    let quoted = |text: &str| format!("'{text}'");
    let hour = || "now() - interval '1 hour'".to_owned();
    let weeks = || "now() - interval '15 days'".to_owned();
    let every = [
        vec![
            none(),
            quoted("completed"),
            quoted("running"),
            quoted("paused"),
        ],
        vec![none(), quoted("order-1"), quoted("nothing")],
        vec![none(), quoted("key-7"), quoted("nothing")],
        vec![
            none(),
            quoted(r#"{"tenant": "t7"}"#),
            quoted(r#"{"tenant": "nobody"}"#),
        ],
        vec![none(), hour(), weeks()],
        vec![none(), quoted(id)],
        vec!["51".to_owned()],
        vec![none()],
        vec![none()],
        vec![none()],
        vec![none()],
        vec!["true".to_owned()],
    ];
    let narrowed = [
        vec![none(), quoted("completed")],
        vec![none(), quoted("order-1")],
        vec![none()],
        vec![none(), quoted(r#"{"tenant": "t7"}"#)],
        vec![none(), hour()],
        vec![none(), quoted(id)],
        vec!["51".to_owned()],
        vec![none(), quoted("1.0.0")],
        vec![none(), quoted("f-7")],
        vec![none(), quoted(id)],
        vec![none(), quoted("{running,paused}")],
        vec!["false".to_owned()],
    ];
    [every, narrowed]
}

/// One of each list, in every combination.
fn combinations(choices: &[Vec<String>]) -> Vec<Vec<String>> {
    let mut all: Vec<Vec<String>> = vec![Vec::new()];
    for choice in choices {
        let longer = |before: &Vec<String>| {
            let with = |one: &String| [before.as_slice(), std::slice::from_ref(one)].concat();
            choice.iter().map(with).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}

#[tokio::test]
async fn no_other_statement_reads_a_table_from_end_to_end() {
    let database = filled().await;
    database.admin.batch_execute(HOT_SESSION).await.unwrap();
    let mut checked = 0;
    let mut offenders = Vec::new();
    for file in
        std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/postgres/sql"))
            .unwrap()
    {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if READS_ON.contains(&&*name) {
            continue;
        }
        let wanted = (1..)
            .take_while(|n| statement(&name).contains(&format!("${n}")))
            .count();
        let plan = plan(&database, &name, &vec!["NULL".to_owned(); wanted]).await;
        let mut reads = whole_reads(&plan);
        reads.retain(|read| is_large(read) || read.ends_with("outbox"));
        if !reads.is_empty() {
            offenders.push(format!("{name}: {reads:?}"));
        }
        checked += 1;
    }
    offenders.sort();
    assert_eq!(offenders, [""; 0]);
    assert!(checked > 30, "{checked}");
    database.drop().await;
}

/// Plans are kept, so what is planned on the first day must be right on the last.
#[tokio::test]
async fn nor_does_one_read_a_day_that_was_planned_while_the_day_was_empty() {
    let database = Database::migrated().await;
    let store = database.store().await;
    store.open_days(store.now()).await.unwrap();
    database.admin.batch_execute(HOT_SESSION).await.unwrap();
    let days = store.days(store.now()).await.unwrap();
    let now = store.new_saga_id();
    let is_today =
        |day: &&orchestrator::store::StoredDay| day.day.first <= now && now < day.day.beyond;
    let today = &days.iter().find(is_today).unwrap().day;
    for name in ["load_values", "kept_values", "values", "history"] {
        // As day_query.rs does.
        let sql = statement(name);
        let (_, bounds) = sql.rsplit_once("BETWEEN ").unwrap();
        let mut bounds = bounds.split("::uuid");
        let (first, last) = (bounds.next().unwrap(), bounds.next().unwrap());
        let last = last.trim_start_matches(" AND ");
        let sql = sql
            .replace(
                &format!("{first}::uuid"),
                &format!("'{}'::uuid", today.first),
            )
            .replace(
                &format!("{last}::uuid"),
                &format!("'{}'::uuid", today.beyond),
            );
        let wanted = (1..)
            .take_while(|n| sql.contains(&format!("${n}::")))
            .count();
        let plan = plan_of(&database, &sql, &vec!["NULL".to_owned(); wanted]).await;
        assert_eq!(reads_of_a_range(&plan), [""; 0], "{name}");
    }
    drop(store);
    database.drop().await;
}
