//! `amends completions`: what makes a shell complete the commands.

use clap::CommandFactory as _;

use crate::args::Cli;
use crate::failure::Outcome;
use crate::output;
use crate::setting_args::CompletionsArgs;

/// Prints a script for a shell.
pub fn completions(args: &CompletionsArgs) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "amends", &mut script);
    output::text(&String::from_utf8_lossy(&script))
}
