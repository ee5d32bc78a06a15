//! The end of a log file, for error messages.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// How much of the end of a log is looked at.
const MAX_TAIL_BYTES: u64 = 8 * 1024;
/// How many lines of it are shown.
const MAX_TAIL_LINES: usize = 25;

/// The last lines of the log at `path`; a log that cannot be read says so in its place.
pub(crate) fn log_tail(path: &Path) -> String {
    match read_end(path) {
        Ok(text) => last_lines(&text),
        Err(error) => format!("({} cannot be read: {error})", path.display()),
    }
}

/// The last lines of a text.
pub(crate) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(MAX_TAIL_LINES)..].join("\n")
}

fn read_end(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MAX_TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(MAX_TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_lines_only() {
        let text: String = (0..100).map(|line| format!("line {line}\n")).collect();
        let tail = last_lines(&text);
        assert_eq!(tail.lines().count(), MAX_TAIL_LINES);
        assert!(tail.ends_with("line 99"));
    }

    #[test]
    fn says_when_there_is_no_log() {
        assert!(log_tail(Path::new("/nowhere/at.log")).contains("cannot be read"));
    }
}
