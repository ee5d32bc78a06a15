//! What can be typed after `amends worker` and `amends db`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::args::{Format, ServerArgs, SignatureArgs};

/// `amends worker …`
#[derive(Debug, Subcommand)]
pub enum WorkerCommand {
    /// List workers; those that are gone stay listed for an hour
    #[command(after_help = "Example: amends worker list -o json")]
    List {
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Show one worker: its operations, and what has been running for longer than a second
    #[command(after_help = "Example: amends worker show payments-1")]
    Show(OneWorkerArgs),
    /// Tell a worker to take nothing new, finish what it has, and end
    #[command(
        after_help = "Example: amends worker drain payments-1 --wait --reason 'the node is replaced'\n\n\
                      The worker's process ends with code 0 when what runs has ended, or after the\n\
                      time that it may drain (worker.drain_seconds). What restarts processes that\n\
                      have ended will start a new one: scale down, or stop it there."
    )]
    Drain(DrainArgs),
}

/// `amends worker drain`
#[derive(Debug, Args)]
pub struct DrainArgs {
    /// The worker's id, or its name when no other has it
    pub id: String,
    /// Wait until it has left
    #[arg(long)]
    pub wait: bool,
    /// With --wait, give up after this; it drains on
    #[arg(long, default_value = "5m")]
    pub timeout: String,
    #[command(flatten)]
    pub signature: SignatureArgs,
}

/// `amends worker show`
#[derive(Debug, Args)]
pub struct OneWorkerArgs {
    /// The worker's id, or its name when no other has it
    pub id: String,
    #[command(flatten)]
    pub server: ServerArgs,
}

/// `amends db …`
#[derive(Debug, Subcommand)]
pub enum DbCommand {
    /// Bring the database schema up to this version
    #[command(after_help = "Example: amends db migrate --config amends.toml")]
    Migrate(DbArgs),
    /// Say which migrations are applied
    #[command(after_help = "Example: amends db status --config amends.toml")]
    Status(DbArgs),
    /// Drop the days whose sagas have all been over for as long as `retention.days` says
    ///
    /// Orchestrators do this by themselves once an hour. What is dropped is gone for good.
    #[command(after_help = "Example: amends db retention --dry-run --config amends.toml")]
    Retention(RetentionArgs),
}

/// `amends db retention`
#[derive(Debug, Args)]
pub struct RetentionArgs {
    /// Only say what would be dropped
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub db: DbArgs,
}

/// Which database.
#[derive(Debug, Args)]
pub struct DbArgs {
    /// Configuration file; without it the built-in settings and the environment
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    pub output: Format,
}
