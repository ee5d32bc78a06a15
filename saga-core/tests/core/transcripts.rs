//! Runs the transcripts: a definition, inputs, and what the core decides about each.
//!
//! `UPDATE_EXPECT=1` writes what is decided now into the files; commit only differences that you
//! understand. The form of an input is described in `transcripts/README.md`.

use std::fs;
use std::path::Path;

use crate::script::{self, Exchange};

#[test]
fn transcripts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let update = crate::config::update_expectations();
    let mut names: Vec<_> = fs::read_dir(&folder)
        .expect("the folder of transcripts")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "txt"))
        .collect();
    names.sort();
    assert!(
        names.len() >= 10,
        "only {} transcripts were found",
        names.len()
    );
    let mut wrong = Vec::new();
    for path in names {
        let text = fs::read_to_string(&path).expect("a transcript");
        let played = script::play(&text).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        if update {
            fs::write(&path, played.render()).expect("write the transcript");
        } else if let Some(Exchange {
            input,
            expected,
            found,
        }) = played.first_difference()
        {
            wrong.push(format!(
                "{}: {input}\nexpected\n{expected}\nfound\n{found}",
                path.display()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
