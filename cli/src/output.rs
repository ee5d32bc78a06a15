//! Data on standard output, in the form that was asked for.

use std::io::Write as _;

use serde::Serialize;

use crate::args::Format;
use crate::failure::{Failure, Outcome};
use crate::prose::COLUMNS;

/// Blanks between the columns of a table.
const GAP: usize = 2;

/// A column of a table gives way no further.
const CELL_COLUMNS_MIN: usize = 8;

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
            line.push_str(&format!("{cell:width$}{:GAP$}", ""));
        }
        lines.push_str(line.trim_end());
        lines.push('\n');
    }
    lines
}

/// The same within [`COLUMNS`], as far as that goes when only these columns give way, the widest
/// first. What is too long for its column loses its middle.
#[must_use]
pub fn narrow_table(head: &[&str], rows: &[Vec<String>], give_way: &[usize]) -> String {
    let width_of = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let widths = cells.map(|cell| cell.chars().count());
        widths.chain(head.get(column).map(|cell| cell.len())).max()
    };
    let mut widths: Vec<usize> = (0..head.len()).filter_map(width_of).collect();
    while widths.iter().sum::<usize>() + GAP * head.len().saturating_sub(1) > COLUMNS {
        let given = give_way.iter().filter_map(|column| widths.get(*column));
        let Some(widest) = given.max().copied().filter(|it| *it > CELL_COLUMNS_MIN) else {
            break;
        };
        let mut those = give_way.iter().copied();
        if let Some(column) = those.find(|column| widths.get(*column) == Some(&widest)) {
            widths[column] = widest - 1;
        }
    }
    let cut = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths);
        cells.map(|(cell, width)| shortened(cell, *width)).collect()
    };
    table(head, &rows.iter().map(cut).collect::<Vec<_>>())
}

/// A text in as many characters, without its middle when it has more: names often differ at the end.
fn shortened(text: &str, width: usize) -> String {
    let all = text.chars().count();
    if all <= width {
        return text.to_owned();
    }
    let end = width.saturating_sub(1) / 2;
    let begin = width.saturating_sub(1) - end;
    let first: String = text.chars().take(begin).collect();
    let last: String = text.chars().skip(all - end).collect();
    format!("{first}…{last}")
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

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(name: &str, key: &str) -> Vec<Vec<String>> {
        let id = "01990a3e-7c1d-7b44-a5b4-0c5f0a9d2e11";
        let cells = [id, name, "compensating", "3 s", key];
        vec![cells.map(str::to_owned).to_vec()]
    }

    #[test]
    fn a_table_that_fits_is_left_as_it_is() {
        let head = ["ID", "SAGA", "STATUS", "AGE", "KEY"];
        let rows = rows("order 1.0.0", "order-7");
        assert_eq!(narrow_table(&head, &rows, &[1, 4]), table(&head, &rows));
    }

    #[test]
    fn a_table_that_does_not_fit_loses_the_middle_of_its_longest_cells() {
        let head = ["ID", "SAGA", "STATUS", "AGE", "KEY"];
        let rows = rows(
            "warehouse-transfer 1.0.0",
            "transfer-größe-2026-11-29-000017",
        );
        let text = narrow_table(&head, &rows, &[1, 4]);
        let widths: Vec<usize> = text.lines().map(|line| line.chars().count()).collect();
        assert_eq!(widths.iter().max(), Some(&COLUMNS), "{text}");
        assert!(
            text.contains("01990a3e-7c1d-7b44-a5b4-0c5f0a9d2e11  "),
            "{text}"
        );
        assert!(text.contains(" 3 s "), "{text}");
        assert!(text.contains("wareh….0.0  "), "{text}");
        assert!(text.trim_end().ends_with("trans…00017"), "{text}");
    }

    #[test]
    fn columns_give_way_to_a_point() {
        assert_eq!(shortened("abcdefghij", 8), "abcd…hij");
        let text = narrow_table(&["A", "B"], &[vec!["x".repeat(90), "y".repeat(90)]], &[1]);
        assert!(
            text.contains(&"x".repeat(90)) && text.contains("yyyy…yyy\n"),
            "{text}"
        );
    }
}
