//! `amends`: the one binary that users run.

use std::process::ExitCode;

use amends::args::Cli;
use clap::Parser as _;

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
