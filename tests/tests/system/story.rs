//! A walk-through that is played: its commands and outputs, compared with docs/incidents.md.
//!
//! The document holds what a run really printed. Ids, times and spans differ from run to run, so
//! both sides are masked before they are compared; `AMENDS_UPDATE_GOLDEN=1` writes the blocks of the
//! sections that differ even so.

use std::fmt::Write as _;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use regex::{Captures, Regex};
use system_tests::command::{self, Ran};
use system_tests::config::update_golden;
use system_tests::deployment::Deployment;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/incidents.md");

/// What begins a block of commands, and what ends it.
const FENCES: (&str, &str) = ("```console\n", "```\n");

/// Columns that everything for people fits.
const COLUMNS: usize = 80;

/// Several stories write to the document.
static WRITING: Mutex<()> = Mutex::new(());

/// One section of the document as it is played.
pub(super) struct Story<'a> {
    deployment: &'a Deployment,
    /// How its heading begins, such as `## 1.`.
    heading: &'static str,
    blocks: Vec<String>,
    folder: PathBuf,
}

impl<'a> Story<'a> {
    /// The section whose heading begins so. Files that its commands read are in `tests/incidents/`.
    pub(super) fn new(deployment: &'a Deployment, heading: &'static str) -> Self {
        Self {
            deployment,
            heading,
            blocks: Vec::new(),
            folder: PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/incidents")),
        }
    }

    /// A block of commands, and what each of them printed.
    pub(super) async fn block<const N: usize>(&mut self, commands: [&[&str]; N]) -> [Ran; N] {
        let mut block = String::new();
        let mut ran = Vec::new();
        for arguments in commands {
            let one = self.run(arguments).await;
            if !block.is_empty() {
                block.push('\n');
            }
            block.push_str(&told(arguments, &one));
            ran.push(one);
        }
        let prefix = format!("{}.", self.deployment.prefix());
        self.blocks.push(block.replace(&prefix, "amends."));
        ran.try_into().expect("as many as there were commands")
    }

    async fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = command::command(self.deployment, arguments);
        command
            .current_dir(&self.folder)
            .env("USER", "ada")
            .env("NO_COLOR", "1");
        command::run(command).await
    }

    /// Compares all blocks with those of the section.
    pub(super) fn check(self) {
        let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
        let text = std::fs::read_to_string(DOCUMENT).expect("the walk-through");
        let places = blocks(&text, self.heading);
        let kept: Vec<&str> = places.iter().map(|place| &text[place.clone()]).collect();
        assert_eq!(
            kept.len(),
            self.blocks.len(),
            "blocks under {} (left is the document); played were\n{}",
            self.heading,
            self.blocks.join("\n----\n")
        );
        // Masked together: an id that comes again in a later block is the same one.
        let end = "\u{1d}";
        let (old, new) = (masked(&kept.join(end)), masked(&self.blocks.join(end)));
        if update_golden() {
            if old == new {
                return;
            }
            let mut written = text.clone();
            for (place, block) in places.iter().zip(&self.blocks).rev() {
                written.replace_range(place.clone(), block);
            }
            std::fs::write(DOCUMENT, written).expect("write the walk-through");
            return;
        }
        for (number, (old, new)) in old.split(end).zip(new.split(end)).enumerate() {
            assert_eq!(
                old,
                new,
                "block {} under {} differs (left is the document); AMENDS_UPDATE_GOLDEN=1 writes \
                 what was seen:\n{}",
                number + 1,
                self.heading,
                self.blocks[number]
            );
        }
    }
}

/// Where the blocks of a section are.
fn blocks(text: &str, heading: &str) -> Vec<Range<usize>> {
    let begin = text.find(&format!("\n{heading} ")).expect("the section") + 1;
    let end = text[begin..]
        .find("\n## ")
        .map_or(text.len(), |at| begin + at);
    let mut found = Vec::new();
    let mut from = begin;
    while let Some(at) = text[from..end].find(FENCES.0) {
        let first = from + at + FENCES.0.len();
        let closed = text[first..end].find(FENCES.1).expect("the end of a block");
        found.push(first..first + closed);
        from = first + closed + FENCES.1.len();
    }
    found
}

/// A command as it is typed, and what it did. What is for people must fit a terminal.
fn told(arguments: &[&str], ran: &Ran) -> String {
    // A command that is to be copied is not broken, and neither is a name in the last column.
    let lines = ran.out.lines().map(str::trim_end);
    for line in lines.filter(|line| !line.trim_start().starts_with("> amends ")) {
        let fits = line.rsplit_once(' ').map_or("", |(before, _name)| before);
        let columns = fits.trim_end().chars().count();
        assert!(columns <= COLUMNS, "{columns} columns: {line}");
    }
    let typed: Vec<String> = arguments.iter().map(|word| quoted(word)).collect();
    let mut text = typed_in_lines(&typed);
    text.push_str(&ran.out);
    text.push_str(&ran.err);
    if ran.code != 0 {
        let _infallible = writeln!(text, "[exit code {}]", ran.code);
    }
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    format!("{}\n", lines.join("\n"))
}

fn typed_in_lines(words: &[String]) -> String {
    let mut text = "$ amends".to_owned();
    let mut columns = text.len();
    for word in words {
        let width = word.chars().count();
        // Room for the backslash.
        if columns + 1 + width > COLUMNS - 2 {
            text.push_str(" \\\n   ");
            columns = 3;
        }
        text.push(' ');
        text.push_str(word);
        columns += 1 + width;
    }
    text.push('\n');
    text
}

fn quoted(word: &str) -> String {
    if word.is_empty() || word.contains([' ', '"', '{', '*']) {
        format!("'{word}'")
    } else {
        word.to_owned()
    }
}

/// Without what differs from run to run. Ids are numbered as they first appear, so that one sees
/// which are the same. How wide a column is and where a line is broken follows from what is masked.
fn masked(text: &str) -> String {
    let mut ids: Vec<String> = Vec::new();
    let id = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}";
    let id = Regex::new(id).expect("a pattern");
    let text = id.replace_all(text, |found: &Captures<'_>| {
        let known = ids.iter().position(|one| *one == found[0]);
        let number = known.unwrap_or(ids.len());
        if number == ids.len() {
            ids.push(found[0].to_owned());
        }
        format!("<id {number}>")
    });
    let mut text = text.into_owned();
    for (pattern, with) in [
        (r"\b[0-9a-f]{8}-[0-9a-f-]*…", "<part of an id>"),
        (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?", "<time>"),
        (r"\b\d\d-\d\d \d\d:\d\d\b", "<minute>"),
        (r"\b[0-9a-f]{64}\b", "<hash>"),
        (r"\b00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}\b", "<trace>"),
        // What a bar has room for is explained below it.
        (r"(?m)^  [█░─╌] [a-z].*$", ""),
        (r" [█░─╌][█░─╌ ]*\n", " <bar>\n"),
        (r"\+?\b\d+(\.\d+)?(ms|s|m\d\ds|m)\b", "<span>"),
        (r"[ \n]*\\?\n *", " "),
        (r"\s+", " "),
    ] {
        let pattern = Regex::new(pattern).expect("a pattern");
        text = pattern.replace_all(&text, with).into_owned();
    }
    text
}

#[test]
fn masks_hide_what_differs_and_nothing_else() {
    let id = |last: char| format!("01a20e45-8d67-7000-8000-00000000000{last}");
    let (one, two) = (id('1'), id('2'));
    let seen = masked(&format!("{one} and {two} and {one} after 12ms, 3 of 5"));
    assert_eq!(seen, "<id 0> and <id 1> and <id 0> after <span>, 3 of 5");
    let seen = masked("since 2026-01-02T03:04:05.678Z\n   until 01-02 03:04");
    assert_eq!(seen, "since <time> until <minute>");
    assert_eq!(masked("acc-01a20f33-f197-7…"), "acc-<part of an id>");
    assert_ne!(masked("2 letters"), masked("3 letters"));
    assert_ne!(masked("paused"), masked("running"));
}

#[test]
fn blocks_are_those_of_the_section() {
    let text = "# T\n\n## 1. A\n\n```console\none\n```\n\n```\nno\n```\n\n## 2. B\n\n```console\ntwo\n```\n";
    let first: Vec<&str> = blocks(text, "## 1.")
        .into_iter()
        .map(|it| &text[it])
        .collect();
    let second: Vec<&str> = blocks(text, "## 2.")
        .into_iter()
        .map(|it| &text[it])
        .collect();
    assert_eq!((first, second), (vec!["one\n"], vec!["two\n"]));
}
