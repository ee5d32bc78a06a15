//! `amends saga explain` and `amends saga list --stuck`: why sagas do not move.

use std::fmt::Write as _;

use orchestrator::explain::StuckReport;
use orchestrator::http::{CauseView, ExplanationView};

use crate::args::{ListArgs, OneArgs};
use crate::client::encode_query;
use crate::failure::Outcome;
use crate::output;
use crate::prose::{cut, wrapped};

pub(super) async fn explain(args: &OneArgs) -> Outcome {
    let client = args.server.client()?;
    let path = format!("/v1/sagas/{}/explain", args.id);
    let explained: ExplanationView = client.get(&path).await?;
    output::document(args.server.output, &explained, |_| story(&explained))
}

pub(crate) fn story(explained: &ExplanationView) -> String {
    let mut text = format!(
        "{} {}  {}\n{}\n",
        explained.definition, explained.version, explained.status, explained.id
    );
    match (&explained.over, &explained.cause) {
        (Some(over), _) => text.push_str(&wrapped(&format!("it is over: {over}"), 2)),
        (None, None) => text.push_str("  nothing keeps it; it is about to move\n"),
        (None, Some(cause)) => tell(&mut text, cause),
    }
    if !explained.others.is_empty() {
        text.push_str("and also\n");
    }
    for cause in &explained.others {
        tell(&mut text, cause);
    }
    for unknown in &explained.unknown {
        text.push_str(&wrapped(&format!("unknown: {unknown}"), 2));
    }
    text
}

fn tell(text: &mut String, cause: &CauseView) {
    let mark = match (cause.needs_operator, cause.stuck) {
        (true, _) => ", needs an operator",
        (false, true) => ", for longer than it should",
        (false, false) => "",
    };
    let _infallible = writeln!(text, "  {}{mark}", cause.cause);
    text.push_str(&wrapped(&cause.says, 4));
    if let Some(mend) = &cause.mend {
        // Never broken: it is to be copied.
        let _infallible = writeln!(text, "    > {mend}");
    }
}

/// What is stuck, by cause.
pub(super) async fn stuck(args: &ListArgs) -> Outcome {
    let mut query = args.filter.query()?;
    query.retain(|(name, _)| *name != "cause");
    query.push(("stuck", "true".to_owned()));
    query.extend(args.limit.map(|limit| ("limit", limit.to_string())));
    query.extend(args.cursor.clone().map(|cursor| ("cursor", cursor)));
    let path = format!("/v1/sagas?{}", encode_query(&query));
    let report: StuckReport = args.server.client()?.get(&path).await?;
    output::page(args.server.output, &report, &report.groups, |_| {
        groups(&report)
    })
}

fn groups(report: &StuckReport) -> String {
    let mut text = String::new();
    for group in &report.groups {
        let step = group.step.as_deref().unwrap_or("");
        let line = format!(
            "{:>5}  {:<27}  {} {step}",
            group.count, group.cause, group.definition
        );
        let _infallible = writeln!(text, "{}", cut(line.trim_end(), 80));
        text.push_str(&wrapped(&group.says, 7));
        if let Some(mend) = &group.mend {
            let _infallible = writeln!(text, "       > {mend}");
        }
        for id in &group.sagas {
            let _infallible = writeln!(text, "       {id}");
        }
    }
    let whole = if report.complete {
        String::new()
    } else {
        ", those that rest first, then the newest; narrow it with --definition".to_owned()
    };
    let sum = format!(
        "{} stuck of {} open sagas that were looked at, {} are open{whole}",
        report.stuck, report.looked_at, report.open
    );
    text.push_str(&wrapped(&sum, 0));
    for unknown in &report.unknown {
        text.push_str(&wrapped(&format!("unknown: {unknown}"), 0));
    }
    text
}
