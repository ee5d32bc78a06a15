//! What can go wrong between a folder and two running servers.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

/// Why the servers did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The folder's lock is held: by a running engine, or by one that is still stopping.
    #[error("another engine is running in {}", folder.display())]
    Busy { folder: PathBuf },
    /// A file operation failed.
    #[error("could not {doing} {}", path.display())]
    File {
        doing: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// A program could not be run at all.
    #[error("could not run {program}")]
    Run {
        program: String,
        #[source]
        source: io::Error,
    },
    /// A program that prepares a server failed.
    #[error("{program} failed ({status}); the end of its output:\n{tail}")]
    Prepare {
        program: &'static str,
        status: ExitStatus,
        tail: String,
    },
    /// A server ended while it was starting.
    #[error("{server} ended while starting ({status}); the end of {}:\n{tail}", log.display())]
    Ended {
        server: &'static str,
        status: ExitStatus,
        log: PathBuf,
        tail: String,
    },
    /// A server did not answer in time.
    #[error("{server} did not answer within {seconds} s; the end of {}:\n{tail}", log.display())]
    Late {
        server: &'static str,
        seconds: u64,
        log: PathBuf,
        tail: String,
    },
    /// The data were written by a PostgreSQL that is not installed.
    #[error(
        "the data in {} belong to PostgreSQL {found}, and only {installed} is installed: \
         install postgresql-{found}, or remove that folder to start afresh",
        folder.display()
    )]
    DataVersion {
        folder: PathBuf,
        found: String,
        installed: String,
    },
    /// The settings of an earlier run cannot be understood.
    #[error("{} is damaged: remove {} to start afresh", file.display(), folder.display())]
    Settings { file: PathBuf, folder: PathBuf },
    /// No loopback port was free.
    #[error("no free port between {first} and {last} on 127.0.0.1")]
    NoPort { first: u16, last: u16 },
    /// PostgreSQL does not run as root, and there is no account to run it under.
    #[error("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")]
    NoAccount,
    /// A thread that started a server panicked.
    #[error("starting {server} panicked")]
    Panicked { server: &'static str },
}

/// Why a server did not stop in an orderly way.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// The process under which the server runs could not be waited for.
    #[error("could not wait for {server} to end")]
    Wait {
        server: &'static str,
        #[source]
        source: io::Error,
    },
}

/// Why a command of the broker failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The program could not be run.
    #[error("could not run {}", program.display())]
    Run {
        program: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The program reported a failure.
    #[error("rabbitmqctl {verb} failed ({status}): {output}")]
    Failed {
        verb: String,
        status: ExitStatus,
        output: String,
    },
}

/// Turns an [`io::Error`] into a [`StartError::File`] that says what was being done to which path.
pub(crate) fn file_error(
    doing: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(io::Error) -> StartError {
    let path = path.into();
    move |source| StartError::File {
        doing,
        path,
        source,
    }
}

/// Turns an [`io::Error`] into a [`StartError::Run`].
pub(crate) fn run_error(program: impl Into<String>) -> impl FnOnce(io::Error) -> StartError {
    let program = program.into();
    move |source| StartError::Run { program, source }
}
