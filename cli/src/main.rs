//! `amends`: the one binary that users run.

use std::process::ExitCode;

use amends::args::Cli;
use clap::Parser as _;
use mimalloc::MiMalloc;

/// Orchestrators and workers make and drop small things on several threads all the time. `cargo xtask
/// bench` counts a fifth less CPU of theirs than with the C library's allocator.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match amends::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            #[expect(
                clippy::print_stderr,
                reason = "the last word of a command that failed"
            )]
            {
                eprintln!("{failure}");
            }
            failure.exit_code()
        }
    }
}
