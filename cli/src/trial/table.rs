//! Draws a matrix. Fits 80 columns.

use std::fmt::Write as _;
use std::time::Duration;

use super::report::{CaseReport, Report};
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
        let mut lines = String::new();
        for case in report.cases.iter().filter(|case| case.step == *step) {
            case_lines(&mut lines, case, paint);
        }
        for skipped in report.skipped.iter().filter(|one| one.step == *step) {
            let line = format!("  – {:<19} {}", skipped.fault, skipped.because);
            let _infallible = writeln!(lines, "{}", paint.dim(&line));
        }
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
            let _infallible = writeln!(text, "{line}");
        }
    }
    text
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
        let note = "* the outage ends after 20 attempts, because the retries do not";
        let _infallible = writeln!(text, "{}", paint.dim(note));
    }
    let verdict = match illegal {
        0 => paint.green("all legal, nothing left behind"),
        1 => paint.red("1 is not legal"),
        _ => paint.red(&format!("{illegal} are not legal")),
    };
    let skipped = match report.skipped.len() {
        0 => String::new(),
        count => format!(", {count} make no sense (–)"),
    };
    let _infallible = writeln!(text, "{cases} cases: {verdict}{skipped}");
}

/// Names with arrows between them, in lines of at most so many columns.
fn wrapped(names: &[String], columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let comma = if index + 1 < names.len() { "," } else { "" };
        match lines.last_mut() {
            Some(line)
                if line.chars().count() + name.chars().count() + comma.len() < columns =>
            {
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
