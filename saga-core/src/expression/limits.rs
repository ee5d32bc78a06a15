//! The bounds of an expression, and what can be wrong with its text.

use std::ops::Range;

/// Longest text between `${` and `}`, in bytes.
pub const EXPRESSION_BYTES_MAX: usize = 4096;

/// Most nodes of one expression's syntax tree, after macros are expanded.
pub const EXPRESSION_NODES_MAX: usize = 2000;

/// Deepest syntax tree of one expression. Evaluation recurses once per level.
pub const EXPRESSION_DEPTH_MAX: usize = 64;

/// How deep `map`, `filter`, `all`, `exists` and `exists_one` may sit inside each other.
pub const EXPRESSION_COMPREHENSIONS_MAX: usize = 2;

/// Most data that one evaluation outside the fast path may look at: bytes of text plus 16 for each
/// value. A plain path such as `${input.items}` has no such limit.
pub const EXPRESSION_INPUT_WEIGHT_MAX: usize = 512 * 1024;

/// What one evaluation may spend: 32 for every element that a `map`, `filter`, `all` or `exists`
/// goes through, and the weight of everything that it builds.
pub const EXPRESSION_FUEL: u64 = 4 * 1024 * 1024;

/// Deepest nesting of a value that an expression looks at or builds.
pub(super) const VALUE_DEPTH_MAX: usize = 128;

/// Which rule the text of an expression breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProblemKind {
    Syntax,
    TooLong,
    TooManyNodes,
    TooDeep,
    Comprehensions,
    UnknownRoot,
    UnknownFunction,
    BadReference,
}

/// The text is no expression of this language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) kind: ProblemKind,
    pub(crate) message: String,
    /// Bytes of the expression's text; `None` means all of it.
    pub(crate) at: Option<Range<usize>>,
    pub(crate) help: Option<String>,
}

impl Problem {
    pub(super) fn new(kind: ProblemKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            at: None,
            help: None,
        }
    }

    /// Points at the first occurrence of `part` in the expression.
    pub(super) fn at(mut self, text: &str, part: &str) -> Self {
        self.at = find_name(text, part);
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// The first place where `name` stands in the text and is not part of a longer name.
pub(crate) fn find_name(text: &str, name: &str) -> Option<Range<usize>> {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name)
        .map(|(start, _)| start..start + name.len())
        .find(|at| {
            let before = text[..at.start].chars().next_back().is_some_and(inside);
            let after = text[at.end..].chars().next().is_some_and(inside);
            !name.is_empty() && !before && !after
        })
}
