//! This run beside an earlier one.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

/// What is compared: where it is in the JSON, and what it is called.
const FIGURES: [(&str, &str); 9] = [
    ("/ratio", "steps ÷ best ping-pong"),
    ("/steps_per_second", "durable steps a second"),
    ("/pingpong_per_second", "best ping-pong a second"),
    ("/latency_ms/one/p50", "one saga at a time, p50, ms"),
    ("/latency_ms/half/p99", "half load, p99, ms"),
    ("/latency_ms/full/p50", "full load, p50, ms"),
    (
        "/cpu_seconds_per_1000_steps/orchestrator",
        "CPU, orchestrator, s",
    ),
    ("/cpu_seconds_per_1000_steps/postgres", "CPU, postgres, s"),
    ("/cpu_seconds_per_1000_steps/rabbitmq", "CPU, rabbitmq, s"),
];

/// What an earlier run printed with `--json`: the last line of this file.
pub(crate) fn baseline(file: &Path) -> Result<Value> {
    let named = || format!("read the baseline {}", file.display());
    let text = fs::read_to_string(file).with_context(named)?;
    let line = text.lines().rfind(|line| !line.trim().is_empty());
    let line = line.with_context(named)?;
    serde_json::from_str(line)
        .with_context(|| format!("the last line of {} is no figures", file.display()))
}

/// A table of both. Only ratios mean something between two machines, or two hours of one.
pub(crate) fn compare(before: &Value, now: &Value) -> String {
    let mut text = format!(
        "{:<34} {:>10} {:>10} {:>8}\n",
        "", "before", "now", "change"
    );
    for (place, name) in FIGURES {
        let figure = |of: &Value| of.pointer(place).and_then(Value::as_f64);
        let (Some(before), Some(now)) = (figure(before), figure(now)) else {
            let _into_a_string = writeln!(text, "{name:<34} not in both");
            continue;
        };
        let change = (now / before - 1.0) * 100.0;
        let _into_a_string = writeln!(
            text,
            "{name:<34} {before:>10.3} {now:>10.3} {change:>+7.1}%"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn says_by_how_much_a_figure_changed_and_what_is_missing() {
        let text = compare(&json!({ "ratio": 0.5 }), &json!({ "ratio": 0.6 }));
        let first = text.lines().nth(1).unwrap();
        assert!(first.starts_with("steps ÷ best ping-pong"), "{text}");
        assert!(first.ends_with("0.500      0.600   +20.0%"), "{text}");
        assert!(text.lines().nth(2).unwrap().ends_with("not in both"));
    }

    #[test]
    fn takes_the_last_line_of_what_was_printed() {
        let file = std::env::temp_dir().join(format!("baseline-{}", std::process::id()));
        fs::write(&file, "a table\n{\"ratio\":0.25}\n\n").unwrap();
        let read = baseline(&file).unwrap();
        fs::remove_file(&file).unwrap();
        assert_eq!(read["ratio"], 0.25);
    }
}
