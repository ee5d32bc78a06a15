//! Fills the database with sagas that look real: a few are run, and their rows are copied.

use std::time::{Duration, Instant};

use saga_core::ids::SagaId;

use crate::workload::{Course, Stage};

/// Sagas of each course that are run to be copied.
const RUN_OF_EACH: usize = 4;

/// Sagas that are copied by one statement.
const CHUNK: u32 = 50_000;

/// Of 1,000 sagas, how many went which way. Most have completed; open ones are few.
const OF_1000: [(Course, u32); 6] = [
    (Course::Completes, 960),
    (Course::IsUndone, 25),
    (Course::Waits, 6),
    (Course::Rests, 2),
    (Course::FailsToUndo, 2),
    (Course::IsTerminated, 5),
];

const MAKE_TEMPLATES: &str = include_str!("sql/make_templates.sql");
const OPEN_DAYS: &str = include_str!("sql/open_days.sql");
const CHOOSE: &str = include_str!("sql/choose.sql");
const COPY: [&str; 5] = [
    include_str!("sql/copy_sagas.sql"),
    include_str!("sql/copy_keys.sql"),
    include_str!("sql/copy_events.sql"),
    include_str!("sql/copy_values.sql"),
    include_str!("sql/make_letters.sql"),
];

/// Fills a stage with so many sagas that have started over the last `days` days, and leaves the
/// tables as vacuum would.
pub(crate) async fn fill(stage: &mut Stage, count: u32, days: u32) -> Duration {
    let begin = Instant::now();
    run_templates(stage).await;
    let database = &stage.database;
    database
        .execute(&OPEN_DAYS.replace("$days", &days.to_string()))
        .await;
    let mut done = 0;
    while done < count {
        let until = count.min(done + CHUNK);
        let chosen = CHOOSE
            .replace("$first", &(done + 1).to_string())
            .replace("$last", &until.to_string())
            .replace("$count", &count.to_string())
            .replace("$days", &days.to_string());
        let chunk: Vec<&str> = std::iter::once(chosen.as_str()).chain(COPY).collect();
        database.execute(&chunk.join(";\n")).await;
        done = until;
    }
    database.execute("VACUUM ANALYZE").await;
    database.execute("CHECKPOINT").await;
    stage.stored = count;
    stage.days = days;
    begin.elapsed()
}

/// Runs sagas of every course, to be copied.
async fn run_templates(stage: &Stage) {
    let database = &stage.database;
    database.execute(MAKE_TEMPLATES).await;
    let mut slot = 0;
    for (course, weight) in OF_1000 {
        let ids = stage.run(course, RUN_OF_EACH).await;
        for number in 0..weight {
            let id = ids[usize::try_from(number).expect("a small number") % ids.len()];
            database.execute(&note(slot, id)).await;
            slot += 1;
        }
    }
    let sql = "SELECT count(*) FROM growth.templates t JOIN amends.sagas s USING (id)";
    assert_eq!(database.number(sql).await, 1000, "every slot has its saga");
}

fn note(slot: u32, id: SagaId) -> String {
    format!("INSERT INTO growth.templates VALUES ({slot}, '{id}')")
}
