//! Sentences in lines that fit a terminal.

use crate::output;

/// Columns that everything fits.
pub const COLUMNS: usize = 80;

/// Breaks a text at its blanks into lines of at most [`COLUMNS`], each indented so far. A word that
/// is longer has a line of its own.
#[must_use]
pub fn wrapped(text: &str, indent: usize) -> String {
    let mut lines = String::new();
    for line in output::folded(text, COLUMNS.saturating_sub(indent)) {
        let line = format!("{:indent$}{line}", "");
        lines.push_str(line.trim_end());
        lines.push('\n');
    }
    lines
}

/// A text in at most so many columns.
#[must_use]
pub fn cut(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
    }
    text.chars().take(columns - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_blanks() {
        let text = "one ".repeat(40);
        let lines = wrapped(&text, 4);
        assert!(
            lines
                .lines()
                .all(|line| line.starts_with("    one") && line.len() <= COLUMNS)
        );
        assert_eq!(lines.split_whitespace().count(), 40);
        let long = "x".repeat(100);
        assert_eq!(
            wrapped(&format!("a {long} b"), 2),
            format!("  a\n  {long}\n  b\n")
        );
        assert_eq!(cut("abcdef", 4), "abc…");
    }
}
