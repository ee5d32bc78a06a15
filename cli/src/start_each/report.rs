//! What became of the lines.

use serde::Serialize;

use crate::failure::Kind;

/// What became of all lines.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) started: u64,
    /// Their business keys had been used before, so these sagas were there.
    pub(super) existing: u64,
    pub(super) failed: u64,
    /// The first of those that failed.
    pub(super) failures: Vec<Failed>,
}

/// A line whose saga is there.
#[derive(Debug, Serialize)]
pub(super) struct Started {
    pub(super) line: u64,
    pub(super) id: String,
    pub(super) created: bool,
}

/// A line that started no saga.
#[derive(Debug, Serialize)]
pub(super) struct Failed {
    pub(super) line: u64,
    pub(super) error: String,
}

impl Report {
    /// Of a failure, by whether some of it is done.
    pub(super) const fn kind(&self) -> Kind {
        if self.started + self.existing > 0 {
            Kind::Partly
        } else {
            Kind::Error
        }
    }

    pub(super) fn told(&self) -> String {
        let mut text = format!("{} started\n", self.started);
        if self.existing > 0 {
            text.push_str(&format!(
                "{} were there already, with the same business key\n",
                self.existing
            ));
        }
        for Failed { line, error } in &self.failures {
            text.push_str(&format!("line {line}: {error}\n"));
        }
        let unnamed = self.failed - self.failures.len() as u64;
        if unnamed > 0 {
            text.push_str(&format!("and {unnamed} lines more\n"));
        }
        text
    }
}
