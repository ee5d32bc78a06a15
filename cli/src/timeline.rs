//! Draws what became of a saga, so that one sees at a glance what ran, retried, waits and was
//! undone. Fits 80 columns.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use orchestrator::http::{EventView, SagaView, StepView};
use saga_core::event::{EventKind, UnwindCause};
use saga_core::saga::{Elements, Status, StepStatus};
use saga_core::time::Timestamp;

use crate::narrative::{describe, rests};
use crate::prose::cut;
use crate::spans::{Instead, Stand, StepSpan, Why, spans};

/// Columns of the bars.
const BAR_COLUMNS: usize = 22;

/// What a step's bar is made of: its action, its undo, and why nothing of it ran.
const RUNS: char = '█';
const UNDONE: char = '░';
const WAITS: char = '─';
const BACKS_OFF: char = '╌';

/// The saga, its steps with bars over time, and what needs attention.
pub fn timeline(saga: &SagaView, history: &[EventView], colour: bool) -> String {
    let paint = Paint(colour);
    let begun = saga.started_at;
    let last = history.last().map_or(begun, |event| event.at);
    let mut text = heading(saga, last, paint);
    moved(&mut text, history);
    let spans = spans(history);
    let mut bars = String::new();
    for step in &saga.steps {
        let span = spans.get(&step.step);
        let attempts = span.map_or(0, |span| span.attempts);
        let took = span.map_or_else(String::new, |span| short(span.end(last).since(span.from)));
        let bar = span.map_or_else(String::new, |span| bar(span, begun, last));
        bars.push_str(&bar);
        let word = paint.status(
            step.status,
            &format!("{} {:<19}", glyph(step.status), step.status.as_str()),
        );
        let tries = if attempts > 1 {
            format!("{attempts}x")
        } else {
            String::new()
        };
        let line = format!(
            "  {:<18} {word} {tries:>4} {took:>7}  {bar}",
            cut(&step.step, 18)
        );
        text.push_str(line.trim_end());
        text.push('\n');
        note(&mut text, step, span, paint);
    }
    legend(&mut text, &bars, paint);
    footer(&mut text, saga);
    text
}

/// How it came to run a version that it was not started with.
fn moved(text: &mut String, history: &[EventView]) {
    let moves = |event: &&EventView| matches!(event.event, EventKind::SagaMoved { .. });
    if let Some(last) = history.iter().rev().find(moves) {
        let line = format!("  {}", describe(&last.event));
        let _infallible = writeln!(text, "{}", cut(&line, 79));
    }
}

fn heading(saga: &SagaView, last: Timestamp, paint: Paint) -> String {
    let took = short(saga.ended_at.unwrap_or(last).since(saga.started_at));
    let status = paint.saga(saga.status, saga.status.as_str());
    let until = if saga.ended_at.is_some() {
        "after"
    } else {
        "for"
    };
    let key = saga
        .key
        .as_ref()
        .map_or_else(String::new, |key| format!("  key {key}"));
    let mut text = format!(
        "{} {}  {status} {until} {took}{key}\n{}\n",
        saga.definition, saga.version, saga.id
    );
    match &saga.unwinding {
        Some(UnwindCause::StepFailed(step)) => {
            let _infallible = writeln!(text, "  undone because {step} failed");
        }
        Some(UnwindCause::Deadline) => text.push_str("  undone because its deadline passed\n"),
        Some(UnwindCause::Cancelled(by)) => {
            let _infallible = writeln!(text, "  cancelled by {}: {}", by.who, by.reason);
        }
        Some(UnwindCause::Parent) => {
            text.push_str("  undone by the saga that it is a step of\n");
        }
        None => {}
    }
    text
}

/// What a step's row alone would hide: its elements, what it waits for, what took its place, its
/// error, and when it is tried again.
fn note(text: &mut String, step: &StepView, span: Option<&StepSpan>, paint: Paint) {
    if let Some(Elements { count, .. }) = step.elements {
        let elements = span.map_or_else(String::new, |span| elements(span, count));
        let _infallible = writeln!(text, "{}", paint.dim(&cut(&elements, 79)));
    }
    if let Some(StepSpan {
        waits: Some(waits), ..
    }) = span
        && step.status == StepStatus::Waiting
    {
        let _infallible = writeln!(text, "{}", paint.dim(&cut(waits, 79)));
    }
    match span.and_then(|span| span.instead.as_ref()) {
        Some(Instead::Fallback) => {
            let line = format!("    falls back to {}", step.action);
            let _infallible = writeln!(text, "{}", paint.dim(&cut(&line, 79)));
        }
        Some(Instead::LastGood(at)) => {
            let line = format!("    the last good output stands in, of {at}");
            let _infallible = writeln!(text, "{}", paint.dim(&line));
        }
        None => {}
    }
    if let Some(child) = &step.child {
        let _infallible = writeln!(text, "{}", paint.dim(&format!("    saga {child}")));
    }
    let Some(error) = &step.error else { return };
    let mut line = format!("    {}: {}", error.code, error.message);
    if let Some(at) = step.retry_at {
        let limit = match step.maximum_attempts {
            0 => "no limit".to_owned(),
            limit => format!("of {limit}"),
        };
        let attempt = step.attempt.unwrap_or(0);
        let _infallible = write!(line, " (attempt {attempt} {limit}, next at {at})");
    }
    let _infallible = writeln!(text, "{}", paint.dim(&cut(&line, 79)));
}

fn footer(text: &mut String, saga: &SagaView) {
    if !saga.residue.is_empty() {
        let _infallible = writeln!(
            text,
            "  residue, declared as not undoable: {}",
            saga.residue.join(", ")
        );
    }
    let Some(cause) = &saga.paused else { return };
    let _infallible = writeln!(text, "  rests for an operator: {}", rests(cause));
}

/// How many of a step's elements stand where.
fn elements(span: &StepSpan, count: u32) -> String {
    let mut line = format!("    {count} elements");
    let mut found: BTreeMap<Stand, usize> = BTreeMap::new();
    for stand in span.elements.values() {
        *found.entry(*stand).or_default() += 1;
    }
    for (index, (stand, count)) in found.iter().enumerate() {
        let before = if index == 0 { ": " } else { ", " };
        let _infallible = write!(line, "{before}{count} {}", stand.as_str());
    }
    line
}

fn bar(span: &StepSpan, begun: Timestamp, last: Timestamp) -> String {
    let mut cells = vec![' '; BAR_COLUMNS];
    let mut fill = |from: Timestamp, to: Option<Timestamp>, mark: char| {
        let first = column(from, begun, last);
        let end = column(to.unwrap_or(last), begun, last);
        for cell in &mut cells[first..=end.max(first)] {
            *cell = mark;
        }
    };
    fill(span.from, span.to, RUNS);
    if let Some((from, to)) = span.undo {
        fill(from, to, UNDONE);
    }
    for gap in &span.gaps {
        let mut first = column(gap.from, begun, last);
        let mut end = column(gap.to.unwrap_or(last), begun, last) + 1;
        let mark = match gap.why {
            Why::Wait => WAITS,
            Why::Retry => {
                // The cells of the attempts before and after stay as they are.
                first += 1;
                end -= usize::from(gap.to.is_some_and(|to| to <= last));
                BACKS_OFF
            }
        };
        for cell in cells.iter_mut().take(end).skip(first) {
            *cell = mark;
        }
    }
    cells.into_iter().collect::<String>().trim_end().to_owned()
}

/// What the marks of the bars mean, of those that need to be told.
fn legend(text: &mut String, bars: &str, paint: Paint) {
    let marks = [
        (WAITS, "waits"),
        (BACKS_OFF, "before another attempt"),
        (UNDONE, "is undone"),
    ];
    let used = marks.into_iter().filter(|(mark, _)| bars.contains(*mark));
    let told: Vec<String> = used.map(|(mark, word)| format!("{mark} {word}")).collect();
    if !told.is_empty() {
        let line = format!("  {RUNS} runs  {}", told.join("  "));
        let _infallible = writeln!(text, "{}", paint.dim(&line));
    }
}

fn column(at: Timestamp, begun: Timestamp, last: Timestamp) -> usize {
    let whole = last.since(begun).as_micros().max(1);
    let part = at.since(begun).as_micros().min(whole);
    let columns = (BAR_COLUMNS - 1) as u128;
    usize::try_from(part * columns / whole).unwrap_or(0)
}

/// A span in at most seven columns.
pub fn short(span: Duration) -> String {
    let ms = span.as_millis();
    match ms {
        0..1_000 => format!("{ms}ms"),
        1_000..60_000 => format!("{}.{}s", ms / 1_000, ms % 1_000 / 100),
        60_000..3_600_000 => format!("{}m{:02}s", ms / 60_000, ms % 60_000 / 1_000),
        3_600_000..86_400_000 => format!("{}h{:02}m", ms / 3_600_000, ms % 3_600_000 / 60_000),
        _ => format!("{}d{:02}h", ms / 86_400_000, ms % 86_400_000 / 3_600_000),
    }
}

const fn glyph(status: StepStatus) -> char {
    match status {
        StepStatus::Pending => '·',
        StepStatus::Scheduled | StepStatus::Settling => '▸',
        StepStatus::Waiting => '◷',
        StepStatus::BackingOff => '↻',
        StepStatus::Succeeded => '✔',
        StepStatus::Failed | StepStatus::CompensationFailed => '✘',
        StepStatus::Skipped | StepStatus::NeverHappened => '–',
        StepStatus::OutcomeUnknown => '?',
        StepStatus::Compensating | StepStatus::Compensated => '↶',
    }
}

/// Colours, or none.
#[derive(Clone, Copy)]
struct Paint(bool);

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    fn status(self, status: StepStatus, text: &str) -> String {
        let code = match status {
            StepStatus::Succeeded => "32",
            StepStatus::Failed | StepStatus::CompensationFailed | StepStatus::OutcomeUnknown => {
                "31"
            }
            StepStatus::BackingOff | StepStatus::Compensating | StepStatus::Compensated => "33",
            StepStatus::Scheduled | StepStatus::Waiting | StepStatus::Settling => "36",
            StepStatus::Pending | StepStatus::Skipped | StepStatus::NeverHappened => "2",
        };
        self.with(code, text)
    }

    fn saga(self, status: Status, text: &str) -> String {
        let code = match status {
            Status::Completed => "1;32",
            Status::Running => "1;36",
            Status::Compensating | Status::Compensated => "1;33",
            Status::Paused | Status::CompensationFailed | Status::Terminated => "1;31",
        };
        self.with(code, text)
    }
}

#[cfg(test)]
mod tests {
    use saga_core::ids::{Op, StepKey};
    use saga_core::input::StepError;
    use saga_core::operator::By;

    use super::*;

    /// One column of a bar is one second of these.
    const LAST: Timestamp = at(21);

    const fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000)
    }

    fn by() -> By {
        By {
            who: "kim".to_owned(),
            reason: "mended".to_owned(),
        }
    }

    fn sent(attempt: u32, not_before: Option<Timestamp>) -> EventKind {
        EventKind::StepScheduled {
            key: StepKey::parse("charge"),
            attempt,
            round: 0,
            not_before,
        }
    }

    fn failed(retry_at: Timestamp) -> EventKind {
        EventKind::AttemptFailed {
            key: StepKey::parse("charge"),
            op: Op::Action,
            attempt: 1,
            error: StepError::new("busy", "try again"),
            retry_at,
            last: false,
        }
    }

    fn drawn(events: Vec<(i64, EventKind)>) -> String {
        let history = (1..).zip(events).map(|(seq, (second, event))| EventView {
            seq,
            at: at(second),
            event,
        });
        let history: Vec<EventView> = history.collect();
        bar(&spans(&history)["charge"], at(0), LAST)
    }

    #[test]
    fn a_wait_for_another_attempt_is_drawn_until_it_ends() {
        let key = StepKey::parse("charge");
        let done = EventKind::StepSucceeded {
            key: key.clone(),
            attempt: 2,
            worker: None,
        };
        let waited = drawn(vec![
            (0, sent(1, None)),
            (2, failed(at(10))),
            (2, sent(2, Some(at(10)))),
            (21, done.clone()),
        ]);
        assert_eq!(waited, "███╌╌╌╌╌╌╌████████████");

        // One that somebody hastened, and one that was cancelled, end long before their time.
        let short = "███╌╌█████████████████";
        let hastened = EventKind::RetryHastened {
            key: key.clone(),
            op: Op::Action,
            by: by(),
        };
        let hastened = drawn(vec![
            (0, sent(1, None)),
            (2, failed(at(60))),
            (5, hastened),
            (5, sent(2, None)),
            (21, done),
        ]);
        assert_eq!(hastened, short);
        let cause = UnwindCause::Cancelled(by());
        let settling = EventKind::StepSettling {
            key: key.clone(),
            attempt: 1,
            error: None,
            not_before: None,
        };
        let cancelled = drawn(vec![
            (0, sent(1, None)),
            (2, failed(at(60))),
            (5, EventKind::CompensationStarted { cause }),
            (5, settling),
            (21, EventKind::StepNeverHappened { key }),
        ]);
        assert_eq!(cancelled, short);
    }
}
