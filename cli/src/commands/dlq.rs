//! `amends dlq`: messages that nobody could handle.

use std::collections::BTreeMap;
use std::time::Duration;

use orchestrator::http::{
    HandleBody, LetterDetailView, LetterGroupView, LetterPageView, LetterView,
};
use saga_core::time::Timestamp;

use crate::args::{Format, ServerArgs};
use crate::bulk::confirm;
use crate::client::encode_query;
use crate::failure::{Failure, Kind, Outcome};
use crate::letters::{self, Batch, LetterResult, Report, Told};
use crate::mend_args::{DlqCommand, HandleArgs, LetterListArgs, ReplayArgs};
use crate::prose::wrapped;
use crate::{clock, output};

/// What there is to see when there is nothing.
const NONE: &str = "no dead letters\n";

/// Columns of a terminal that a reason is broken to.
const WIDTH: usize = 76;

/// With more letters than these, people are told each step of the ramp and not each letter.
const TOLD_EACH_MAX: usize = 20;

/// Letters that are named for each reason of a refusal.
const NAMED_MAX: usize = 3;

/// Lists, shows, replays or drops letters.
pub async fn dlq(command: &DlqCommand) -> Outcome {
    match command {
        DlqCommand::List(args) => list(args).await,
        DlqCommand::Groups { server } => groups(server).await,
        DlqCommand::Show { id, server } => show(id, server).await,
        DlqCommand::Replay(args) => replay(args).await,
        DlqCommand::Drop(args) => handle("drop", args, None).await,
    }
}

async fn list(args: &LetterListArgs) -> Outcome {
    let mut query = vec![("limit", args.limit.to_string())];
    query.extend(args.saga.clone().map(|saga| ("saga", saga)));
    query.extend(args.fingerprint.clone().map(|it| ("fingerprint", it)));
    query.extend(args.cursor.clone().map(|cursor| ("cursor", cursor)));
    if args.handled {
        query.push(("handled", "true".to_owned()));
    }
    if let Some(text) = &args.since {
        query.push((
            "since",
            clock::ago(clock::span("--since", text)?).to_string(),
        ));
    }
    let path = format!("/v1/dead-letters?{}", encode_query(&query));
    let page: LetterPageView = args.server.client()?.get(&path).await?;
    output::page(args.server.output, &page, &page.letters, |wide| {
        if page.letters.is_empty() {
            return NONE.to_owned();
        }
        let mut head = vec!["ID", "RECEIVED", "FINGERPRINT"];
        if wide {
            head.extend(["SAGA", "REASON"]);
        }
        let rows: Vec<_> = page.letters.iter().map(|one| row(one, wide)).collect();
        let mut text = output::table(&head, &rows);
        if let Some(cursor) = &page.next_cursor {
            text.push_str(&format!("more: --cursor {cursor}\n"));
        }
        text
    })
}

fn row(letter: &LetterView, wide: bool) -> Vec<String> {
    let fate = letter
        .handled
        .as_ref()
        .map_or_else(String::new, |handled| format!(" ({})", handled.how));
    let mut cells = vec![
        letter.id.to_string(),
        minute(letter.received_at),
        format!("{}{fate}", letter.fingerprint),
    ];
    if wide {
        cells.push(letter.saga.clone().unwrap_or_default());
        cells.push(letter.reason.clone());
    }
    cells
}

async fn groups(server: &ServerArgs) -> Outcome {
    let client = server.client()?;
    let groups: Vec<LetterGroupView> = client.get("/v1/dead-letters/groups").await?;
    output::list(server.output, &groups, |_| {
        if groups.is_empty() {
            return NONE.to_owned();
        }
        let rows = groups.iter().map(|group| {
            vec![
                group.letters.to_string(),
                group.sagas.to_string(),
                minute(group.first_seen),
                minute(group.last_seen),
                group.fingerprint.clone(),
            ]
        });
        let head = ["LETTERS", "SAGAS", "FIRST", "LAST", "FINGERPRINT"];
        // However long it is: the fingerprint is what other commands are given.
        output::table(&head, &rows.collect::<Vec<_>>())
    })
}

async fn show(id: &str, server: &ServerArgs) -> Outcome {
    let client = server.client()?;
    let shown: LetterDetailView = client.get(&format!("/v1/dead-letters/{id}")).await?;
    output::document(server.output, &shown, |_| story(&shown))
}

fn story(shown: &LetterDetailView) -> String {
    let letter = &shown.letter;
    let mut text = format!("{}\n", letter.id);
    let mut line = |name: &str, value: &str| {
        text.push_str(&format!("  {name:12} {value}\n"));
    };
    line("fingerprint", &letter.fingerprint);
    line("received", &letter.received_at.to_string());
    line("saga", letter.saga.as_deref().unwrap_or("-"));
    let queue = Some(letter.queue.as_str()).filter(|queue| !queue.is_empty());
    line("queue", queue.unwrap_or("-"));
    match &letter.handled {
        Some(handled) => {
            let what = format!("{} at {} by {}", handled.how, handled.at, handled.who);
            line("handled", &what);
            line("because", &handled.reason);
        }
        None => line("handled", "no"),
    }
    text.push_str("\n  reason\n");
    for part in output::folded(&letter.reason, WIDTH) {
        text.push_str(&format!("    {part}\n"));
    }
    if let Some(headers) = shown
        .properties
        .get("headers")
        .and_then(|it| it.as_object())
    {
        text.push_str("\n  headers\n");
        for (name, value) in headers {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            text.push_str(&format!("    {name}: {value}\n"));
        }
    }
    let bytes = letter.body_bytes;
    match &shown.body {
        Some(body) => text.push_str(&format!("\n  body, {bytes} bytes\n    {body}\n")),
        None => text.push_str(&format!(
            "\n  body, {bytes} bytes that are no text, in hexadecimal\n    {}\n",
            shown.body_hex
        )),
    }
    match &letter.handled {
        Some(_) => {}
        None => text.push_str(&format!(
            "\n  amends dlq replay {id} --reason …\n  amends dlq drop {id} --reason …\n",
            id = letter.id
        )),
    }
    text
}

async fn replay(args: &ReplayArgs) -> Outcome {
    let watch = clock::span("--watch", &args.watch)?;
    handle("replay", &args.which, Some(watch)).await
}

async fn handle(verb: &'static str, args: &HandleArgs, watch: Option<Duration>) -> Outcome {
    let client = args.signature.server.client()?;
    let ids = match &args.fingerprint {
        Some(fingerprint) => letters::of_cause(&client, fingerprint).await?,
        None => args.ids.clone(),
    };
    if let (Some(fingerprint), true) = (&args.fingerprint, ids.is_empty()) {
        let message = format!("no open dead letter has the fingerprint {fingerprint}");
        return Err(Failure::new(Kind::NotFound, message).help("see `amends dlq groups`"));
    }
    if ids.len() > 1 && !args.dry_run {
        confirm(format!("{verb} {} letters", ids.len()), args.yes).await?;
    }
    let format = args.signature.server.output;
    let batch = Batch {
        client: &client,
        verb,
        body: HandleBody {
            reason: args.signature.reason.clone(),
            who: Some(args.signature.who.clone()),
            dry_run: args.dry_run,
        },
        rate: args.rate,
        // One letter needs no ramp, and nothing is to be watched when nothing is done.
        watch: watch.filter(|_| ids.len() > 1 && !args.dry_run),
    };
    let each = format != Format::Table || ids.len() <= TOLD_EACH_MAX;
    let report = batch.run(&ids, |told| tell(format, each, told)).await;
    if format != Format::Jsonl {
        output::document(format, &report, |_| {
            let refusals = if each {
                String::new()
            } else {
                refusals(&report)
            };
            refusals + &summary(&report, args.dry_run)
        })?;
    }
    outcome(&report)
}

/// Progress while it happens; what cannot be printed is in the exit code all the same.
fn tell(format: Format, each: bool, told: Told<'_>) {
    let _closed = match (format, told) {
        (Format::Table | Format::Wide | Format::Jsonl, Told::Letter(result)) if each => {
            output::one_of_many(format, result, |_| line(result))
        }
        (Format::Table, Told::Step(report, of)) if !each => output::text(&step(report, of)),
        (
            Format::Table | Format::Wide | Format::Json | Format::Jsonl | Format::Yaml,
            Told::Letter(_) | Told::Step(..),
        ) => Ok(()),
    };
}

/// How far a ramp has come.
fn step(report: &Report, of: usize) -> String {
    let tried = report.letters.len();
    let failed = report.failed_again;
    format!("{tried:>7} of {of}, {failed} failed again\n")
}

/// The letters that were refused, by reason.
fn refusals(report: &Report) -> String {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for letter in report.letters.iter().filter(|one| one.is_refused()) {
        let why = letter.detail.as_deref().unwrap_or_default();
        reasons.entry(why).or_default().push(&letter.id);
    }
    let mut text = String::new();
    for (why, ids) in reasons {
        text.push_str(&wrapped(&format!("{} refused: {why}", ids.len()), 2));
        for id in ids.iter().take(NAMED_MAX) {
            text.push_str(&format!("      {id}\n"));
        }
        if ids.len() > NAMED_MAX {
            text.push_str(&format!("      and {} more\n", ids.len() - NAMED_MAX));
        }
    }
    text
}

fn line(result: &LetterResult) -> String {
    let about = match (&result.detail, &result.saga, &result.step) {
        (Some(detail), ..) => output::folded(detail, WIDTH - 6).join("\n          "),
        (None, Some(saga), Some(step)) => format!("saga {saga} step {step}"),
        (None, Some(saga), None) => format!("saga {saga}"),
        (None, None, _) => String::new(),
    };
    let first = format!("{:8}  {}\n", result.result, result.id);
    if about.is_empty() {
        first
    } else {
        format!("{first}          {about}\n")
    }
}

fn summary(report: &Report, dry_run: bool) -> String {
    let would = if dry_run { "would be " } else { "" };
    let mut text = format!("{} {would}handled, {} refused", report.done, report.refused);
    for (count, what) in [
        (
            report.already,
            if dry_run {
                "closed with them"
            } else {
                "closed already"
            },
        ),
        (report.failed_again, "failed again"),
        (report.not_tried, "not tried"),
    ] {
        if count > 0 {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    text.push('\n');
    text
}

fn outcome(report: &Report) -> Outcome {
    if let Some(why) = &report.stopped {
        let denied = report.letters.iter().any(LetterResult::is_denied);
        let kind = match report.done {
            0 if denied => Kind::Refused,
            0 => Kind::Error,
            _ => Kind::Partly,
        };
        let message = format!("stopped: {why}; {} not tried", report.not_tried);
        let help = "look at `amends dlq list` and at one saga with `amends saga show`";
        return Err(Failure::new(kind, message).help(help));
    }
    match (report.done + report.already, report.refused) {
        (_, 0) => Ok(()),
        (0, refused) => {
            let missing = report.letters.iter().find(|one| one.is_missing());
            let kind = missing.map_or(Kind::Refused, |_| Kind::NotFound);
            Err(Failure::new(
                kind,
                format!("{refused} refused, nothing was done"),
            ))
        }
        (_, refused) => Err(Failure::new(Kind::Partly, format!("{refused} refused"))),
    }
}

fn minute(at: Timestamp) -> String {
    clock::minute(&at.to_string())
}
