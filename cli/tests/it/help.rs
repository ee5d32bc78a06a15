//! The help: every command has examples, and those are right.

use amends::args::Cli;
use clap::{Command, CommandFactory as _, Parser as _};

use crate::amends::run;

/// Columns that examples fit, which are to be copied in one piece.
const COLUMNS: usize = 100;

/// Every command that does something, with the words that name it.
fn leaves(command: &Command, path: &str, found: &mut Vec<(String, Command)>) {
    let mut below = command.get_subcommands().peekable();
    if below.peek().is_none() {
        found.push((path.to_owned(), command.clone()));
    }
    for one in below {
        leaves(one, &format!("{path} {}", one.get_name()), found);
    }
}

fn commands() -> Vec<(String, Command)> {
    let mut found = Vec::new();
    leaves(&Cli::command(), "amends", &mut found);
    found
}

#[test]
fn every_command_has_an_example_that_can_be_typed() {
    let commands = commands();
    assert!(commands.len() > 40, "{}", commands.len());
    for (path, command) in commands {
        let after = command.get_after_help().map(ToString::to_string);
        for line in after.iter().flat_map(|after| after.lines()) {
            assert!(line.chars().count() <= COLUMNS, "too long: {line}");
        }
        // A line that is not over goes on in the next.
        let after = after.unwrap_or_default().replace("\\\n", " ");
        let lines = after
            .lines()
            .map(|line| line.trim_start_matches("Example:").trim());
        let examples: Vec<&str> = lines.filter(|line| line.starts_with("amends ")).collect();
        assert!(
            after.contains("Example:") && examples.iter().any(|line| line.starts_with(&path)),
            "`{path}` has no example"
        );
        for example in examples {
            let words = shlex::split(example).unwrap_or_else(|| panic!("{example}"));
            let words = words
                .into_iter()
                .take_while(|word| word != ">" && word != "|");
            if let Err(error) = Cli::try_parse_from(words) {
                panic!("`{example}` cannot be typed:\n{error}");
            }
        }
    }
}

#[test]
fn every_command_says_how_it_prints() {
    // What prints a script, a page or a picture, or serves until it is stopped, has no table.
    let other = [
        "amends serve",
        "amends demo-worker",
        "amends graph",
        "amends explain-code",
        "amends completions",
        "amends man",
        "amends definition show",
        "amends definition graph",
        "amends top",
    ];
    for (path, command) in commands() {
        let output = command.get_arguments().find(|one| one.get_id() == "output");
        let Some(output) = output else {
            assert!(other.contains(&path.as_str()), "`{path}` has no --output");
            continue;
        };
        let values = output.get_possible_values();
        let known: Vec<&str> = values.iter().map(|value| value.get_name()).collect();
        for form in ["table", "wide", "json", "jsonl", "yaml"] {
            let can = known.contains(&form) || other.contains(&path.as_str());
            assert!(can, "`{path} -o {form}` is not there: {known:?}");
        }
    }
}

#[test]
fn shells_and_readers_of_manuals_are_served() {
    for (shell, word) in [
        ("bash", "_amends()"),
        ("zsh", "#compdef amends"),
        ("fish", "complete -c amends"),
    ] {
        let script = run(&["completions", shell], &[]);
        assert_eq!(script.code, 0, "{script:?}");
        assert!(
            script.out.contains(word) && script.out.contains("letter-group"),
            "{shell}"
        );
    }
    let page = run(&["man", "saga", "list"], &[]);
    for words in [".TH amends-saga-list 1", "letter", "Example"] {
        assert!(page.out.contains(words), "`{words}` in\n{}", page.out);
    }
    run(&["man", "saga", "lst"], &[]).failed(4, &["saga lst"]);
    let folder = std::env::temp_dir().join(format!("amends-man-{}", std::process::id()));
    let shown = folder.to_str().expect("a UTF-8 path");
    let all = run(&["man", "--out", shown], &[]);
    assert_eq!(all.code, 0, "{all:?}");
    let pages = std::fs::read_dir(&folder).expect("the folder").count();
    std::fs::remove_dir_all(&folder).expect("remove the folder");
    assert_eq!(all.out, format!("{pages} pages are in {shown}\n"));
    assert!(
        pages > commands().len(),
        "groups of commands have pages as well"
    );
}
