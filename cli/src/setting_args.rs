//! What can be typed after `amends config`, `completions` and `man`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clap_complete::Shell;

use crate::upkeep_args::DbArgs as ConfigArgs;

/// `amends config …`
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print every setting that has a value, and where it comes from; passwords are masked
    #[command(after_help = "Example: amends config show --config amends.toml")]
    Show(ConfigArgs),
    /// Check the settings without connecting anywhere; `amends doctor` connects
    #[command(after_help = "Example: amends config check --config amends.toml\n\
        Exit code 2 when a setting is wrong.")]
    Check(ConfigArgs),
}

/// `amends completions`
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// For which shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// `amends man`
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The command whose page is printed, such as `saga list` [default: amends itself]
    #[arg(value_name = "COMMAND", conflicts_with = "out")]
    pub command: Vec<String>,
    /// Folder to write all pages to, one file a command
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}
