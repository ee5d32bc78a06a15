//! What can be typed after `amends saga move`.

use clap::Args;

use crate::args::SignatureArgs;

/// `amends saga move`
#[derive(Debug, Args)]
pub struct MoveArgs {
    /// The saga's id
    #[arg(conflicts_with = "definition")]
    pub id: Option<String>,
    /// All open sagas of this definition, instead of one
    #[arg(long, value_name = "NAME", requires = "from")]
    pub definition: Option<String>,
    /// The version that they run
    #[arg(long, value_name = "VERSION", requires = "definition")]
    pub from: Option<String>,
    /// The version to go on with
    #[arg(long, value_name = "VERSION")]
    pub to: String,
    /// Only say what could move
    #[arg(long)]
    pub dry_run: bool,
    /// Do move many
    #[arg(long, requires = "definition")]
    pub yes: bool,
    /// Sagas to move, at most [default: 10000, as many as one call looks at]
    #[arg(long, value_name = "N", requires = "definition")]
    pub limit: Option<u32>,
    #[command(flatten)]
    pub signature: SignatureArgs,
}
