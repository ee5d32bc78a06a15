//! What can be typed after `amends dlq`, `reconcile`, `topology`, `queue` and `doctor`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::args::{Format, ServerArgs, SignatureArgs};

/// `amends dlq …`
#[derive(Debug, Subcommand)]
pub enum DlqCommand {
    /// List dead letters, newest first
    #[command(after_help = "Example: amends dlq list --since 1h\n         \
                            amends dlq list --fingerprint charge/order/1.0.0/rejected")]
    List(LetterListArgs),
    /// List what is left to do by cause: step, definition, version, class
    #[command(after_help = "Example: amends dlq groups")]
    Groups {
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Show one letter: why it is here, its headers and its bytes
    #[command(after_help = "Example: amends dlq show 8a1f6f0e-2f4b-8c3d-9e5a-1b2c3d4e5f60")]
    Show {
        /// The letter's id
        id: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Hand letters to their sagas once more; what has moved on is refused
    #[command(after_help = "\
Letters are replayed in steps of 1, 2, 5, 10, 20, … After each, what became of its
sagas is watched, and it ends when more than half of a step has failed again.

Example: amends dlq replay 8a1f6f0e-2f4b-8c3d-9e5a-1b2c3d4e5f60 --reason 'disk mended'
         amends dlq replay --fingerprint charge/order/1.0.0/rejected \\
             --yes --rate 10 --reason 'payments 2.1 is out'")]
    Replay(ReplayArgs),
    /// Write down that nothing is done with letters; they stay on record
    #[command(after_help = "\
Example: amends dlq drop 8a1f6f0e-2f4b-8c3d-9e5a-1b2c3d4e5f60 --reason 'a test message'
         amends dlq drop --fingerprint -/-/-/unreadable --yes --reason 'a port scan'")]
    Drop(HandleArgs),
}

/// `amends dlq list`
#[derive(Debug, Args)]
pub struct LetterListArgs {
    /// Only about this saga
    #[arg(long)]
    pub saga: Option<String>,
    /// Only of this cause, as `amends dlq groups` names it
    #[arg(long, allow_hyphen_values = true)]
    pub fingerprint: Option<String>,
    /// Only received within this time, for example 1h
    #[arg(long)]
    pub since: Option<String>,
    /// Those that were replayed or dropped too
    #[arg(long)]
    pub handled: bool,
    /// Rows, at most
    #[arg(long, default_value_t = 50)]
    pub limit: u32,
    /// Where the page before ended
    #[arg(long)]
    pub cursor: Option<String>,
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Which letters, and why.
#[derive(Debug, Args)]
pub struct HandleArgs {
    /// The letters' ids
    #[arg(
        required_unless_present = "fingerprint",
        conflicts_with = "fingerprint"
    )]
    pub ids: Vec<String>,
    /// Every letter of this cause that nobody has handled
    #[arg(long, allow_hyphen_values = true)]
    pub fingerprint: Option<String>,
    /// Only say what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// More than one is meant
    #[arg(long)]
    pub yes: bool,
    /// Letters a second, at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rate: Option<u32>,
    #[command(flatten)]
    pub signature: SignatureArgs,
}

/// `amends dlq replay`
#[derive(Debug, Args)]
pub struct ReplayArgs {
    #[command(flatten)]
    pub which: HandleArgs,
    /// How long to watch each step of the ramp, at most
    #[arg(long, value_name = "SPAN", default_value = "10s")]
    pub watch: String,
}

/// `amends reconcile`
#[derive(Debug, Args)]
pub struct ReconcileArgs {
    /// Only say what is missing
    #[arg(long)]
    pub dry_run: bool,
    /// Only commands of which nobody has said anything for this long [default: 5m]
    #[arg(long, value_name = "SPAN")]
    pub older_than: Option<String>,
    #[command(flatten)]
    pub server: ServerArgs,
}

/// `amends topology …`
#[derive(Debug, Subcommand)]
pub enum TopologyCommand {
    /// Say what is missing on the broker, or is there with other arguments
    #[command(after_help = "Example: amends topology diff\n\
        Exit code 1 when something is missing or different.")]
    Diff {
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Declare what is missing; nothing is ever deleted
    #[command(after_help = "Example: amends topology apply")]
    Apply {
        #[command(flatten)]
        server: ServerArgs,
    },
}

/// `amends queue …`
#[derive(Debug, Subcommand)]
pub enum QueueCommand {
    /// List queues: what waits in them, and who serves them
    #[command(after_help = "Example: amends queue list\n         amends queue list --all -o json")]
    List {
        /// Those where messages wait for their next attempt too
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
}

/// `amends doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Configuration file; without it the built-in settings and the environment
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    pub output: Format,
}
