//! What can be typed after `amends token` and `amends audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use orchestrator::audit::Anchor;
use orchestrator::auth::Role;

use crate::args::{Format, ServerArgs};

/// `amends token …`
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token, and print it this once
    #[command(
        after_help = "Only a hash of the token is kept: what is printed cannot be had again.\n\
        Example: amends token create deploys --role operator --config amends.toml"
    )]
    Create(CreateArgs),
    /// List tokens: who has them, what they may do, how long they count
    #[command(after_help = "Example: amends token list --config amends.toml")]
    List(TokenDatabaseArgs),
    /// Make a token count no more, within five seconds wherever the database answers
    #[command(
        after_help = "Example: amends token revoke deploys --config amends.toml \
        --reason 'it was in a log'"
    )]
    Revoke(RevokeArgs),
}

/// `amends token create`
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// Who has it; the name in histories and in the audit log
    pub name: String,
    /// What it may do: viewer, operator or admin
    #[arg(long)]
    pub role: Role,
    /// It counts for this long, for example 90d [default: for ever]
    #[arg(long, value_name = "SPAN")]
    pub expires: Option<String>,
    #[command(flatten)]
    pub signed: TokenSignatureArgs,
}

/// `amends token revoke`
#[derive(Debug, Args)]
pub struct RevokeArgs {
    /// Whose token
    pub name: String,
    #[command(flatten)]
    pub signed: TokenSignatureArgs,
}

/// Why, and by whom; the audit log has it.
#[derive(Debug, Args)]
pub struct TokenSignatureArgs {
    /// Why; it stays in the audit log
    #[arg(long)]
    pub reason: Option<String>,
    /// Who does it
    #[arg(
        long = "as",
        value_name = "NAME",
        env = "USER",
        default_value = "unknown"
    )]
    pub who: String,
    #[command(flatten)]
    pub database: TokenDatabaseArgs,
}

/// Which database.
#[derive(Debug, Args)]
pub struct TokenDatabaseArgs {
    /// Configuration file; without it the built-in settings and the environment
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    pub output: Format,
}

/// `amends audit`
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// Only within this time, for example 1h
    #[arg(long, value_name = "SPAN")]
    pub since: Option<String>,
    /// Only what they asked
    #[arg(long, value_name = "NAME")]
    pub who: Option<String>,
    /// Only about this saga
    #[arg(long, value_name = "ID")]
    pub saga: Option<String>,
    /// Only this verb, for example saga.cancel
    #[arg(long)]
    pub verb: Option<String>,
    /// Records that a verb was asked too, where others say what became of it
    #[arg(long)]
    pub all: bool,
    /// Rows, at most
    #[arg(long, default_value_t = 50)]
    pub limit: u32,
    /// Where the page before ended
    #[arg(long)]
    pub cursor: Option<String>,
    /// Follow the whole chain of records, and say whether it holds
    #[arg(
        long,
        conflicts_with_all = ["since", "who", "saga", "verb", "all", "limit", "cursor"]
    )]
    pub verify: bool,
    /// What an earlier --verify printed: that much must still be there
    #[arg(long, value_name = "COUNT:HASH", requires = "verify")]
    pub anchor: Option<Anchor>,
    #[command(flatten)]
    pub server: ServerArgs,
}
