//! What happens at the one point that is armed.

use std::process::{Command, abort, id};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::config;

/// The point that this process was started with.
#[derive(Debug)]
pub(crate) struct Armed {
    pub(crate) name: String,
    pub(crate) action: Action,
    /// It acts when it is reached for the time that brings this to 0.
    pub(crate) left: AtomicU32,
}

/// What it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Abort,
    Panic,
    Stop,
}

pub(crate) fn reached(name: &str) {
    static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
    let Some(armed) = ARMED.get_or_init(config::armed) else {
        return;
    };
    if armed.name != name || armed.left.fetch_sub(1, Ordering::AcqRel) != 1 {
        return;
    }
    #[expect(clippy::print_stderr, reason = "tests look for this line")]
    {
        eprintln!("failpoint {name}");
    }
    match armed.action {
        Action::Abort => abort(),
        Action::Panic => panic!("failpoint {name}"),
        Action::Stop => stop(),
    }
}

/// The signal reaches every thread; whoever waits for the command goes on when the process does.
fn stop() {
    let stopped = Command::new("kill")
        .args(["-STOP", &id().to_string()])
        .status();
    assert!(
        stopped.is_ok_and(|status| status.success()),
        "a process that tests want stopped must not go on"
    );
}

impl Armed {
    /// Reads `abort NAME [COUNT]`, or the same with `panic` or `stop`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let action = match words.next()? {
            "abort" => Action::Abort,
            "panic" => Action::Panic,
            "stop" => Action::Stop,
            _ => return None,
        };
        let name = words.next()?.to_owned();
        let left = words.next().map_or(Ok(1), str::parse).ok()?;
        let is_complete = words.next().is_none() && left > 0;
        is_complete.then(|| Self {
            name,
            action,
            left: AtomicU32::new(left),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_read_with_its_action_and_count() {
        let armed = Armed::parse("abort orchestrator.after_commit 3").unwrap();
        assert_eq!(armed.name, "orchestrator.after_commit");
        assert_eq!(armed.action, Action::Abort);
        assert_eq!(armed.left.into_inner(), 3);
        let armed = Armed::parse("stop worker.after_call").unwrap();
        assert_eq!((armed.action, armed.left.into_inner()), (Action::Stop, 1));
        for wrong in ["", "abort", "explode here", "abort here 0", "stop a 1 b"] {
            assert!(Armed::parse(wrong).is_none(), "{wrong}");
        }
    }
}
