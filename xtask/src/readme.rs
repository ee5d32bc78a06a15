//! The test command as README.md gives it, so that the two cannot differ.

use std::fs;

use anyhow::{Context as _, Result};

use crate::repository::root;

/// What the command begins with.
const TEST_COMMAND: &str = "cargo xtask test";

/// The words of the test command, read from the code blocks of README.md.
pub(crate) fn test_command() -> Result<Vec<String>> {
    let text = fs::read_to_string(root().join("README.md")).context("could not read README.md")?;
    find_test_command(&text)
        .with_context(|| format!("no code block of README.md has a line `{TEST_COMMAND}`"))
}

fn find_test_command(text: &str) -> Option<Vec<String>> {
    let mut in_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
            continue;
        }
        let line = line.trim();
        let line = line.strip_prefix("$ ").unwrap_or(line);
        let command = line.split(" #").next().unwrap_or(line).trim_end();
        if in_code && command.starts_with(TEST_COMMAND) {
            return Some(command.split_whitespace().map(str::to_owned).collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_command_in_a_code_block() {
        let text = "Run cargo xtask test.\n```sh\nls\ncargo xtask test   # all of them\n```\n";
        assert_eq!(find_test_command(text).unwrap(), ["cargo", "xtask", "test"]);
    }

    #[test]
    fn prose_is_not_a_command() {
        assert_eq!(find_test_command("cargo xtask test\n"), None);
    }
}
