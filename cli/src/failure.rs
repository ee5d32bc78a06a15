//! How a command ends when it does not end well: one message, and an exit code scripts can rely on.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

/// What kind of failure, as an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something went wrong.
    Error,
    /// The call itself is wrong.
    Usage,
    /// Some of it is done, and some is not.
    Partly,
    /// There is no such thing.
    NotFound,
    /// A guard refused.
    Refused,
}

impl Kind {
    const fn code(self) -> u8 {
        match self {
            Self::Error => 1,
            Self::Usage => 2,
            Self::Partly => 3,
            Self::NotFound => 4,
            Self::Refused => 5,
        }
    }
}

/// A failed command: what, where, and what to do.
#[derive(Debug)]
pub struct Failure {
    kind: Kind,
    message: String,
    help: Option<String>,
    unsent: bool,
    again_after: Option<Duration>,
}

/// What commands return.
pub type Outcome = Result<(), Failure>;

impl Failure {
    /// A failure with a message that says what and where.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            help: None,
            unsent: false,
            again_after: None,
        }
    }

    /// Something went wrong.
    pub fn error(message: impl Into<String>) -> Self {
        Self::new(Kind::Error, message)
    }

    /// Something went wrong, with everything that caused it.
    pub fn because(what: &str, error: &(dyn Error + 'static)) -> Self {
        Self::new(
            Kind::Error,
            format!("{what}: {}", orchestrator::chain(error)),
        )
    }

    /// What to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// What was asked has certainly not been heard.
    #[must_use]
    pub const fn unsent(mut self) -> Self {
        self.unsent = true;
        self
    }

    /// Whether what was asked has certainly not been heard.
    #[must_use]
    pub const fn is_unsent(&self) -> bool {
        self.unsent
    }

    /// Nothing was done, and after this it may be asked again.
    #[must_use]
    pub const fn again(mut self, after: Duration) -> Self {
        self.again_after = Some(after);
        self
    }

    /// When it may be asked again, where nothing was done for now.
    #[must_use]
    pub const fn again_after(&self) -> Option<Duration> {
        self.again_after
    }

    /// What went wrong, and where.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The code the process ends with.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind.code())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}
