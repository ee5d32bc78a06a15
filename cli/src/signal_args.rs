//! What can be typed after `amends saga signal`.

use clap::Args;

use crate::args::ServerArgs;
use crate::filter_args::{FilterArgs, ManyArgs};

/// `amends saga signal`
#[derive(Debug, Args)]
pub struct SignalArgs {
    /// The saga's id and the signal's name, as the step's `wait_for` has it; with filters only the
    /// name
    #[arg(value_name = "ID|NAME", num_args = 1..=2, required = true)]
    pub words: Vec<String>,
    /// What it says, as JSON; the step's output [default: null]
    #[arg(long, value_name = "JSON")]
    pub payload: Option<String>,
    /// Your id for it; sent again under the same id it counts once [default: a new one]
    #[arg(long)]
    pub id: Option<String>,
    #[command(flatten)]
    pub filter: FilterArgs,
    #[command(flatten)]
    pub many: ManyArgs,
    #[command(flatten)]
    pub server: ServerArgs,
}
