//! Data on standard output, in the form that was asked for.

use std::io::Write as _;

use serde::Serialize;

use crate::args::Format;
use crate::failure::{Failure, Outcome};

/// What begins each document of a YAML stream.
const NEXT_DOCUMENT: &str = "---\n";

/// Prints text for people.
///
/// # Errors
/// Standard output is gone, for example because `head` has read enough.
pub fn text(text: &str) -> Outcome {
    write(text.as_bytes())
}

/// Prints one document; `people` makes the text that is printed for people, and is told whether
/// it may be wide.
///
/// # Errors
/// Standard output is gone.
pub fn document<D: Serialize>(
    format: Format,
    document: &D,
    people: impl FnOnce(bool) -> String,
) -> Outcome {
    page(format, document, std::slice::from_ref(document), people)
}

/// Prints a list: one document, or one for each item for `jsonl`.
///
/// # Errors
/// Standard output is gone.
pub fn list<T: Serialize>(
    format: Format,
    items: &[T],
    people: impl FnOnce(bool) -> String,
) -> Outcome {
    page(format, &items, items, people)
}

/// Prints a document that has a list in it, of which `jsonl` prints the items and nothing else.
///
/// # Errors
/// Standard output is gone.
pub fn page<D: Serialize, T: Serialize>(
    format: Format,
    document: &D,
    items: &[T],
    people: impl FnOnce(bool) -> String,
) -> Outcome {
    match format {
        Format::Table => text(&people(false)),
        Format::Wide => text(&people(true)),
        Format::Json => json(document),
        Format::Jsonl => items.iter().try_for_each(json_line),
        Format::Yaml => text(&yaml(document)?),
    }
}

/// Prints one document of many that come one after the other, each whole by itself: a line of
/// JSON, or a document of a YAML stream.
///
/// # Errors
/// Standard output is gone.
pub fn one_of_many<D: Serialize>(
    format: Format,
    document: &D,
    people: impl FnOnce(bool) -> String,
) -> Outcome {
    match format {
        Format::Table => text(&people(false)),
        Format::Wide => text(&people(true)),
        Format::Json | Format::Jsonl => json_line(document),
        Format::Yaml => text(&format!("{NEXT_DOCUMENT}{}", yaml(document)?)),
    }
}

/// Prints one document as JSON for reading.
///
/// # Errors
/// Standard output is gone.
pub fn json(document: &impl Serialize) -> Outcome {
    let encoded = serde_json::to_vec_pretty(document);
    line(encoded.map_err(|error| Failure::because("the answer cannot be printed", &error))?)
}

fn json_line(document: &impl Serialize) -> Outcome {
    let encoded = serde_json::to_vec(document);
    line(encoded.map_err(|error| Failure::because("the answer cannot be printed", &error))?)
}

fn yaml(document: &impl Serialize) -> Result<String, Failure> {
    serde_saphyr::to_string(document)
        .map_err(|error| Failure::because("the answer cannot be printed", &error))
}

/// Rows in columns that are as wide as they must be. The last one is not padded.
#[must_use]
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.len()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut lines = String::new();
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    for row in std::iter::once(&head).chain(rows) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:width$}  "));
        }
        lines.push_str(line.trim_end());
        lines.push('\n');
    }
    lines
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

fn line(mut bytes: Vec<u8>) -> Outcome {
    bytes.push(b'\n');
    write(&bytes)
}

fn write(bytes: &[u8]) -> Outcome {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(|error| Failure::because("standard output is gone", &error))
}
