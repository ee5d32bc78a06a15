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

use crate::arguments::Arguments;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let figures = rounds::measure(&arguments).await?;
    print!("{}", report::report(&figures));
    if arguments.json {
        println!("{}", figures.json());
    }
    Ok(())
}
