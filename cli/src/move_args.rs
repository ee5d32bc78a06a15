//! What can be typed after `amends saga move`.

use clap::Args;

use crate::args::SignatureArgs;
use crate::filter_args::{FilterArgs, ManyArgs};

/// `amends saga move`
#[derive(Debug, Args)]
pub struct MoveArgs {
    /// The saga's id; without it the filters say which are meant
    pub id: Option<String>,
    /// The version that they run, with --definition
    #[arg(
        long,
        value_name = "VERSION",
        requires = "definition",
        conflicts_with = "version"
    )]
    pub from: Option<String>,
    /// The version to go on with
    #[arg(long, value_name = "VERSION")]
    pub to: String,
    #[command(flatten)]
    pub filter: FilterArgs,
    #[command(flatten)]
    pub many: ManyArgs,
    #[command(flatten)]
    pub signature: SignatureArgs,
}
