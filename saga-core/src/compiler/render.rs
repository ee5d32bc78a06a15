//! Diagnostics for a terminal, in the look of rustc.

use super::diagnostic::{Diagnostic, Severity, Span};

/// Widest line that is written.
const WIDTH: usize = 80;
/// Columns kept in front of the marked text when a long line is cut.
const LEAD: usize = 12;

/// Renders diagnostics one after the other, each followed by an empty line.
#[must_use]
pub fn render(diagnostics: &[Diagnostic], file: &str, source: &str, colour: bool) -> String {
    let paint = Paint { colour };
    let mut out = String::new();
    for diagnostic in diagnostics {
        one(&mut out, diagnostic, file, source, paint);
        out.push('\n');
    }
    out
}

fn one(out: &mut String, diagnostic: &Diagnostic, file: &str, source: &str, paint: Paint) {
    let Diagnostic {
        code,
        severity,
        message,
        span,
        help,
    } = diagnostic;
    let head = format!("{}[{code}]", severity.as_str());
    let first = head.chars().count() + 2;
    let message = wrapped(message, WIDTH - first, first);
    out.push_str(&paint.severity(*severity, &head));
    out.push_str(&paint.bold(&format!(": {message}")));
    let number = span.line.to_string();
    let gutter = " ".repeat(number.len());
    let place = format!("{file}:{}:{}", span.line, span.column);
    out.push_str(&format!("\n{gutter}{} {place}\n", paint.blue("-->")));
    let bar = paint.blue("|");
    let snippet = Snippet::new(source, span, WIDTH - number.len() - 3);
    let marks = "^".repeat(snippet.marked.max(1));
    let marks = paint.severity(*severity, &marks);
    let indent = " ".repeat(snippet.before);
    out.push_str(&format!("{gutter} {bar}\n"));
    out.push_str(format!("{} {bar} {}", paint.blue(&number), snippet.text).trim_end());
    out.push_str(&format!("\n{gutter} {bar} {indent}{marks}\n"));
    if let Some(help) = help {
        let first = number.len() + 9;
        let help = wrapped(help, WIDTH - first, first);
        out.push_str(&format!("{gutter} {bar}\n"));
        out.push_str(&format!(
            "{gutter} {} {} {help}\n",
            paint.blue("="),
            paint.bold("help:")
        ));
    }
}

/// One source line as it is shown, and where the marks go.
struct Snippet {
    text: String,
    before: usize,
    marked: usize,
}

impl Snippet {
    /// Only what is shown is looked at, because a line can be as long as the file.
    fn new(source: &str, span: &Span, width: usize) -> Self {
        let begin = source[..span.start].rfind('\n').map_or(0, |at| at + 1);
        let end = source[span.start..]
            .find('\n')
            .map_or(source.len(), |at| span.start + at);
        let line = source[begin..end].trim_end();
        let marked = source[span.start..span.end.clamp(span.start, end)].trim_end();
        let marked = marked.chars().take(width).count();
        let before = span.column - 1;
        if line.chars().nth(width).is_none() {
            return Self {
                text: line.chars().map(visible).collect(),
                before,
                marked,
            };
        }
        let (from, before) = if before + marked < width {
            (begin, before)
        } else {
            let lead = source[begin..span.start].char_indices().rev().take(LEAD);
            lead.last()
                .map_or((span.start, 0), |(at, _)| (begin + at, LEAD.min(before)))
        };
        let room = width.saturating_sub(2);
        let shown = &source[from..end];
        let mut text: String = shown.chars().take(room).map(visible).collect();
        if shown.chars().nth(room).is_some() {
            text.push('…');
        }
        let cut = from > begin;
        if cut {
            text.insert(0, '…');
        }
        let before = before + usize::from(cut);
        Self {
            text,
            before,
            marked: marked.min(width.saturating_sub(before)),
        }
    }
}

/// A tab or an escape would shift the marks or paint the terminal.
fn visible(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}

/// Breaks text at blanks; lines after the first are indented.
fn wrapped(text: &str, width: usize, indent: usize) -> String {
    let mut out = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            used = 0;
        } else if used > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += length;
    }
    out
}

#[derive(Clone, Copy)]
struct Paint {
    colour: bool,
}

impl Paint {
    fn severity(self, severity: Severity, text: &str) -> String {
        match severity {
            Severity::Error => self.with("1;31", text),
            Severity::Warning => self.with("1;33", text),
        }
    }

    fn blue(self, text: &str) -> String {
        self.with("1;34", text)
    }

    fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    fn with(self, style: &str, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{style}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}
