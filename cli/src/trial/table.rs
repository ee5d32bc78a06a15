//! Draws a matrix. Fits 80 columns.

use std::fmt::Write as _;
use std::time::Duration;

use super::fault::Fault;
use super::mock::OUTAGE_ATTEMPTS;
use super::report::{CaseReport, Report, Skipped};
use crate::timeline::short;

/// Columns of the table.
const WIDTH: usize = 80;
/// Where the list of what was undone begins.
const UNDONE_AT: usize = 53;

/// The matrix for people: a block for each step, a line for each fault.
#[must_use]
pub fn table(report: &Report, colour: bool) -> String {
    let paint = Paint(colour);
    let mut text = format!(
        "{} {}: {} steps; without a fault it completes after {}\n",
        report.saga,
        report.version,
        report.steps.len(),
        moment(report.smooth_seconds)
    );
    for step in &report.steps {
        let lines = step_lines(report, step, paint);
        if !lines.is_empty() {
            let _infallible = write!(text, "\n{}\n{lines}", paint.bold(step));
        }
    }
    footer(&mut text, report, paint);
    text
}

/// What happened in each case, line by line.
#[must_use]
pub fn chronicle(report: &Report) -> String {
    let mut text = String::new();
    for case in &report.cases {
        let _infallible = writeln!(text, "\n{}={}", case.step, case.fault);
        for line in &case.chronicle {
            let (passed, what) = line.split_at_checked(10).unwrap_or(("", line));
            for (index, part) in folded(what, WIDTH - 12).iter().enumerate() {
                let margin = if index == 0 { passed } else { "            " };
                let _infallible = writeln!(text, "{margin}{part}");
            }
        }
    }
    text
}

/// A line for each fault of a step; one for all of them when none applies, for one reason.
fn step_lines(report: &Report, step: &str, paint: Paint) -> String {
    let cases: Vec<&CaseReport> = report.cases.iter().filter(|it| it.step == step).collect();
    let skipped: Vec<&Skipped> = report.skipped.iter().filter(|it| it.step == step).collect();
    let mut lines = String::new();
    if let [first, others @ ..] = &*skipped
        && cases.is_empty()
        && !others.is_empty()
        && others.iter().all(|other| other.because == first.because)
    {
        skipped_line(&mut lines, "every fault", &first.because, paint);
        return lines;
    }
    for fault in Fault::ALL.map(Fault::as_str) {
        for case in cases.iter().filter(|case| case.fault == fault) {
            case_lines(&mut lines, case, paint);
        }
        for skipped in skipped.iter().filter(|skipped| skipped.fault == fault) {
            skipped_line(&mut lines, fault, &skipped.because, paint);
        }
    }
    lines
}

fn skipped_line(text: &mut String, what: &str, because: &str, paint: Paint) {
    let line = format!("  – {what:<19} {because}");
    let _infallible = writeln!(text, "{}", paint.dim(&line));
}

/// A span of virtual time, in at most seven columns.
pub(super) fn moment(seconds: f64) -> String {
    short(Duration::from_secs_f64(seconds.max(0.0)))
}

fn case_lines(text: &mut String, case: &CaseReport, paint: Paint) {
    let mark = if case.legal {
        paint.green("✔")
    } else {
        paint.red("✘")
    };
    let fault = if case.outage_ended {
        format!("{} *", case.fault)
    } else {
        case.fault.to_owned()
    };
    let end = paint.end(case.end, &format!("{:<19}", case.end));
    let took = moment(case.virtual_seconds);
    let head = format!("  {mark} {fault:<19} {end} {took:>7}");
    let mut undone = wrapped(&case.undone, WIDTH - UNDONE_AT - 2).into_iter();
    match undone.next() {
        Some(first) => {
            let _infallible = writeln!(text, "{head}  {}", paint.dim(&format!("↶ {first}")));
        }
        None => {
            let _infallible = writeln!(text, "{head}");
        }
    }
    for line in undone {
        let padded = format!("{:UNDONE_AT$}  {line}", "");
        let _infallible = writeln!(text, "{}", paint.dim(&padded));
    }
    if !case.residue.is_empty() {
        let line = format!("    residue: {}", case.residue.join(", "));
        let _infallible = writeln!(text, "{}", paint.dim(&line));
    }
    for problem in &case.problems {
        for (index, line) in folded(problem, WIDTH - 6).iter().enumerate() {
            let indent = if index == 0 { "    " } else { "      " };
            let _infallible = writeln!(text, "{indent}{}", paint.red(line));
        }
    }
}

fn footer(text: &mut String, report: &Report, paint: Paint) {
    let (cases, illegal) = (report.cases.len(), report.illegal());
    text.push('\n');
    if report.cases.iter().any(|case| case.outage_ended) {
        let note =
            format!("* the outage ends after {OUTAGE_ATTEMPTS} attempts, the retries do not");
        let _infallible = writeln!(text, "{}", paint.dim(&note));
    }
    let verdict = match illegal {
        0 => paint.green("all legal, nothing left behind"),
        1 => paint.red("1 is not legal"),
        _ => paint.red(&format!("{illegal} are not legal")),
    };
    let skipped = match report.skipped.len() {
        0 => String::new(),
        1 => ", 1 does not apply (–)".to_owned(),
        count => format!(", {count} do not apply (–)"),
    };
    let noun = if cases == 1 { "case" } else { "cases" };
    let _infallible = writeln!(text, "{cases} {noun}: {verdict}{skipped}");
}

/// Names with commas between them, in lines of at most so many columns.
fn wrapped(names: &[String], columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let comma = if index + 1 < names.len() { "," } else { "" };
        match lines.last_mut() {
            Some(line) if line.chars().count() + name.chars().count() + comma.len() < columns => {
                let _infallible = write!(line, " {name}{comma}");
            }
            _ => lines.push(format!("{name}{comma}")),
        }
    }
    lines
}

/// Words in lines of at most so many columns, where the words allow it.
fn folded(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
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

    fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    fn end(self, end: &str, text: &str) -> String {
        let code = match end {
            "completed" => "32",
            "compensated" => "33",
            _ => "31",
        };
        self.with(code, text)
    }
}
