//! What can be typed to run an orchestrator, a worker, or everything at once.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::args::Format;

/// `amends dev`
#[derive(Debug, Args)]
pub struct DevArgs {
    /// Definitions to register: files, or folders of YAML files
    pub paths: Vec<PathBuf>,
    /// What the sagas are kept in and sent through
    #[arg(long, value_enum, default_value_t = EngineKind::Embedded)]
    pub engine: EngineKind,
    /// Port of the API on 127.0.0.1; 0 takes any free one [default: 7600, with --exit any]
    #[arg(long)]
    pub port: Option<u16>,
    /// Start the example sagas and show what becomes of them
    #[arg(long)]
    pub demo: bool,
    /// End after the demo; exit code 0 only when every saga ended as it should
    #[arg(long, requires = "demo")]
    pub exit: bool,
    /// Configuration file, for `--engine connect`
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    pub output: Format,
}

/// What `amends dev` runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EngineKind {
    /// Everything in memory, in this process; nothing needs to be installed
    Embedded,
    /// A private PostgreSQL and RabbitMQ, started here and kept in .amends/
    Local,
    /// The servers that the configuration names
    Connect,
}

impl EngineKind {
    /// The word on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Local => "local",
            Self::Connect => "connect",
        }
    }
}

/// `amends serve`
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Definitions to register at the start: files, or folders of YAML files
    pub paths: Vec<PathBuf>,
    /// Configuration file; without it the built-in settings and the environment
    #[arg(long)]
    pub config: Option<PathBuf>,
}

/// `amends demo-worker`
#[derive(Debug, Args)]
pub struct DemoWorkerArgs {
    /// Configuration file; without it the built-in settings and the environment
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// What this worker calls itself
    #[arg(long, default_value = "demo-worker")]
    pub name: String,
}

/// `amends test`
#[derive(Debug, Args)]
pub struct TestArgs {
    /// Definition to test
    pub file: PathBuf,
    /// Only this case, and what happens in it; may be repeated
    #[arg(long = "fault", value_name = "STEP=KIND")]
    pub faults: Vec<String>,
    /// File with what the mocked operations answer, as YAML or JSON [default: made up]
    #[arg(long, value_name = "FILE")]
    pub outputs: Option<PathBuf>,
    /// File with the saga's input, as YAML or JSON [default: made up from its schema]
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    pub output: Format,
}
