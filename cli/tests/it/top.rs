//! The live view: once as text, and on a terminal.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::amends::{Dev, run};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn one_frame_is_printed_as_text() {
    let dev = Dev::start();
    let once = dev.run(&["top", "--once"]);
    assert_eq!(once.code, 0, "{once:?}");
    for words in ["amends top", "QUEUES", "WORKERS", "SAGAS", "q quit"] {
        assert!(
            once.out.contains(words),
            "`{words}` is missing in\n{}",
            once.out
        );
    }
    assert!(!once.out.contains('\u{1b}'), "{}", once.out);
    assert!(once.out.lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn without_a_terminal_or_a_server_it_says_so() {
    let dev = Dev::start();
    dev.run(&["top"]).failed(2, &["needs a terminal", "--once"]);
    let nobody = [("AMENDS_SERVER", "http://127.0.0.1:1")];
    run(&["top", "--once"], &nobody).failed(1, &["no orchestrator answers"]);
}

/// `amends top` on a pseudo terminal, which `script` makes.
struct OnTerminal {
    child: Child,
    screen: ChildStdout,
    seen: Vec<u8>,
}

impl OnTerminal {
    fn start(server: &str) -> Self {
        let amends = env!("CARGO_BIN_EXE_amends");
        let command = format!("stty rows 24 cols 80; {amends} top --server {server}");
        let mut child = Command::new("script")
            .args(["-qec", &command, "/dev/null"])
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("run script, which makes a pseudo terminal");
        let screen = child.stdout.take().expect("its screen");
        Self {
            child,
            screen,
            seen: Vec::new(),
        }
    }

    /// Reads until the screen was sent this.
    fn until(&mut self, words: &str) {
        let deadline = Instant::now() + PATIENCE;
        let mut some = [0; 4096];
        while !self.text().contains(words) {
            assert!(
                Instant::now() < deadline,
                "`{words}` never came\n{}",
                self.text()
            );
            let read = self.screen.read(&mut some).expect("read the screen");
            assert!(read > 0, "it ended without `{words}`\n{}", self.text());
            self.seen.extend_from_slice(&some[..read]);
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    fn press(&mut self, key: &[u8]) {
        let keyboard = self.child.stdin.as_mut().expect("its keyboard");
        keyboard.write_all(key).expect("press a key");
        keyboard.flush().expect("press a key");
    }

    /// Reads to the end; says with which code it ended.
    fn ended(mut self) -> (Option<i32>, String) {
        self.screen.read_to_end(&mut self.seen).expect("the rest");
        let status = self.child.wait().expect("wait for it");
        (status.code(), self.text())
    }
}

/// The terminal is as it was: the cursor is shown, and the screen is the one before.
fn assert_given_back(seen: &str) {
    let taken = seen.find("\u{1b}[?1049h").expect("a screen of its own");
    let back = seen.rfind("\u{1b}[?1049l").expect("the screen before");
    let hidden = seen.rfind("\u{1b}[?25l").expect("no cursor");
    let shown = seen.rfind("\u{1b}[?25h").expect("a cursor");
    assert!(taken < back && hidden < shown, "{seen}");
}

#[test]
fn it_takes_a_terminal_and_gives_it_back() {
    let dev = Dev::start();
    for quit in [b"q".as_slice(), b"\x03"] {
        let mut top = OnTerminal::start(&dev.server);
        top.until("SAGAS");
        top.press(b"\r");
        top.press(quit);
        let (code, seen) = top.ended();
        assert_eq!(code, Some(0), "{seen}");
        assert_given_back(&seen);
    }
}

#[test]
fn it_says_that_the_server_is_away() {
    let mut top = OnTerminal::start("http://127.0.0.1:1");
    top.until("AWAY since");
    top.press(b"q");
    let (code, seen) = top.ended();
    assert_eq!(code, Some(0), "{seen}");
    assert_given_back(&seen);
}
