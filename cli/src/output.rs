//! Data on standard output, in the form that was asked for.

use std::io::Write as _;

use serde::Serialize;

use crate::args::Format;
use crate::failure::Failure;

/// Prints text for people.
///
/// # Errors
/// Standard output is gone, for example because `head` has read enough.
pub fn text(text: &str) -> Result<(), Failure> {
    write(text.as_bytes())
}

/// Prints one document as JSON: indented, or on one line for `jsonl`.
pub fn json(format: Format, document: &impl Serialize) -> Result<(), Failure> {
    let encoded = match format {
        Format::Jsonl => serde_json::to_vec(document),
        Format::Table | Format::Json => serde_json::to_vec_pretty(document),
    };
    let mut line =
        encoded.map_err(|error| Failure::because("the answer cannot be printed", &error))?;
    line.push(b'\n');
    write(&line)
}

/// Prints a list: one JSON document, or one for each item for `jsonl`.
pub fn json_list<T: Serialize>(format: Format, items: &[T]) -> Result<(), Failure> {
    match format {
        Format::Jsonl => items.iter().try_for_each(|item| json(format, item)),
        Format::Table | Format::Json => json(format, &items),
    }
}

/// Prints rows in columns that are as wide as they must be. The last one is not padded.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> Result<(), Failure> {
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.len()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut lines = String::new();
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    for row in std::iter::once(&head).chain(rows) {
        let last = row.len().saturating_sub(1);
        for (index, (cell, width)) in row.iter().zip(&widths).enumerate() {
            if index == last {
                lines.push_str(cell);
            } else {
                lines.push_str(&format!("{cell:width$}  "));
            }
        }
        lines.push('\n');
    }
    text(&lines)
}

/// A text in lines of at most this many characters, unless a word is longer.
#[must_use]
pub fn folded(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let full = lines
            .last()
            .is_some_and(|line| line.chars().count() + 1 + word.chars().count() > width);
        match lines.last_mut() {
            Some(line) if !full || line.is_empty() => {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(|error| Failure::because("standard output is gone", &error))
}
