//! What one transition costs the database, statement by statement.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use system_tests::database::Database;

use crate::workload::{Course, Stage};

/// Sagas that are run before it counts, so that connections, plans and caches are there.
const WARM_UP: usize = 500;
/// Sagas that are run while it counts.
const RUN: usize = 500;
/// Measurements of which the shortest counts: whatever else the machine does only makes them longer.
const SAMPLES: usize = 15;
/// An idle session of the server keeps what it has counted to itself for 10 seconds.
const SESSIONS_TELL_AFTER: Duration = Duration::from_secs(11);

/// What a statement cost.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Used {
    /// How often it ran.
    pub(crate) calls: f64,
    /// Blocks that it touched, in the buffers or not.
    pub(crate) blocks: f64,
    /// Blocks that it had to read.
    pub(crate) read: f64,
    /// Time that it ran, in microseconds. Waiting for the disk at commit is not in it.
    pub(crate) micros: f64,
}

/// What was used while so many sagas were stored, for each transition.
#[derive(Debug, Serialize)]
pub(crate) struct Cost {
    /// Sagas that were stored.
    pub(crate) stored: u32,
    /// Transitions that were counted.
    pub(crate) transitions: u64,
    /// By statement.
    pub(crate) statements: BTreeMap<String, Used>,
    /// Time of all statements in the median and in the longest sample, in microseconds; the rest is
    /// the shortest.
    pub(crate) spread: (f64, f64),
    /// Blocks touched, by table or index.
    pub(crate) relations: BTreeMap<String, f64>,
    /// Updates of `sagas` that touched no index, of all.
    pub(crate) hot_ratio: f64,
}

impl Cost {
    /// All statements together.
    pub(crate) fn total(&self) -> Used {
        sum(&self.statements)
    }
}

fn sum(statements: &BTreeMap<String, Used>) -> Used {
    let sum = |of: fn(&Used) -> f64| statements.values().map(of).sum();
    Used {
        calls: sum(|used| used.calls),
        blocks: sum(|used| used.blocks),
        read: sum(|used| used.read),
        micros: sum(|used| used.micros),
    }
}

/// Runs sagas on each stage in turn, so that whatever else the machine does falls on all of them,
/// and counts.
pub(crate) async fn measure(stages: &[Stage]) -> Vec<Cost> {
    for stage in stages {
        stage.run(Course::Completes, WARM_UP).await;
    }
    tokio::time::sleep(SESSIONS_TELL_AFTER).await;
    let mut running = Vec::new();
    for stage in stages {
        running.push(Running {
            stage,
            relations: relations(&stage.database).await,
            updates: updates(&stage.database).await,
            samples: Vec::new(),
        });
    }
    for _ in 0..SAMPLES {
        for one in &mut running {
            let database = &one.stage.database;
            database.execute("SELECT pg_stat_statements_reset()").await;
            one.stage.run(Course::Completes, RUN).await;
            one.samples.push(statements(database).await);
        }
    }
    tokio::time::sleep(SESSIONS_TELL_AFTER).await;
    let mut costs = Vec::new();
    for one in running {
        costs.push(one.finish().await);
    }
    costs
}

/// A measurement under way.
struct Running<'a> {
    stage: &'a Stage,
    relations: BTreeMap<String, i64>,
    updates: (i64, i64),
    samples: Vec<(u64, BTreeMap<String, Used>)>,
}

impl Running<'_> {
    async fn finish(mut self) -> Cost {
        let database = &self.stage.database;
        let all: u64 = self
            .samples
            .iter()
            .map(|(transitions, _)| transitions)
            .sum();
        let after = relations(database).await.into_iter();
        let relations = after.filter_map(|(name, blocks)| {
            let blocks = blocks - self.relations.get(&name).copied().unwrap_or(0);
            (blocks > 0).then_some((name, blocks as f64 / all as f64))
        });
        let relations = relations.collect();
        let (updates, hot) = updates(database).await;
        self.samples
            .sort_by(|(_, a), (_, b)| sum(a).micros.total_cmp(&sum(b).micros));
        let spread = |at: usize| sum(&self.samples[at].1).micros;
        let spread = (spread(SAMPLES / 2), spread(SAMPLES - 1));
        let (transitions, statements) = self.samples.swap_remove(0);
        Cost {
            stored: self.stage.stored,
            transitions,
            statements,
            spread,
            relations,
            hot_ratio: (hot - self.updates.1) as f64 / (updates - self.updates.0) as f64,
        }
    }
}

/// How many transitions there were since the last reset, and what each statement cost for one.
async fn statements(database: &Database) -> (u64, BTreeMap<String, Used>) {
    let names = names();
    let rows = database.query(include_str!("sql/statements.sql")).await;
    let mut transitions = 0;
    let mut statements: BTreeMap<String, Used> = BTreeMap::new();
    for row in &rows {
        let shape = shape(row.get(0));
        // Batches leave out what they have nothing of, so this statement has many texts. All end alike.
        let name = match names.get(&shape) {
            Some(name) => name,
            None if shape.ends_with("SELECTidFROMmatched") => "commit",
            None => continue,
        };
        if name == "commit" {
            transitions += row.get::<_, i64>(2).unsigned_abs();
        }
        let number = |column| row.get::<_, i64>(column) as f64;
        let used = statements.entry(name.to_owned()).or_default();
        used.calls += number(1);
        used.blocks += number(3);
        used.read += number(4);
        used.micros += row.get::<_, f64>(5);
    }
    assert!(transitions > 0, "no transition was counted");
    let each = transitions as f64;
    for used in statements.values_mut() {
        used.calls /= each;
        used.blocks /= each;
        used.read /= each;
        used.micros /= each;
    }
    (transitions, statements)
}

/// A statement without its comments, spaces and constants, which the server does not keep.
fn shape(sql: &str) -> String {
    let code: Vec<&str> = sql
        .lines()
        .map(|line| line.split("--").next().unwrap_or_default())
        .collect();
    let code = code.join(" ");
    let mut shape = String::new();
    let mut letters = code.chars().peekable();
    while let Some(letter) = letters.next() {
        let in_name = shape.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        match letter {
            '\'' => {
                while letters.next_if(|c| *c != '\'').is_some() {}
                letters.next();
                shape.push('?');
            }
            '0'..='9' | '$' if !in_name => {
                while letters.next_if(char::is_ascii_digit).is_some() {}
                shape.push('?');
            }
            _ if letter.is_whitespace() => {}
            _ => shape.push(letter),
        }
    }
    shape
}

/// The shape of each statement of the store, to its name.
fn names() -> BTreeMap<String, String> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../orchestrator/src/store/postgres/sql");
    let files = std::fs::read_dir(folder).expect("the statements");
    files
        .map(|file| {
            let path = file.expect("a statement").path();
            let name = path
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            let text = std::fs::read_to_string(&path).expect("a statement");
            (shape(&text), name)
        })
        .collect()
}

/// Blocks that were touched of each table and index so far; partitions count as their table.
async fn relations(database: &Database) -> BTreeMap<String, i64> {
    let rows = database.query(include_str!("sql/relations.sql")).await;
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Updates of `sagas` so far, and how many of them touched no index.
async fn updates(database: &Database) -> (i64, i64) {
    let sql = "SELECT sum(n_tup_upd)::bigint, sum(n_tup_hot_upd)::bigint FROM pg_stat_all_tables
               WHERE schemaname = 'amends' AND relname ~ '^sagas'";
    let rows = database.query(sql).await;
    (rows[0].get(0), rows[0].get(1))
}
