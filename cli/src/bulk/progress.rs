//! Tells on standard error how far a command is that takes long.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use tokio::time::Instant;

/// A terminal is drawn on at most this often.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// Without a terminal there is a line this often.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Columns of the bar.
const BAR_COLUMNS: usize = 24;

/// How far a command is: a bar on a terminal, otherwise a line now and then.
#[derive(Debug)]
pub struct Progress {
    terminal: bool,
    begun: Instant,
    told: Instant,
    drawn: bool,
}

impl Progress {
    /// Nothing is told yet.
    #[must_use]
    pub fn new() -> Self {
        let now = Instant::now();
        Self {
            terminal: std::io::stderr().is_terminal(),
            begun: now,
            told: now,
            drawn: false,
        }
    }

    /// So many are done, of so many where that is known; tells it when it is time.
    pub fn note(&mut self, done: usize, of: Option<usize>, refused: usize) {
        let every = if self.terminal {
            DRAW_EVERY
        } else {
            LINE_EVERY
        };
        if self.told.elapsed() < every {
            return;
        }
        self.told = Instant::now();
        let words = told(done, of, refused, self.begun.elapsed());
        if self.terminal {
            self.drawn = true;
            let bar = of.map_or_else(String::new, |of| bar(done, of));
            print(&format!("\r\u{1b}[K{bar}{words}"));
        } else {
            print(&format!("{words}\n"));
        }
    }

    /// Takes the bar away.
    pub fn clear(&mut self) {
        if self.drawn {
            print("\r\u{1b}[K");
            self.drawn = false;
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

fn told(done: usize, of: Option<usize>, refused: usize, took: Duration) -> String {
    let of = of.map_or_else(String::new, |of| format!(" of {of}"));
    let refused = match refused {
        0 => String::new(),
        some => format!(", {some} refused"),
    };
    let seconds = took.as_millis().max(1);
    let rate = u128::try_from(done).unwrap_or(0) * 1_000 / seconds;
    format!("{done}{of}{refused}, {rate}/s")
}

fn bar(done: usize, of: usize) -> String {
    let full = (done * BAR_COLUMNS).checked_div(of).unwrap_or(0);
    let full = full.min(BAR_COLUMNS);
    let rest = BAR_COLUMNS - full;
    format!("[{}{}] ", "█".repeat(full), "·".repeat(rest))
}

fn print(text: &str) {
    let mut out = std::io::stderr().lock();
    // Nobody is served by a command that ends because its progress cannot be told.
    let _gone = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills_and_words_say_the_rest() {
        assert_eq!(bar(0, 10), format!("[{}] ", "·".repeat(24)));
        assert_eq!(
            bar(5, 10),
            format!("[{}{}] ", "█".repeat(12), "·".repeat(12))
        );
        assert_eq!(bar(11, 10), format!("[{}] ", "█".repeat(24)));
        assert_eq!(bar(0, 0), format!("[{}] ", "·".repeat(24)));
        let second = Duration::from_secs(2);
        assert_eq!(told(10, Some(40), 0, second), "10 of 40, 5/s");
        assert_eq!(told(10, None, 3, second), "10, 3 refused, 5/s");
    }
}
