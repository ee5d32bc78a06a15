//! `amends saga plan`: what would be undone.

use std::fmt::Write as _;

use orchestrator::http::PlanView;
use saga_core::plan::{Outlook, Undo};

use crate::client::encode_query;
use crate::failure::Outcome;
use crate::look_args::PlanArgs;
use crate::prose::{COLUMNS, cut, wrapped};
use crate::{narrative, output};

pub(super) async fn plan(args: &PlanArgs) -> Outcome {
    let step = args.if_failed_at.clone();
    let query: Vec<_> = step
        .into_iter()
        .map(|step| ("if_failed_at", step))
        .collect();
    let path = format!("/v1/sagas/{}/plan?{}", args.id, encode_query(&query));
    let view: PlanView = args.server.client()?.get(&path).await?;
    output::document(args.server.output, &view, |_| story(&view))
}

fn story(view: &PlanView) -> String {
    let Outlook {
        if_failed_at,
        ends,
        rests,
        settle_first,
        undo,
        nothing_to_undo,
        remains,
        unclear,
        left_out,
    } = &view.plan;
    let more = left_out.unwrap_or_default();
    let mut text = format!(
        "{} {}  {}\n{}\n",
        view.definition, view.version, view.status, view.id
    );
    let what = match if_failed_at {
        Some(step) => format!("if {step} failed, the saga would be {ends}"),
        None => format!("cancelled now, the saga would be {ends}"),
    };
    let _infallible = writeln!(text, "{what}");
    if let Some(cause) = rests {
        text.push_str(&wrapped(
            &format!("it would rest: {}", narrative::rests(cause)),
            2,
        ));
    }
    let doubts = (settle_first.as_slice(), more.settle_first);
    section(&mut text, "to be settled first", doubts, |doubt| {
        let who = if doubt.by_hand {
            "nobody knows whether it happened; resolve it"
        } else {
            "its worker is asked whether it happened"
        };
        let pivot = if doubt.pivot {
            "; if so, nothing is undone"
        } else {
            ""
        };
        format!("{:<18} {who}{pivot}", doubt.step.to_string())
    });
    if undo.is_empty() {
        text.push_str("nothing is undone\n");
    }
    let undos = (undo.as_slice(), more.undo);
    section(&mut text, "undone, in this order", undos, undone);
    let nothing = (nothing_to_undo.as_slice(), more.nothing_to_undo);
    section(&mut text, "nothing to undo", nothing, |one| {
        format!("{:<18} {}", one.step.to_string(), one.why.as_str())
    });
    let stays = (remains.as_slice(), more.remains);
    section(&mut text, "remains", stays, |one| {
        format!("{:<18} {}", one.step.to_string(), one.because)
    });
    for why in unclear {
        text.push_str(&wrapped(&format!("unclear: {why}"), 0));
    }
    text.push_str(&and_more(more.unclear));
    text
}

/// A list under its title, and how much of it is not told.
fn section<T>(
    text: &mut String,
    title: &str,
    (items, more): (&[T], u32),
    line: impl Fn(&T) -> String,
) {
    if items.is_empty() {
        return;
    }
    let _infallible = writeln!(text, "{title}");
    for item in items {
        let _infallible = writeln!(text, "{}", cut(&format!("  {}", line(item)), COLUMNS));
    }
    text.push_str(&and_more(more));
}

fn and_more(more: u32) -> String {
    if more == 0 {
        return String::new();
    }
    format!("  and {more} more\n")
}

fn undone(undo: &Undo) -> String {
    let mut line = format!("{:>3} {:<18} ", undo.order, undo.step.to_string());
    match (&undo.operation, &undo.child) {
        (Some(operation), _) => line.push_str(operation),
        (None, Some(child)) => {
            let _infallible = write!(line, "saga {child} undoes itself");
        }
        (None, None) => line.push('-'),
    }
    if undo.under_way {
        line.push_str(", under way");
    }
    if undo.if_it_happened {
        line.push_str(", if it happened");
    }
    if let Some(error) = &undo.error {
        let _infallible = write!(line, ", fails: {error}");
    }
    if let Some(input) = &undo.input {
        let _infallible = write!(line, " {input}");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_says_how_much_of_it_is_not_told() {
        let mut text = String::new();
        section(&mut text, "some", (&["a", "b"], 3), |item| {
            (*item).to_owned()
        });
        section(&mut text, "all", (&["c"], 0), |item| (*item).to_owned());
        assert_eq!(text, "some\n  a\n  b\n  and 3 more\nall\n  c\n");
    }
}
