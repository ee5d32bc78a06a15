//! What was measured, for people and for programs.

use serde::Serialize;

use crate::cost::Cost;
use crate::listings::Listing;
use crate::retention::Removal;

/// Everything that was measured.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    /// How long the API takes to list, with many stored.
    pub(crate) listings: Vec<Listing>,
    /// What a transition costs, at each size.
    pub(crate) costs: Vec<Cost>,
    /// What it costs to be rid of a day.
    pub(crate) removals: Vec<Removal>,
}

impl Report {
    pub(crate) fn print(&self, json: bool) {
        if json {
            let text = serde_json::to_string_pretty(self).expect("a report");
            println!("{text}");
            return;
        }
        self.print_listings();
        self.print_costs();
        self.print_removals();
    }

    fn print_removals(&self) {
        println!(
            "\n{:<32} {:>8} {:>8} {:>8} {:>6} {:>5} {:>6}",
            "removed, beside starts", "rows", "ms", "WAL MiB", "starts", "p50", "max ms"
        );
        for one in &self.removals {
            println!(
                "{:<32} {:>8} {:>8.0} {:>8.1} {:>6} {:>5.1} {:>6.1}",
                one.what, one.rows, one.millis, one.wal_mib, one.starts, one.p50, one.max
            );
        }
    }

    fn print_listings(&self) {
        println!(
            "{:<58} {:>5} {:>7} {:>7}",
            "GET, milliseconds", "rows", "p50", "max"
        );
        for one in &self.listings {
            println!(
                "{:<58} {:>5} {:>7.1} {:>7.1}",
                one.path, one.rows, one.p50, one.max
            );
        }
    }

    fn print_costs(&self) {
        let [few, many] = &self.costs[..] else {
            return;
        };
        println!(
            "\nWhat a transition costs with {} and with {} sagas stored ({} and {} transitions):\n",
            few.stored, many.stored, few.transitions, many.transitions
        );
        println!(
            "{:<20} {:>7} {:>7} {:>6}   {:>7} {:>7} {:>6}",
            "statement", "blocks", "", "", "µs", "", ""
        );
        for (name, before) in few
            .statements
            .iter()
            .chain([(&"all".to_owned(), &few.total())])
        {
            let after = many.statements.get(name).copied();
            let after = if name == "all" {
                many.total()
            } else {
                after.unwrap_or_default()
            };
            println!(
                "{name:<20} {:>7.2} {:>7.2} {:>6}   {:>7.1} {:>7.1} {:>6}",
                before.blocks,
                after.blocks,
                change(before.blocks, after.blocks),
                before.micros,
                after.micros,
                change(before.micros, after.micros),
            );
        }
        println!(
            "the shortest sample of each; median and longest: {:.1}, {:.1} and {:.1}, {:.1} µs",
            few.spread.0, few.spread.1, many.spread.0, many.spread.1
        );
        println!(
            "\n{:<36} {:>7} {:>7} {:>6}",
            "blocks of a transition, by relation", "", "", ""
        );
        for (name, before) in &few.relations {
            let after = many.relations.get(name).copied().unwrap_or_default();
            if before.max(after) >= 0.01 {
                println!(
                    "{name:<36} {before:>7.2} {after:>7.2} {:>6}",
                    change(*before, after)
                );
            }
        }
        println!(
            "\nupdates of sagas that touched no index: {:.1} % and {:.1} %",
            few.hot_ratio * 100.0,
            many.hot_ratio * 100.0
        );
    }
}

fn change(before: f64, after: f64) -> String {
    if before == 0.0 {
        return String::new();
    }
    format!("{:+.0} %", (after / before - 1.0) * 100.0)
}
