//! What the benchmark is asked for.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Measures amends against a bare ping-pong over the same broker.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) verb: Option<Verb>,
    /// End with one line of JSON on standard output.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The same in a few minutes at most: shorter rounds, as many of them.
    #[arg(long, global = true)]
    pub(crate) quick: bool,
    /// Rounds; each measures everything once.
    #[arg(long, global = true, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,
    /// Worker processes.
    #[arg(long, global = true, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) workers: u32,
    /// Orchestrator processes.
    #[arg(long, global = true, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=16))]
    pub(crate) orchestrators: u32,
    /// Sagas open at once at full load. The ping-pong is played with as many under way, and with fewer.
    #[arg(long, global = true, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) open: u32,
    /// Write charts of what was measured to this folder, as SVG.
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) plots: Option<PathBuf>,
    /// The `amends` binary.
    #[arg(long, hide = true)]
    pub(crate) amends: PathBuf,
    /// The process whose children the servers are.
    #[arg(long, hide = true)]
    pub(crate) servers: u32,
    /// A folder on the servers' disk.
    #[arg(long, hide = true)]
    pub(crate) folder: PathBuf,
    /// PostgreSQL, as a superuser.
    #[arg(long, hide = true)]
    pub(crate) postgres: String,
    /// RabbitMQ, as an administrator.
    #[arg(long, hide = true)]
    pub(crate) amqp: String,
    /// A program that runs `rabbitmqctl` against that RabbitMQ.
    #[arg(long, hide = true)]
    pub(crate) rabbitmqctl: PathBuf,
}

/// What else it can do. Each is a run of its own.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Measures, and compares with what an earlier run printed with --json.
    Compare {
        /// A file whose last line is that JSON.
        baseline: PathBuf,
    },
    /// A list of a thousand, a hundred at a time, beside sagas of four steps; four orchestrators.
    Elements,
    /// A saga of a hundred steps beside sagas of four: steps a second, and CPU for a step.
    Long,
    /// How long a saga takes alone, and at more and more load.
    Latency {
        /// Sagas a second that count as full load, to compare builds at the same load
        /// [default: as many as go].
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        full_rate: Option<u32>,
    },
    /// Steps a second with 1, 2 and 4 orchestrators, and with 1, 4 and 16 workers.
    Scale,
    /// 200,000 sagas in flight without a worker, the broker blocked midway, then drained: memory.
    Backlog,
    /// Full load, an orchestrator and a worker killed midway: all sagas end, the books balance.
    Killed,
    /// Five times as many starts as can be sustained: what is refused, and how the others fare.
    Flood,
    /// How late timers fire, idle and under load.
    Timers,
    /// Minutes at 70 % of the full rate: memory, tables and latency, and whether anything grows.
    Soak {
        /// How many [default: 10, with --quick 1].
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1440))]
        minutes: Option<u32>,
    },
}
