//! What was measured, round by round.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::pingpong::Game;
use crate::processes::Usage;
use crate::statistics::Rounds;

/// Latency percentiles over rounds, in milliseconds.
#[derive(Debug, Default)]
pub(crate) struct LatencyRounds {
    pub(crate) p50: Rounds,
    pub(crate) p99: Rounds,
}

/// Every figure of a run.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Round trips a second of each way to play the ping-pong.
    pub(crate) pingpong: Vec<(Game, Rounds)>,
    pub(crate) coalesced: Rounds,
    /// CPU seconds of the broker for a thousand round trips, whatever the way.
    pub(crate) pingpong_broker: Rounds,
    pub(crate) steps: Rounds,
    pub(crate) sagas: Rounds,
    pub(crate) one: LatencyRounds,
    /// At half of the full rate, of sagas that are started as under full load.
    pub(crate) half: LatencyRounds,
    /// The same of sagas that are started one by one.
    pub(crate) half_one_by_one: LatencyRounds,
    pub(crate) full: LatencyRounds,
    pub(crate) fsync: Rounds,
    pub(crate) hop: Rounds,
    /// Of each part, CPU seconds for a thousand steps.
    pub(crate) cpu: BTreeMap<&'static str, Rounds>,
    /// Of each part, bytes written to disk for a saga.
    pub(crate) written: BTreeMap<&'static str, Rounds>,
    /// Of each part, its highest memory so far in MiB.
    pub(crate) peak: BTreeMap<&'static str, f64>,
    pub(crate) transactions: Rounds,
    pub(crate) log_syncs: Rounds,
    pub(crate) log_bytes: Rounds,
}

impl Figures {
    /// The yardstick: the best median.
    pub(crate) fn best(&self) -> Option<&(Game, Rounds)> {
        let by_median = |one: &&(Game, Rounds), other: &&(Game, Rounds)| {
            one.1.median().total_cmp(&other.1.median())
        };
        self.pingpong.iter().max_by(by_median)
    }

    pub(crate) fn add_game(&mut self, game: Game, per_second: f64) {
        match self.pingpong.iter_mut().find(|(played, _)| *played == game) {
            Some((_, rounds)) => rounds.add(per_second),
            None => self
                .pingpong
                .push((game, std::iter::once(per_second).collect())),
        }
    }

    pub(crate) fn add_usage(&mut self, part: &'static str, used: &Usage, sagas: f64, steps: f64) {
        self.cpu
            .entry(part)
            .or_default()
            .add(used.cpu / steps * 1e3);
        self.written
            .entry(part)
            .or_default()
            .add(used.written / sagas);
        self.peak.insert(part, used.peak_kib / 1024.0);
    }

    pub(crate) fn ratio(&self) -> f64 {
        self.best().map_or(f64::NAN, |(_, rounds)| {
            self.steps.median() / rounds.median()
        })
    }

    /// The longest that a saga may take when it is alone: 9 commits and 8 hops, and a third on top.
    pub(crate) fn one_allowed(&self) -> f64 {
        1.3 * (9.0 * self.fsync.median() + 8.0 * self.hop.median())
    }

    /// The line for programs.
    pub(crate) fn json(&self) -> Value {
        let latency =
            |it: &LatencyRounds| json!({ "p50": it.p50.median(), "p99": it.p99.median() });
        let medians = |parts: &BTreeMap<&'static str, Rounds>| {
            parts
                .iter()
                .map(|(part, it)| ((*part).to_owned(), it.median().into()))
                .collect::<serde_json::Map<_, _>>()
        };
        json!({
            "pingpong_per_second": self.best().map(|(_, rounds)| rounds.median()),
            "coalesced_pingpong_per_second": self.coalesced.median(),
            "steps_per_second": self.steps.median(),
            "sagas_per_second": self.sagas.median(),
            "ratio": self.ratio(),
            "latency_ms": {
                "one": latency(&self.one),
                "half": latency(&self.half),
                "half_one_by_one": latency(&self.half_one_by_one),
                "full": latency(&self.full),
            },
            "fsync_ms": self.fsync.median(),
            "hop_ms": self.hop.median(),
            "cpu_seconds_per_1000_steps": medians(&self.cpu),
            "peak_mib": self.peak,
            "written_bytes_per_saga": medians(&self.written),
            "transactions_per_step": self.transactions.median(),
            "log_syncs_per_step": self.log_syncs.median(),
            "log_bytes_per_step": self.log_bytes.median(),
        })
    }
}
