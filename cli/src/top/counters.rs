//! What the orchestrator's metrics say.

use std::collections::BTreeMap;

/// The numbers that are shown, as of one reading. Counters are those of the orchestrator that was
/// asked; gauges are of all.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Counters {
    /// Open sagas by status.
    pub(super) open: BTreeMap<String, u64>,
    /// Sagas started since the orchestrator began.
    pub(super) started: f64,
    /// Sagas closed since then.
    pub(super) closed: f64,
    /// Commands that wait in the outbox.
    pub(super) outbox_rows: f64,
    /// Seconds for which the oldest has waited.
    pub(super) outbox_oldest_seconds: f64,
    /// Commits by their upper bound in seconds, each bucket with those below it.
    commits: Vec<(f64, f64)>,
}

impl Counters {
    /// Reads the text that Prometheus reads. What is not known here is passed over.
    pub(super) fn parse(text: &str) -> Self {
        let mut counters = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((name, value)) = line.rsplit_once(' ') else {
                continue;
            };
            let Ok(value) = value.parse::<f64>() else {
                continue;
            };
            let (metric, labels) = name.split_once('{').unwrap_or((name, ""));
            match metric {
                "amends_sagas_open" => {
                    if let Some(status) = label(labels, "status") {
                        counters.open.insert(status.to_owned(), whole(value));
                    }
                }
                "amends_sagas_started_total" => counters.started += value,
                "amends_sagas_closed_total" => counters.closed += value,
                "amends_outbox_rows" => counters.outbox_rows = value,
                "amends_outbox_oldest_seconds" => counters.outbox_oldest_seconds = value,
                "amends_commit_seconds_bucket" => {
                    let bound = label(labels, "le").and_then(|text| text.parse().ok());
                    counters.commits.extend(bound.map(|bound| (bound, value)));
                }
                _ => {}
            }
        }
        counters
    }

    /// The time within which this part of the commits since `before` was done, in seconds; none
    /// when there were none.
    pub(super) fn commit_seconds(&self, before: &Self, part: f64) -> Option<f64> {
        let since = |index: usize, value: f64| {
            let earlier = before.commits.get(index).map_or(0.0, |(_, value)| *value);
            (value - earlier).max(0.0)
        };
        let all = self
            .commits
            .last()
            .map_or(0.0, |(_, value)| since(self.commits.len() - 1, *value));
        if all <= 0.0 {
            return None;
        }
        let mut buckets = self.commits.iter().enumerate();
        let found = buckets.find(|(index, (_, value))| since(*index, *value) >= all * part);
        found.map(|(_, (bound, _))| *bound)
    }
}

/// The value of a label in `name="value",…}`.
fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    let labels = labels.strip_suffix('}')?;
    labels.split(',').find_map(|pair| {
        let value = pair.strip_prefix(name)?.strip_prefix("=\"")?;
        value.strip_suffix('"')
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count that is no count reads as 0, one that is too large as the largest"
)]
fn whole(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# HELP amends_sagas_open Open sagas\n\
        amends_sagas_open{status=\"running\"} 12\n\
        amends_sagas_started_total{definition=\"order\"} 30\n\
        amends_sagas_started_total{definition=\"trip\"} 10\n\
        amends_sagas_closed_total{definition=\"order\",status=\"completed\"} 25\n\
        amends_commit_seconds_bucket{le=\"0.001\"} 10\n\
        amends_commit_seconds_bucket{le=\"0.002\"} 90\n\
        amends_commit_seconds_bucket{le=\"+Inf\"} 100\n\
        amends_outbox_rows 3\nodd\namends_outbox_rows many\n";

    #[test]
    fn metrics_are_read_and_sums_are_made() {
        let counters = Counters::parse(TEXT);
        assert_eq!(counters.open["running"], 12);
        assert_eq!((counters.started, counters.closed), (40.0, 25.0));
        assert_eq!(counters.outbox_rows, 3.0);
    }

    #[test]
    fn times_are_those_since_the_reading_before() {
        let none = Counters::default();
        let counters = Counters::parse(TEXT);
        assert_eq!(counters.commit_seconds(&none, 0.5), Some(0.002));
        assert_eq!(counters.commit_seconds(&none, 0.99), Some(f64::INFINITY));
        assert_eq!(counters.commit_seconds(&counters, 0.5), None);
    }
}
