//! `amends audit`: who asked for what, and whether the record of it holds.

use orchestrator::audit::{Anchor, AuditRecord, Broken, Chain, Phase, Standing};
use orchestrator::auth::NO_ROLE;
use orchestrator::http::{AuditPageView, AuditView};
use orchestrator::store::PAGE_ROWS_MAX;
use serde_json::json;

use crate::args::Format;
use crate::client::{Client, encode_query};
use crate::failure::{Failure, Outcome};
use crate::prose::wrapped;
use crate::security_args::AuditArgs;
use crate::{clock, output};

/// Lists the audit log, or checks it.
pub async fn audit(args: &AuditArgs) -> Outcome {
    let client = args.server.client()?;
    if args.verify {
        return verify(&client, args.anchor, args.server.output).await;
    }
    let mut query = vec![("limit", args.limit.to_string())];
    query.extend(args.who.clone().map(|who| ("who", who)));
    query.extend(args.saga.clone().map(|saga| ("saga", saga)));
    query.extend(args.verb.clone().map(|verb| ("verb", verb)));
    query.extend(args.cursor.clone().map(|cursor| ("cursor", cursor)));
    if args.all {
        query.push(("all", "true".to_owned()));
    }
    if let Some(text) = &args.since {
        query.push((
            "since",
            clock::ago(clock::span("--since", text)?).to_string(),
        ));
    }
    let path = format!("/v1/audit?{}", encode_query(&query));
    let page: AuditPageView = client.get(&path).await?;
    output::page(args.server.output, &page, &page.records, |_| {
        if page.records.is_empty() {
            return "nothing was asked\n".to_owned();
        }
        let mut text: String = page.records.iter().map(|it| told(it, args.all)).collect();
        if let Some(cursor) = &page.next_cursor {
            text.push_str(&format!("more: --cursor {cursor}\n"));
        }
        text
    })
}

/// A record in a few lines.
fn told(record: &AuditView, all: bool) -> String {
    let phase = match record.phase {
        // Where its answer would be listed in its place, there is none.
        Phase::Asked if !all => "asked, and no more is known",
        Phase::Asked => "asked",
        Phase::Done => "done",
        Phase::Refused => "refused",
        Phase::Failed => "failed",
        Phase::Denied => "denied",
    };
    let behalf = record.on_behalf_of.as_ref();
    let behalf = behalf.map_or_else(String::new, |who| format!(", for {who}"));
    let role = match record.role.as_str() {
        NO_ROLE => String::new(),
        role => format!(" ({role})"),
    };
    let at = record.at.to_string();
    let at = at.get(..19).unwrap_or(&at).replace('T', " ");
    let mut text = format!(
        "#{}  {at}  {} {phase}\n  by {}{role}{behalf}\n  {}{}\n",
        record.seq,
        record.verb,
        record.who,
        record.target,
        change(record.before.as_ref(), record.after.as_ref()),
    );
    let reason = record.reason.as_ref().map(|reason| format!("\"{reason}\""));
    for more in reason.iter().chain(&record.detail) {
        text.push_str(&wrapped(more, 2));
    }
    text
}

fn change(before: Option<&Standing>, after: Option<&Standing>) -> String {
    match (before, after) {
        (None, None) => String::new(),
        (Some(one), None) | (None, Some(one)) => format!("  {}", stands(one)),
        (Some(before), Some(after)) if before == after => format!("  {}", stands(before)),
        (Some(before), Some(after)) => format!("\n  {} -> {}", stands(before), stands(after)),
    }
}

fn stands(standing: &Standing) -> String {
    match standing.version {
        Some(version) => format!("{} at {version}", standing.state),
        None => standing.state.clone(),
    }
}

/// Follows the chain from its first record, page by page, and computes every hash here: what the
/// orchestrator thinks of it does not count.
async fn verify(client: &Client, anchor: Option<Anchor>, format: Format) -> Outcome {
    let mut chain = Chain::default();
    let found = loop {
        let (after, limit) = (chain.records, PAGE_ROWS_MAX);
        let path = format!("/v1/audit/chain?after={after}&limit={limit}");
        let page: Vec<AuditView> = client.get(&path).await?;
        if page.is_empty() {
            break anchor.map_or(Ok(()), |anchor| anchor.check_end(&chain));
        }
        if let Err(broken) = follow(&mut chain, page, anchor) {
            break Err(broken);
        }
    };
    let here = Anchor(chain);
    if found.is_ok() || !format.is_for_people() {
        let view = json!({
            "holds": found.is_ok(),
            "records": chain.records,
            "anchor": here.to_string(),
            "broken": found.as_ref().err().map(ToString::to_string),
        });
        output::document(format, &view, |_| {
            format!(
                "the audit log holds: {} records\nanchor {here}\n",
                chain.records
            )
        })?;
    }
    found.map_err(|broken| {
        let good = chain.records;
        Failure::because("the audit log was tampered with", &broken)
            .help(format!("the {good} records before that hold"))
    })
}

fn follow(chain: &mut Chain, page: Vec<AuditView>, anchor: Option<Anchor>) -> Result<(), Broken> {
    for view in page {
        chain.follow(&AuditRecord::from(view))?;
        if let Some(anchor) = anchor {
            anchor.check(chain)?;
        }
    }
    Ok(())
}
