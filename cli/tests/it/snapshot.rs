//! What commands print, compared with files. `AMENDS_UPDATE_GOLDEN=1` writes those.

use std::fmt::Write as _;
use std::path::PathBuf;

use regex::{Captures, Regex};

use crate::amends::Ran;
use crate::config::update_golden;

/// Columns that everything for people fits.
const COLUMNS: usize = 80;

/// What a story of commands printed.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    text: String,
}

impl Snapshot {
    /// Adds a command and what it did. What is for people must fit a terminal.
    pub(crate) fn add(&mut self, arguments: &[&str], ran: &Ran) {
        let for_programs = ["json", "jsonl", "yaml", "wide"];
        if !arguments.iter().any(|word| for_programs.contains(word)) {
            // A command that is to be copied is not broken.
            let lines = ran.out.lines();
            for line in lines.filter(|line| !line.trim_start().starts_with("> amends ")) {
                let columns = line.chars().count();
                assert!(columns <= COLUMNS, "{columns} columns: {line}");
            }
        }
        let typed: Vec<String> = arguments.iter().map(|word| quoted(word)).collect();
        let _infallible = writeln!(self.text, "$ amends {}", typed.join(" "));
        self.text.push_str(&ran.out);
        for line in ran.err.lines() {
            let line = format!("2> {line}");
            let _infallible = writeln!(self.text, "{}", line.trim_end());
        }
        if ran.code != 0 {
            let _infallible = writeln!(self.text, "[exit {}]", ran.code);
        }
        self.text.push('\n');
    }

    /// Adds text that is not a command's.
    pub(crate) fn note(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// Compares all of it with a file. Ids, times and ports are masked.
    pub(crate) fn check(self, name: &str) {
        let seen = masked(&self.text);
        let seen = format!("{}\n", seen.trim_end());
        let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots"));
        let path = path.join(format!("{name}.txt"));
        if update_golden() {
            std::fs::write(&path, &seen).expect("write the snapshot");
            return;
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        let (mut left, mut right) = (kept.lines(), seen.lines());
        for number in 1.. {
            match (left.next(), right.next()) {
                (None, None) => return,
                (kept, seen_line) => assert_eq!(
                    kept,
                    seen_line,
                    "line {number} of {} differs (left is the file); AMENDS_UPDATE_GOLDEN=1 \
                     writes what was seen:\n{seen}",
                    path.display()
                ),
            }
        }
    }
}

fn quoted(word: &str) -> String {
    let is_plain = !word.is_empty() && !word.contains([' ', '"', '{', '*']);
    if is_plain {
        word.to_owned()
    } else {
        format!("'{word}'")
    }
}

/// Ids are numbered as they first appear, so that one sees which are the same.
fn masked(text: &str) -> String {
    let replace = |text: &str, pattern: &str, with: &str| {
        let pattern = Regex::new(pattern).expect("a pattern");
        pattern.replace_all(text, with).into_owned()
    };
    let id = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
    let mut ids: Vec<String> = Vec::new();
    let text = Regex::new(id)
        .expect("a pattern")
        .replace_all(text, |found: &Captures<'_>| {
            let id = found[0].to_owned();
            let number = ids.iter().position(|one| *one == id).unwrap_or(ids.len());
            if number == ids.len() {
                ids.push(id);
            }
            format!("00000000-0000-7000-8000-{:012}", number + 1)
        });
    let text = replace(
        &text,
        r"20\d\d-\d\d-\d\d([T ])\d\d:\d\d:\d\d(\.\d+)?",
        "2026-01-01${1}00:00:00",
    );
    let text = replace(&text, r"\b\d\d-\d\d \d\d:\d\d\b", "01-01 00:00");
    let text = replace(&text, r"(127\.0\.0\.1|localhost):\d+", "${1}:7600");
    let text = replace(&text, r"amends-\d+-", "amends-1-");
    let text = replace(&text, r"\b[0-9a-f]{64}\b", "<hash>");
    let text = replace(&text, r"build \d+\.\d+\.\d+", "build 0.0.0");
    // How long something took decides how wide its column is, and how its bar looks.
    let text = replace(&text, r"(?m) +[█░─╌][█░─╌ ]*$", " <bar>");
    let text = replace(&text, r" +\+?\d+(\.\d)?(ms|s|m\d\ds)\b", " <span>");
    let text = replace(&text, r"(<span>|AGE|AFTER|HEARD|SEQ) +", "$1 ");
    replace(&text, r"(?m)^ {8,}", "        ")
}
