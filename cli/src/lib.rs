//! The commands of the `amends` binary. Thin: they ask the API, or put the parts together.

mod answer;
pub mod args;
pub mod auth_section;
pub mod bulk;
pub mod checkup;
pub mod client;
pub mod clock;
pub mod commands;
pub mod config;
pub mod connections;
pub mod definition_args;
pub mod demo;
pub mod dev;
pub mod differences;
pub mod endpoint;
pub mod event_stream;
pub mod failure;
pub mod filter_args;
pub mod findings;
pub mod letters;
pub mod load;
pub mod logging;
pub mod look_args;
mod mask;
pub mod mend_args;
pub mod move_args;
pub mod narrative;
pub mod output;
pub mod profiles;
pub mod prose;
pub mod ramp;
pub mod run_args;
pub mod security_args;
pub mod serving;
pub mod setting_args;
pub mod signal_args;
pub mod signals;
pub mod sources;
mod spans;
pub mod start_each;
pub mod starting;
pub mod step_args;
pub mod timeline;
pub mod top;
pub mod trial;
pub mod upkeep_args;
pub mod worker;
pub mod worker_http;

use args::{Cli, Command};
use failure::{Failure, Outcome};

/// Runs one command to its end.
///
/// # Errors
/// What went wrong, with the exit code to end with.
pub fn run(cli: Cli) -> Outcome {
    // One TLS implementation for everything, chosen before anything can ask for one.
    if rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .is_err()
    {
        return Err(Failure::error("another TLS provider was installed first"));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::because("the runtime cannot start", &error))?;
    runtime.block_on(run_async(cli.command))
}

async fn run_async(command: Command) -> Outcome {
    match command {
        Command::Dev(args) => commands::dev(&args).await,
        Command::Serve(args) => commands::serve(&args).await,
        Command::DemoWorker(args) => commands::demo_worker(&args).await,
        Command::Definition(command) => commands::definition(&command).await,
        Command::Saga(command) => commands::saga(&command).await,
        Command::Worker(command) => commands::worker(&command).await,
        Command::Dlq(command) => commands::dlq(&command).await,
        Command::Reconcile(args) => commands::reconcile(&args).await,
        Command::Topology(command) => commands::topology(&command).await,
        Command::Queue(command) => commands::queue(&command).await,
        Command::Doctor(args) => commands::doctor(&args).await,
        Command::Audit(args) => commands::audit(&args).await,
        Command::Token(command) => commands::token(&command).await,
        Command::Db(command) => commands::db(&command).await,
        Command::Config(command) => commands::settings(&command),
        Command::Completions(args) => commands::completions(&args),
        Command::Man(args) => commands::man(&args),
        Command::Test(args) => commands::test(args).await,
        Command::Validate(args) => commands::validate(&args),
        Command::Graph(args) => commands::graph(&args),
        Command::Top(args) => commands::top(&args).await,
        Command::Openapi(args) => commands::openapi(&args),
        Command::ExplainCode { code } => commands::explain_code(&code),
    }
}
