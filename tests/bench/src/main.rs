//! `cargo xtask bench`: amends against a bare ping-pong over the same broker.
//!
//! Everything is measured in one run, in turn and several times, so that a busy minute of the machine
//! hits both sides. What amends does is read from its database after, and its books are audited.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

mod api;
mod arguments;
mod audit;
mod bodies;
mod compare;
mod deployment;
mod disk;
mod figures;
mod hop;
mod load;
mod pingpong;
mod processes;
mod report;
mod rounds;
mod statistics;

use anyhow::Result;
use clap::Parser as _;

use crate::arguments::{Arguments, Verb};

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    // Read before anything is measured: a name that is mistyped is told at once.
    let baseline = match &arguments.verb {
        Some(Verb::Compare { baseline }) => Some(compare::baseline(baseline)?),
        None => None,
    };
    let figures = rounds::measure(&arguments).await?;
    print!("{}", report::report(&figures));
    if let Some(baseline) = baseline {
        print!("\n{}", compare::compare(&baseline, &figures.json()));
    }
    if arguments.json {
        println!("{}", figures.json());
    }
    Ok(())
}
