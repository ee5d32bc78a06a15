//! What can be typed to look into one saga.

use std::path::PathBuf;

use clap::Args;

use crate::args::ServerArgs;

/// `amends saga plan`
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The saga's id
    pub id: String,
    /// What a failure of this step would undo, instead of cancelling the saga
    #[arg(long, value_name = "STEP")]
    pub if_failed_at: Option<String>,
    #[command(flatten)]
    pub server: ServerArgs,
}

/// `amends saga export`
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The saga's id
    pub id: String,
    /// Write shapes and digests in the place of what people wrote and sent
    #[arg(long)]
    pub redact: bool,
    /// Where to write it; without it to standard output
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub server: ServerArgs,
}

/// `amends saga replay`
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The saga's id, or a file that `amends saga export` wrote
    #[arg(value_name = "ID|FILE")]
    pub what: String,
    #[command(flatten)]
    pub server: ServerArgs,
}
