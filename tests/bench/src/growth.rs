//! What grows over a long run: memory and tables, looked at again and again.

use std::collections::BTreeMap;

use anyhow::Result;
use tokio_postgres::Client;

use crate::processes::Processes;
use crate::statistics::percentile;

/// What is held when the median of the last third of a run is above that of the middle third by more
/// than this share, and, for memory and for tables that keep nothing, by more than these MiB: it
/// grows. Of tables that keep rows it is the bytes for a row.
pub(crate) const GROWTH_SHARE: f64 = 0.1;
pub(crate) const GROWTH_MIB: f64 = 16.0;

/// A table with fewer rows in the end keeps nothing.
const KEPT_ROWS_MIN: f64 = 10_000.0;

const MIB: f64 = 1024.0 * 1024.0;

/// One look.
#[derive(Debug)]
pub(crate) struct Look {
    /// Seconds since the run began.
    pub(crate) at: f64,
    /// MiB that each part has for itself.
    pub(crate) memory: BTreeMap<&'static str, f64>,
    tables: BTreeMap<String, Table>,
}

#[derive(Debug, Clone, Copy)]
struct Table {
    bytes: f64,
    rows: f64,
}

/// One thing in the middle and at the end of a run.
#[derive(Debug)]
pub(crate) struct Trend {
    pub(crate) what: String,
    pub(crate) unit: &'static str,
    pub(crate) middle: f64,
    pub(crate) last: f64,
    pub(crate) grows: bool,
}

impl Look {
    pub(crate) async fn take(at: f64, processes: &Processes, database: &Client) -> Result<Self> {
        let parts = processes.usage()?;
        let rows = database.query(include_str!("sql/sizes.sql"), &[]).await?;
        let tables = rows.iter().map(|row| {
            let (bytes, rows) = (row.get(1), row.get(2));
            (row.get(0), Table { bytes, rows })
        });
        Ok(Self {
            at,
            memory: parts
                .into_iter()
                .map(|(part, usage)| (part, usage.memory_kib / 1024.0))
                .collect(),
            tables: tables.collect(),
        })
    }

    /// Bytes of all tables and indexes for each saga that is stored.
    pub(crate) fn bytes_per_saga(&self) -> f64 {
        let bytes: f64 = self.tables.values().map(|table| table.bytes).sum();
        self.tables
            .get("sagas")
            .map_or(f64::NAN, |it| bytes / it.rows)
    }
}

/// What became of everything that was looked at.
pub(crate) fn trends(looks: &[Look]) -> Vec<Trend> {
    let Some(last) = looks.last() else {
        return Vec::new();
    };
    let mut trends: Vec<Trend> = last
        .memory
        .keys()
        .map(|part| {
            let memory = |look: &Look| look.memory.get(part).copied();
            trend(format!("memory, {part}"), "MiB", looks, memory, GROWTH_MIB)
        })
        .collect();
    for (name, table) in &last.tables {
        let of = |look: &Look| look.tables.get(name).copied();
        if table.rows >= KEPT_ROWS_MIN {
            let per_row = |look: &Look| of(look).map(|it| it.bytes / it.rows);
            trends.push(trend(
                format!("a row, {name}"),
                "bytes",
                looks,
                per_row,
                0.0,
            ));
        } else if table.bytes > MIB {
            let size = |look: &Look| of(look).map(|it| it.bytes / MIB);
            trends.push(trend(
                format!("table, {name}"),
                "MiB",
                looks,
                size,
                GROWTH_MIB,
            ));
        }
    }
    trends
}

fn trend(
    what: String,
    unit: &'static str,
    looks: &[Look],
    figure: impl Fn(&Look) -> Option<f64>,
    slack: f64,
) -> Trend {
    let end = looks.last().map_or(0.0, |look| look.at);
    let median = |from: f64, to: f64| {
        let within = looks
            .iter()
            .filter(|it| it.at >= from * end && it.at <= to * end);
        percentile(&within.filter_map(&figure).collect::<Vec<f64>>(), 0.5)
    };
    let (middle, last) = (median(1.0 / 3.0, 2.0 / 3.0), median(2.0 / 3.0, 1.0));
    Trend {
        what,
        unit,
        middle,
        last,
        grows: last > middle * (1.0 + GROWTH_SHARE) + slack,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run of nine looks in which a part and two tables change as these say.
    fn looks(memory: fn(f64) -> f64, kept: fn(f64) -> f64, emptied: fn(f64) -> f64) -> Vec<Look> {
        let rows = |at: f64| 20_000.0 * at;
        let look = |at: f64| Look {
            at,
            memory: BTreeMap::from([("worker", memory(at))]),
            tables: BTreeMap::from([
                (
                    "sagas".to_owned(),
                    Table {
                        bytes: kept(at) * rows(at),
                        rows: rows(at),
                    },
                ),
                (
                    "outbox".to_owned(),
                    Table {
                        bytes: emptied(at) * MIB,
                        rows: 10.0,
                    },
                ),
            ]),
        };
        (1..=9_u8).map(|at| look(f64::from(at))).collect()
    }

    fn growing(looks: &[Look]) -> Vec<String> {
        let growing = trends(looks).into_iter().filter(|it| it.grows);
        growing.map(|it| it.what).collect()
    }

    #[test]
    fn what_only_keeps_what_is_stored_does_not_grow() {
        let steady = looks(|_| 40.0, |_| 500.0, |_| 4.0);
        assert_eq!(growing(&steady), Vec::<String>::new());
        assert_eq!(trends(&steady).len(), 3);
    }

    #[test]
    fn memory_that_rises_on_and_on_and_rows_that_take_ever_more_do() {
        let leaking = looks(|at| 40.0 * at, |at| 500.0 * at, |at| 30.0 * at);
        assert_eq!(
            growing(&leaking),
            ["memory, worker", "table, outbox", "a row, sagas"]
        );
    }
}
