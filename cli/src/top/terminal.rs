//! The terminal while it is ours.

use std::io::{self, Write as _};

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::event::{Event, KeyEvent, KeyEventKind};
use crossterm::execute;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size,
};
use tokio::sync::mpsc;

use super::frame::Frame;

/// Keys that were pressed and not taken.
const KEYS_MAX: usize = 64;

/// A terminal that shows frames and reads keys. Dropped, it is as it was; also after a panic.
#[derive(Debug)]
pub struct Terminal {
    keys: mpsc::Receiver<Option<KeyEvent>>,
}

impl Terminal {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// When there is none.
    pub fn take() -> io::Result<Self> {
        enable_raw_mode()?;
        let (send, keys) = mpsc::channel(KEYS_MAX);
        let terminal = Self { keys };
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            before(panic);
        }));
        execute!(io::stdout(), EnterAlternateScreen, Hide)?;
        // It ends with the process: nothing can make it stop waiting for a key.
        std::thread::spawn(move || {
            while let Ok(event) = crossterm::event::read() {
                let news = match event {
                    Event::Key(key) if key.kind != KeyEventKind::Release => Some(key),
                    Event::Resize(..) => None,
                    _ => continue,
                };
                if send.blocking_send(news).is_err() {
                    return;
                }
            }
        });
        Ok(terminal)
    }

    /// The next key; `Some(None)` when the size has changed, `None` when no more can come.
    pub async fn key(&mut self) -> Option<Option<KeyEvent>> {
        self.keys.recv().await
    }

    /// Columns and lines.
    #[must_use]
    pub fn size() -> (usize, usize) {
        let (width, height) = size().unwrap_or((80, 24));
        (width.into(), height.into())
    }

    /// Shows a frame.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn show(&self, frame: &Frame, colour: bool) -> io::Result<()> {
        let mut out = io::stdout().lock();
        execute!(out, MoveTo(0, 0))?;
        out.write_all(frame.painted(colour).as_bytes())?;
        out.flush()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

fn give_back() {
    // Whoever took the terminal away needs it back in no state.
    let _gone = execute!(io::stdout(), Show, LeaveAlternateScreen);
    let _gone = disable_raw_mode();
}
