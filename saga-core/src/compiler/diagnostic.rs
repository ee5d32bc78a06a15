//! One thing to say about a definition, and where it is.

use super::code::Code;

/// A stretch of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// Line of the first byte, from 1.
    pub line: usize,
    /// Column of the first byte in characters, from 1.
    pub column: usize,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The definition is refused.
    Error,
    /// It is accepted, and probably not what was meant.
    Warning,
}

impl Severity {
    /// The word on the screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One thing to say about a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Which rule.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub message: String,
    /// Where.
    pub span: Span,
    /// What to do.
    pub help: Option<String>,
}

/// Collects diagnostics and knows where bytes are.
#[derive(Debug)]
pub(super) struct Report<'s> {
    source: &'s str,
    lines: Vec<usize>,
    diagnostics: Vec<Diagnostic>,
    /// Expressions compiled so far.
    expressions: usize,
}

/// Most expressions of one file.
pub const EXPRESSIONS_MAX: usize = 5_000;

/// More than this is not collected: nobody reads on.
pub const DIAGNOSTICS_MAX: usize = 200;

impl<'s> Report<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        let breaks = source
            .bytes()
            .enumerate()
            .filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0)
            .chain(breaks.map(|(at, _)| at + 1))
            .collect();
        Self {
            source,
            lines,
            diagnostics: Vec::new(),
            expressions: 0,
        }
    }

    /// The span of these bytes, moved to where characters begin. Its column is counted when a
    /// diagnostic is told, because counting goes through the line and few spans are ever told.
    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        let start = self.source.floor_char_boundary(start);
        let end = self.source.floor_char_boundary(end).max(start);
        let line = self.lines.partition_point(|first| *first <= start);
        Span {
            start,
            end,
            line,
            column: 1,
        }
    }

    fn column(&self, span: Span) -> usize {
        let first = self
            .lines
            .get(span.line.saturating_sub(1))
            .copied()
            .unwrap_or(0);
        self.source
            .get(first..span.start)
            .map_or(0, |before| before.chars().count())
            + 1
    }

    /// Whether one more expression is compiled. Compiling takes time for each, and what would be
    /// said about the next one would not be shown once the report is full.
    pub(super) fn admits_expression(&mut self, span: Span) -> bool {
        self.expressions += 1;
        if self.expressions == EXPRESSIONS_MAX + 1 {
            self.error_with(
                Code::TooManyExpressions,
                span,
                format!("the file has more than {EXPRESSIONS_MAX} expressions"),
                "compute whole values in one expression, or in a worker",
            );
        }
        self.expressions <= EXPRESSIONS_MAX && !self.is_full()
    }

    /// Whether more errors would not be shown any more.
    pub(super) fn is_full(&self) -> bool {
        self.diagnostics.len() >= DIAGNOSTICS_MAX && self.has_errors()
    }

    /// The source text of a span.
    pub(super) fn text(&self, span: Span) -> &'s str {
        self.source.get(span.start..span.end).unwrap_or_default()
    }

    pub(super) fn error(&mut self, code: Code, span: Span, message: impl Into<String>) {
        self.push(Severity::Error, code, span, message.into(), None);
    }

    pub(super) fn error_with(
        &mut self,
        code: Code,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(
            Severity::Error,
            code,
            span,
            message.into(),
            Some(help.into()),
        );
    }

    pub(super) fn warning(
        &mut self,
        code: Code,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(
            Severity::Warning,
            code,
            span,
            message.into(),
            Some(help.into()),
        );
    }

    fn push(
        &mut self,
        severity: Severity,
        code: Code,
        span: Span,
        message: String,
        help: Option<String>,
    ) {
        let span = Span {
            column: self.column(span),
            ..span
        };
        let diagnostic = Diagnostic {
            code,
            severity,
            message,
            span,
            help,
        };
        let known = self.diagnostics.contains(&diagnostic);
        if !known && (self.diagnostics.len() < DIAGNOSTICS_MAX || severity == Severity::Error) {
            self.diagnostics.truncate(DIAGNOSTICS_MAX - 1);
            self.diagnostics.push(diagnostic);
        }
    }

    pub(super) fn has_errors(&self) -> bool {
        self.diagnostics
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// All of them in the order of the source.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        self.diagnostics
            .sort_by_key(|diagnostic| (diagnostic.span.start, diagnostic.code));
        self.diagnostics
    }
}
