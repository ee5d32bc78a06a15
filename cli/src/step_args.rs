//! What can be typed about one step of a saga, or of many.

use clap::Args;

use crate::args::SignatureArgs;
use crate::filter_args::{FilterArgs, ManyArgs};

/// Which step, and why.
#[derive(Debug, Args)]
pub struct StepArgs {
    /// The saga's id; without it the filters say which are meant
    pub id: Option<String>,
    /// The step; of one that runs once for each element also which, as in `pay[3]`. With filters,
    /// --step names it, and every element that is begun and not done is meant
    #[arg(value_name = "STEP")]
    pub piece: Option<String>,
    #[command(flatten)]
    pub filter: FilterArgs,
    #[command(flatten)]
    pub many: ManyArgs,
    #[command(flatten)]
    pub signature: SignatureArgs,
}

/// `amends saga skip`
#[derive(Debug, Args)]
pub struct SkipArgs {
    #[command(flatten)]
    pub step: StepArgs,
    /// What the step's dependents read instead of its output, as JSON
    #[arg(long, value_name = "JSON", default_value = "null")]
    pub with: String,
}

/// `amends saga resolve`
#[derive(Debug, Args)]
pub struct ResolveArgs {
    #[command(flatten)]
    pub step: StepArgs,
    /// It happened, and answered this JSON
    #[arg(
        long,
        value_name = "JSON",
        conflicts_with = "never",
        required_unless_present = "never"
    )]
    pub happened: Option<String>,
    /// It never happened, and will not
    #[arg(long)]
    pub never: bool,
}
