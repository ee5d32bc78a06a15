//! Inputs made from nothing, and from good definitions.

use std::fs;
use std::path::Path;

use crate::dice::Dice;

/// Longest input of random bytes.
const BYTES_MAX: usize = 400;

/// Most changes to one definition.
const CHANGES_MAX: usize = 6;

/// What mutations put in: what means something to YAML, to the language, or to nobody.
const SNIPPETS: [&str; 40] = [
    "${",
    "}",
    "${input.a}",
    ":",
    ": ",
    "- ",
    "\n",
    "  ",
    "\t",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "|",
    ">",
    "&a ",
    "*a",
    "!!str ",
    "---\n",
    "#",
    "\u{0}",
    "\u{feff}",
    "ü",
    "none",
    "yes",
    "1e999",
    "steps.charge.output",
    "pivot: true\n",
    "depends_on: [charge]\n",
    "$ref: '#'\n",
    "0",
    "-1",
    "99999999999999999999",
    "action",
    "compensate: ",
    "\r\n",
    "?",
    "<<: ",
];

/// Every definition that ships or is an example.
pub(crate) fn originals() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["../sagas", "tests/definitions", "tests/operations"];
    let mut paths: Vec<_> = folders
        .iter()
        .flat_map(|folder| fs::read_dir(root.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "yaml"))
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
}

/// Any bytes at all, half of the time of the kind that YAML is made of.
pub(crate) fn bytes(dice: &mut Dice) -> Vec<u8> {
    let length = dice.below(BYTES_MAX);
    let texty = dice.once_in(2);
    let mut bytes = Vec::new();
    while bytes.len() < length {
        if texty {
            bytes.extend_from_slice(dice.pick(&SNIPPETS).as_bytes());
        } else {
            bytes.push(u8::try_from(dice.below(256)).unwrap());
        }
    }
    bytes
}

/// A good definition in which bytes were cut, doubled, replaced or put in, without regard to
/// characters.
pub(crate) fn mutated(dice: &mut Dice, originals: &[String]) -> Vec<u8> {
    let mut bytes = dice.pick(originals).clone().into_bytes();
    for _ in 0..=dice.below(CHANGES_MAX) {
        let start = dice.below(bytes.len() + 1);
        let end = (start + dice.below(40)).min(bytes.len());
        let piece: Vec<u8> = if dice.once_in(2) {
            dice.pick(&SNIPPETS).as_bytes().to_vec()
        } else {
            bytes[start..end].to_vec()
        };
        match dice.below(4) {
            0 => drop(bytes.drain(start..end)),
            1 => drop(bytes.splice(start..start, piece)),
            2 => drop(bytes.splice(start..end, piece)),
            _ => {
                let at = dice.below(bytes.len() + 1);
                drop(bytes.splice(at..at, piece));
            }
        }
    }
    bytes
}

/// A good definition of which tokens were deleted, doubled or swapped.
pub(crate) fn shuffled(dice: &mut Dice, originals: &[String]) -> Vec<u8> {
    let text = dice.pick(originals).clone();
    let mut tokens = tokens(&text);
    for _ in 0..=dice.below(CHANGES_MAX) {
        if tokens.is_empty() {
            break;
        }
        let at = dice.below(tokens.len());
        match dice.below(3) {
            0 => drop(tokens.remove(at)),
            1 => tokens.insert(at, tokens[at]),
            _ => {
                let other = dice.below(tokens.len());
                tokens.swap(at, other);
            }
        }
    }
    tokens.concat().into_bytes()
}

/// Words, stretches of blanks, and single characters of any other kind.
fn tokens(text: &str) -> Vec<&str> {
    let kind = |c: char| match c {
        ' ' => 0,
        c if c.is_alphanumeric() || c == '_' => 1,
        _ => 2,
    };
    let mut tokens = Vec::new();
    let mut start = 0;
    let mut last = None;
    for (at, c) in text.char_indices() {
        let this = kind(c);
        if at > start && (last != Some(this) || this == 2) {
            tokens.push(&text[start..at]);
            start = at;
        }
        last = Some(this);
    }
    tokens.push(&text[start..]);
    tokens
}
