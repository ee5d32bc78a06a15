//! Automation of this repository: `cargo xtask VERB`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

mod bench;
mod ci;
mod fuzz;
mod growth;
mod instructions;
mod readme;
mod repository;
mod servers;
mod test;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask VERB

  test [ARGUMENT…]      run the tests with a private PostgreSQL and RabbitMQ; the arguments go to
                        `cargo test` (default: --workspace), those after -- to the tests
  fuzz [--seconds N] [--seed N]
                        throw made-up definitions at the compiler for a while (default: 60 s, a
                        seed by the clock, which is printed)
  bench [SCENARIO] [--quick] [--json] [--plots FOLDER]
                        measure amends on servers of its own: without SCENARIO against a bare
                        ping-pong over the same broker (compare FILE: and with an earlier run),
                        else elements, long, latency, scale, backlog, killed, flood, timers or soak;
                        more: cargo xtask bench --help
  growth [--sagas N] [--days N] [--json]
                        what a step, a listing and retention cost with 1,000 and with N sagas
                        stored (default: 1,000,000, started over 30 days; needs 10 GB of disk)
  instructions [--update]
                        count the instructions of decisions and of stored and sent forms, and
                        compare them with those on record, or replace those; needs valgrind
  ci                    everything that has to pass before a change is merged
  servers [--fast] [--folder FOLDER]
                        start a private PostgreSQL and RabbitMQ, print their URLs, and wait for
                        Ctrl-C; --fast gives up durability, the data stay in FOLDER
                        (default: target/servers)
";

/// Exit code for a command line that is not understood.
const USAGE_ERROR: u8 = 2;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let result = match args.split_first() {
        Some((verb, rest)) => match (verb.as_str(), rest) {
            ("test", rest) => test::run(rest),
            ("fuzz", rest) => match fuzz::Request::parse(rest) {
                Some(request) => fuzz::run(request),
                None => return usage_error(),
            },
            ("bench", rest) => bench::run(rest),
            ("growth", rest) => growth::run(rest),
            ("instructions", []) => instructions::run(false),
            ("instructions", [flag]) if flag == "--update" => instructions::run(true),
            ("ci", []) => Ok(ci::run()),
            ("servers", rest) => match servers::Request::parse(rest) {
                Some(request) => servers::run(&request),
                None => return usage_error(),
            },
            ("help" | "--help" | "-h", []) => {
                print!("{USAGE}");
                Ok(ExitCode::SUCCESS)
            }
            _ => return usage_error(),
        },
        None => return usage_error(),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn usage_error() -> ExitCode {
    eprint!("{USAGE}");
    ExitCode::from(USAGE_ERROR)
}
