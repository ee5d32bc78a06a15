//! Two versions of a definition beside each other, for people.

use orchestrator::http::{ChangeView, DiffView};

/// Longest value that is shown on its line, in characters.
const VALUE_MAX: usize = 60;

/// What differs, and who could move.
pub fn told(diff: &DiffView) -> String {
    let mut text = format!("{} -> {}\n", diff.from, diff.to);
    if diff.changes.is_empty() {
        text.push_str("  nothing differs but the text\n");
    }
    let mut about: Option<Option<&str>> = None;
    for change in &diff.changes {
        let step = change.step.as_deref();
        if about != Some(step) {
            let title = step.map_or_else(|| "saga".to_owned(), |step| format!("step {step}"));
            text.push_str(&format!("  {title}\n"));
            about = Some(step);
        }
        text.push_str(&format!("    {}\n", line(change)));
    }
    text.push('\n');
    let more = if diff.truncated { ", and more" } else { "" };
    text.push_str(&match diff.sagas {
        0 => format!("no saga runs {}\n", diff.from),
        1 => format!("1 running saga{more}\n"),
        several => format!("{several} running sagas{more}\n"),
    });
    for position in &diff.positions {
        let verdict = if position.movable {
            "could move"
        } else {
            "must stay"
        };
        text.push_str(&format!(
            "  {:>6}  {verdict}  {}\n",
            position.sagas, position.position
        ));
        for obstacle in &position.obstacles {
            text.push_str(&format!("          {obstacle}\n"));
        }
    }
    text
}

fn line(change: &ChangeView) -> String {
    let field = &change.field;
    match (&change.before, &change.after) {
        (None, Some(after)) if field == "step" => format!("+ {after}"),
        (Some(before), None) if field == "step" => format!("- {before}"),
        (None, Some(after)) => format!("+ {field}: {}", short(after)),
        (Some(before), None) => format!("- {field}: {}", short(before)),
        (Some(before), Some(after)) => format!("~ {field}: {} -> {}", short(before), short(after)),
        (None, None) => field.clone(),
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(VALUE_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use orchestrator::http::DiffView;
    use serde_json::json;

    use super::told;

    #[test]
    fn a_diff_is_told_step_by_step_with_its_positions() {
        let diff: DiffView = serde_json::from_value(json!({
            "from": "order 1.0.0",
            "to": "order 1.1.0",
            "changes": [
                { "field": "deadline", "before": "30m", "after": "1h" },
                { "step": "charge", "field": "when", "after": "input.amount > 0" },
                { "step": "notify", "field": "step", "after": "notifications.send" },
            ],
            "positions": [
                { "position": "running: charge scheduled", "sagas": 12, "example": "x",
                  "movable": false, "obstacles": ["step charge is gone"] },
                { "position": "running: place scheduled", "sagas": 3, "example": "y",
                  "movable": true },
            ],
            "sagas": 15,
            "truncated": true,
        }))
        .expect("a diff");
        let expected = "order 1.0.0 -> order 1.1.0\n  saga\n    ~ deadline: 30m -> 1h\n  step charge\n    \
                        + when: input.amount > 0\n  step notify\n    + notifications.send\n\n15 running \
                        sagas, and more\n      12  must stay  running: charge scheduled\n          step \
                        charge is gone\n       3  could move  running: place scheduled\n";
        assert_eq!(told(&diff), expected);
    }
}
