//! Reads a transcript, plays it, and writes it with what was decided.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use saga_core::decision::{ChildAsk, Command, Decision, Note, NoteContent, Outcome};
use saga_core::definition::Definition;
use saga_core::ids::{ActionName, Op, StepKey, StepName};
use saga_core::input::{
    DeadLetter, Heartbeat, Input, Missing, Parent, ParentAsk, Reply, ReplyOutcome, Signal, Start,
    StepError,
};
use saga_core::operator::{Operator, Resolution, Verb};
use saga_core::time::{Timestamp, format_span, parse_span};
use saga_core::values::{GoodOutput, InputDigest};
use serde_json::Value;

use crate::driver::{Driver, compile};

/// One input, what the file says about it, and what was decided.
pub(crate) struct Exchange {
    pub(crate) input: String,
    pub(crate) expected: String,
    pub(crate) found: String,
}

pub(crate) struct Played {
    head: String,
    exchanges: Vec<Exchange>,
}

impl Played {
    pub(crate) fn first_difference(self) -> Option<Exchange> {
        self.exchanges
            .into_iter()
            .find(|one| one.expected != one.found)
    }

    pub(crate) fn render(&self) -> String {
        let mut text = self.head.clone();
        for Exchange { input, found, .. } in &self.exchanges {
            let _ = write!(text, "\n{input}\n----\n{found}");
        }
        text
    }
}

/// Plays a transcript from its beginning.
pub(crate) fn play(text: &str) -> Result<Played, String> {
    let (head, rest) = text
        .split_once("\n====\n")
        .ok_or("no line ==== after the definition")?;
    let yaml: String = head
        .lines()
        .filter(|line| !line.starts_with('#'))
        .fold(String::new(), |yaml, line| yaml + line + "\n");
    let versions = yaml.split("\n---\n").map(compile);
    let versions = versions.collect::<Result<Vec<_>, _>>()?;
    let mut driver = Driver::new(Arc::clone(&versions[0]));
    driver.versions = versions;
    let mut exchanges = Vec::new();
    for block in rest.trim_matches('\n').split("\n\n") {
        let (input, expected) = block.split_once("\n----\n").unwrap_or((block, ""));
        let input = input.trim_end_matches("\n----").trim_matches('\n');
        let mut found = String::new();
        for line in input.lines().filter(|line| !line.starts_with('#')) {
            found.push_str(&play_line(&mut driver, line).map_err(|why| format!("{line}: {why}"))?);
        }
        let expected = expected.trim_end_matches('\n').to_owned() + "\n";
        exchanges.push(Exchange {
            input: input.to_owned(),
            expected,
            found,
        });
    }
    driver.check_series();
    Ok(Played {
        head: format!("{head}\n====\n"),
        exchanges,
    })
}

/// Plays one line; what was decided about it, as text.
pub(crate) fn play_line(driver: &mut Driver, line: &str) -> Result<String, String> {
    if let Some(span) = line.strip_prefix("wait ") {
        driver.now = driver.now.after(parse_span(span)?);
        return Ok(String::new());
    }
    let input = match parse_input(driver, line) {
        Ok(input) => input,
        // It has told the driver something; nothing happens to the saga.
        Err(nothing) if nothing.is_empty() => return Ok(String::new()),
        Err(why) => return Err(why),
    };
    let outcome = driver.apply(&input);
    Ok(render(driver, &outcome))
}

fn parse_input(driver: &mut Driver, line: &str) -> Result<Input, String> {
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    match verb {
        "start" => Ok(Input::Start(Start {
            key: None,
            labels: std::collections::BTreeMap::new(),
            input: Arc::new(json(rest)?),
            parent: None,
        })),
        "child" => Ok(Input::Start(Start {
            key: None,
            labels: std::collections::BTreeMap::new(),
            input: Arc::new(json(rest)?),
            parent: Some(parent()),
        })),
        "parent" => parse_parent(rest),
        "signal" => {
            let mut words = rest.splitn(3, ' ');
            let mut word = || words.next().unwrap_or_default();
            Ok(Input::Signal(Signal {
                id: word().to_owned(),
                name: word().into(),
                payload: Arc::new(json(word())?),
            }))
        }
        "good" => know_good(driver, rest),
        "timer" => Ok(Input::Timer),
        "park" => Ok(Input::Park(rest.to_owned())),
        "reply" => parse_reply(driver, rest),
        "started" => {
            let words = Words::new(driver, rest)?;
            Ok(Input::Heartbeat(Heartbeat {
                key: words.key,
                op: words.op,
                round: words.round,
                attempt: words.attempt,
                started_at: driver.now,
                worker: Some("w1".to_owned()),
            }))
        }
        "dead" => parse_dead(driver, rest),
        "missing" => {
            let words = Words::new(driver, rest)?;
            Ok(Input::Missing(Missing {
                key: words.key,
                op: words.op,
                round: words.round,
                attempt: words.attempt,
            }))
        }
        "cancel" => Ok(operator(Verb::Cancel)),
        "pause" => Ok(operator(Verb::Pause)),
        "resume" => Ok(operator(Verb::Resume)),
        "terminate" => Ok(operator(Verb::Terminate)),
        "move" => Ok(operator(parse_move(driver, rest)?)),
        "retry" | "skip" | "resolve" => Ok(operator(parse_step_verb(verb, rest)?)),
        other => Err(format!("`{other}` is no input")),
    }
}

fn earlier(now: Timestamp, span: Duration) -> Timestamp {
    let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(now.as_micros() - micros)
}

/// `STEP … [command=SEQ] REASON`
fn parse_dead(driver: &Driver, text: &str) -> Result<Input, String> {
    let words = Words::new(driver, text)?;
    let (command, reason) = match words.rest.strip_prefix("command=") {
        None => (None, words.rest.as_str()),
        Some(rest) => {
            let (seq, reason) = rest.split_once(' ').ok_or("no reason")?;
            (Some(seq.parse().map_err(|_| "no number")?), reason)
        }
    };
    Ok(Input::DeadLetter(DeadLetter {
        reason: reason.to_owned(),
        key: words.key,
        op: words.op,
        round: words.round,
        attempt: words.attempt,
        command,
    }))
}

fn know_good(driver: &mut Driver, rest: &str) -> Result<Input, String> {
    // What another saga answered, for the look-ups of this one.
    let (action, rest) = rest.split_once(' ').ok_or("good ACTION INPUT OUTPUT AGE")?;
    let words: Vec<&str> = rest.split(' ').collect();
    let [given, output, age] = words.as_slice() else {
        return Err("good ACTION INPUT OUTPUT AGE".to_owned());
    };
    let good = GoodOutput {
        output: json(output)?,
        at: earlier(driver.now, parse_span(age)?),
    };
    let action: ActionName = action.parse().map_err(|error| format!("{error}"))?;
    driver
        .good
        .insert((action, InputDigest::of(&json(given)?)), good);
    Err(String::new())
}

/// The parent of every child in the transcripts.
fn parent() -> Parent {
    Parent {
        saga: PARENT.parse().expect("an id"),
        key: StepKey::whole(StepName::new("transfer")),
        round: 0,
    }
}

const PARENT: &str = "019a0000-0000-7000-8000-00000000000f";

fn parse_parent(text: &str) -> Result<Input, String> {
    let (word, attempt) = text.split_once(" attempt=").unwrap_or((text, "1"));
    let op = match word {
        "settles" => Op::Settle,
        "undoes" => Op::Compensate,
        other => return Err(format!("a parent cannot ask for `{other}`")),
    };
    Ok(Input::Parent(ParentAsk {
        parent: parent(),
        op,
        attempt: attempt.parse().map_err(|_| "no attempt".to_owned())?,
    }))
}

fn operator(verb: Verb) -> Input {
    Input::Operator(Operator {
        who: "ada".to_owned(),
        reason: "because".to_owned(),
        verb,
    })
}

fn parse_move(driver: &Driver, version: &str) -> Result<Verb, String> {
    let is = |one: &&Arc<Definition>| one.reference.version.to_string() == version;
    let to = driver.versions.iter().find(is);
    let to = to.ok_or_else(|| format!("the file has no version {version}"))?;
    Ok(Verb::Move { to: Arc::clone(to) })
}

fn parse_step_verb(verb: &str, text: &str) -> Result<Verb, String> {
    let (step, rest) = text.split_once(' ').unwrap_or((text, ""));
    let step = StepKey::parse(step);
    if verb == "retry" {
        return Ok(Verb::Retry { step });
    }
    if verb == "skip" {
        let output = Arc::new(json(rest)?);
        return Ok(Verb::Skip { step, output });
    }
    let (word, value) = rest.split_once(' ').unwrap_or((rest, ""));
    let resolution = match word {
        "happened" => Resolution::Happened(Arc::new(json(value)?)),
        "never" => Resolution::Never,
        other => return Err(format!("`{other}` resolves nothing")),
    };
    Ok(Verb::Resolve { step, resolution })
}

/// `STEP [undo|settle] [attempt=N] [round=N] …`; attempt and round default to those under way.
struct Words {
    key: StepKey,
    op: Op,
    attempt: u32,
    round: u32,
    rest: String,
}

impl Words {
    fn new(driver: &Driver, text: &str) -> Result<Self, String> {
        let (step, mut rest) = text.split_once(' ').unwrap_or((text, ""));
        let key = StepKey::parse(step);
        let state = driver.saga.steps.get(&key);
        let mut words = Self {
            op: Op::Action,
            attempt: state.map_or(1, |state| state.attempt),
            round: 0,
            key,
            rest: String::new(),
        };
        let mut round = None;
        loop {
            let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
            let number = |text: &str| text.parse().map_err(|_| format!("`{word}` has no number"));
            if word == "undo" {
                words.op = Op::Compensate;
            } else if word == "settle" {
                words.op = Op::Settle;
            } else if let Some(attempt) = word.strip_prefix("attempt=") {
                words.attempt = number(attempt)?;
            } else if let Some(given) = word.strip_prefix("round=") {
                round = Some(number(given)?);
            } else {
                let current = state.map_or(0, |state| state.round_of(words.op));
                words.round = round.unwrap_or(current);
                rest.clone_into(&mut words.rest);
                return Ok(words);
            }
            rest = after;
        }
    }
}

fn parse_reply(driver: &Driver, text: &str) -> Result<Input, String> {
    let words = Words::new(driver, text)?;
    let (word, rest) = words.rest.split_once(' ').unwrap_or((&words.rest, ""));
    let error = |code: &str| StepError::new(code, format!("the worker said {code}"));
    let outcome = match word {
        "done" => ReplyOutcome::Done(Arc::new(json(rest)?)),
        "fail" => {
            let (code, details) = rest.split_once(' ').unwrap_or((rest, ""));
            let details = (!details.is_empty()).then(|| json(details)).transpose()?;
            ReplyOutcome::Fail(StepError {
                details,
                ..error(code)
            })
        }
        "retry" => {
            let (code, after) = rest.split_once(" after=").unwrap_or((rest, ""));
            let retry_after: Option<Duration> = if after.is_empty() {
                None
            } else {
                Some(parse_span(after)?)
            };
            ReplyOutcome::AttemptFailed {
                error: error(code),
                retry_after,
            }
        }
        "never" => ReplyOutcome::NeverHappened,
        "unknown" => ReplyOutcome::Unknown(error("unknown")),
        "fenced" => ReplyOutcome::Fenced,
        "expired" => ReplyOutcome::Expired,
        other => return Err(format!("`{other}` is no outcome")),
    };
    Ok(Input::Reply(Reply {
        key: words.key,
        op: words.op,
        round: words.round,
        attempt: words.attempt,
        outcome,
        worker: None,
    }))
}

fn json(text: &str) -> Result<Value, String> {
    let text = if text.is_empty() { "null" } else { text };
    serde_json::from_str(text).map_err(|error| format!("`{text}` is not JSON: {error}"))
}

fn render(driver: &Driver, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Applied(decision) => render_decision(driver, decision),
        Outcome::Ignored(reason) => format!("ignored: {}\n", reason.as_str()),
        Outcome::Refused(why) => format!("refused: {}: {why}\n", why.as_str()),
        Outcome::Illegal(why) => format!("illegal: {why}\n"),
        Outcome::Needs(keys) => format!("needs: {keys:?}\n"),
    }
}

fn render_decision(driver: &Driver, decision: &Decision) -> String {
    let mut text = String::new();
    for event in &decision.events {
        let Ok(Value::Object(mut fields)) = serde_json::to_value(&event.kind) else {
            panic!("an event is no JSON object");
        };
        let kind = fields
            .remove("type")
            .and_then(|kind| kind.as_str().map(str::to_owned));
        let step = fields
            .remove("key")
            .and_then(|key| key.as_str().map(|key| format!(" {key}")));
        for noise in ["definition", "lifetime_ends", "parent"] {
            fields.remove(noise);
        }
        let rest = if fields.is_empty() {
            String::new()
        } else {
            format!(" {}", Value::Object(fields))
        };
        let (kind, step) = (kind.unwrap_or_default(), step.unwrap_or_default());
        let _ = writeln!(text, "{:>2} {kind}{step}{rest}", event.seq);
    }
    for command in &decision.commands {
        let _ = writeln!(text, "   -> {}", render_command(driver, command));
    }
    for note in &decision.notes {
        let _ = writeln!(text, "   -> {}", render_note(note));
    }
    let waits = decision
        .wake_at
        .filter(|at| *at < driver.saga.lifetime_ends)
        .map_or_else(String::new, |at| {
            format!(", looks again in {}", format_span(at.since(driver.now)))
        });
    let _ = writeln!(text, "   = {}{waits}", driver.saga.status());
    text
}

fn render_note(note: &Note) -> String {
    match &note.content {
        NoteContent::ToChild {
            key,
            round,
            attempt,
            ask,
            ..
        } => {
            let ask = match ask {
                ChildAsk::Start {
                    definition, input, ..
                } => format!("start {definition} {input}"),
                ChildAsk::Settle { .. } => "settle".to_owned(),
                ChildAsk::Compensate => "undo".to_owned(),
            };
            let round = match round {
                0 => String::new(),
                round => format!(" round {round}"),
            };
            format!("child of {key}: {ask} #{attempt}{round}")
        }
        NoteContent::ToParent { reply, .. } => {
            let (key, op, said) = (&reply.key, reply.op, reply.outcome.as_str());
            let with = match &reply.outcome {
                ReplyOutcome::Done(output) => format!(" {output}"),
                ReplyOutcome::Fail(error) | ReplyOutcome::Unknown(error) => {
                    format!(" {}", error.code)
                }
                ReplyOutcome::AttemptFailed { .. }
                | ReplyOutcome::Fenced
                | ReplyOutcome::Expired
                | ReplyOutcome::NeverHappened => String::new(),
            };
            format!("parent's {key}: {op} {said}{with} #{}", reply.attempt)
        }
    }
}

fn render_command(driver: &Driver, command: &Command) -> String {
    let mut text = format!(
        "{} {} #{} {}",
        command.action, command.op, command.attempt, command.input
    );
    if command.round > 0 {
        let _ = write!(text, " round {}", command.round);
    }
    if let Some(undoes) = &command.undoes {
        let _ = write!(text, " undoes {}", undoes.output);
    }
    if let Some(rung) = command.rung {
        let _ = write!(text, " on the {} rung", format_span(rung));
    }
    if let Some(deadline) = command.deadline {
        let _ = write!(text, " within {}", format_span(deadline.since(driver.now)));
    }
    text
}
