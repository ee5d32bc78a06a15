//! What can be typed after `amends`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::SignalArgs;
use crate::definition_args::{DefinitionCommand, GraphArgs, ValidateArgs};
use crate::look_args::{ExportArgs, PlanArgs, ReplayArgs};
use crate::mend_args::{DlqCommand, DoctorArgs, QueueCommand, ReconcileArgs, TopologyCommand};
use crate::move_args::MoveArgs;
use crate::run_args::{DemoWorkerArgs, DevArgs, ServeArgs, TestArgs};
use crate::step_args::{ResolveArgs, SkipArgs, StepArgs};
use crate::upkeep_args::{DbCommand, WorkerCommand};

/// Sagas that make amends: an orchestrator on PostgreSQL and RabbitMQ, its workers, its tools.
#[derive(Debug, Parser)]
#[command(name = "amends", version, about, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything on this machine, to try amends or to write sagas
    #[command(after_help = "Example: amends dev --demo\n         amends dev sagas/ --engine local")]
    Dev(DevArgs),
    /// Run the orchestrator
    #[command(after_help = "Example: amends serve --config amends.toml sagas/order.yaml")]
    Serve(ServeArgs),
    /// Run a worker process with the operations of the example sagas
    #[command(after_help = "Example: amends demo-worker --config amends.toml --name worker-1")]
    DemoWorker(DemoWorkerArgs),
    /// Check definitions; every problem at once
    #[command(after_help = "Example: amends validate sagas/*.yaml")]
    Validate(ValidateArgs),
    /// Run a saga through every failure its steps can have, in virtual time
    #[command(
        after_help = "Example: amends test sagas/order.yaml\n         amends test sagas/order.yaml --fault charge=timeout"
    )]
    Test(TestArgs),
    /// Draw a definition: its steps, what undoes them, and its point of no return
    #[command(after_help = "Example: amends graph sagas/order.yaml > order.svg")]
    Graph(GraphArgs),
    /// Tell the whole story of a diagnostic's code
    #[command(after_help = "Example: amends explain-code AM012")]
    ExplainCode {
        /// The code, for example AM012.
        code: String,
    },
    /// Register, show, compare and retire definitions
    #[command(subcommand)]
    Definition(DefinitionCommand),
    /// Start sagas and look at them
    #[command(subcommand)]
    Saga(SagaCommand),
    /// See which workers there are, and what they are doing
    #[command(subcommand)]
    Worker(WorkerCommand),
    /// See what nobody could handle; replay it or drop it
    #[command(subcommand)]
    Dlq(DlqCommand),
    /// Have commands sent again that neither the broker nor a worker has
    #[command(after_help = "Example: amends reconcile --dry-run --older-than 10m")]
    Reconcile(ReconcileArgs),
    /// Compare the exchanges and queues that are needed with those that are there
    #[command(subcommand)]
    Topology(TopologyCommand),
    /// See what waits in queues, and who serves them
    #[command(subcommand)]
    Queue(QueueCommand),
    /// Check everything that a deployment needs, and say what to do about what is wrong
    #[command(after_help = "Example: amends doctor --config amends.toml\n\
        Exit code 1 when anything fails; warnings alone are 0.")]
    Doctor(DoctorArgs),
    /// Look after the database schema
    #[command(subcommand)]
    Db(DbCommand),
    /// Watch what happens: sagas, queues, workers, what is stuck; look into a saga and mend it
    #[command(
        after_help = "Example: amends top\n         amends top --once > now.txt\n\n\
        Keys: up and down choose a saga, Enter looks into it, Esc goes back, c cancels, p pauses,\n\
        u resumes, r retries its step, q quits. What changes a saga asks for a reason."
    )]
    Top(TopArgs),
    /// Print the document of the HTTP API (`OpenAPI` 3.1)
    #[command(after_help = "Example: amends openapi > openapi.json\n\n\
        A running orchestrator serves the same at /openapi.json.")]
    Openapi,
}

/// `amends saga …`
#[derive(Debug, Subcommand)]
pub enum SagaCommand {
    /// Start a saga
    #[command(after_help = "Example: amends saga start order -f order.json --wait")]
    Start(StartArgs),
    /// List sagas, newest first
    #[command(
        after_help = "Example: amends saga list --status compensating --definition order\n         amends saga list --stuck"
    )]
    List(ListArgs),
    /// Show one saga: where it stands, and how it came there
    #[command(after_help = "Example: amends saga show 01990a3e-7c1d-7b44-a5b4-0c5f0a9d2e11")]
    Show(OneArgs),
    /// List everything that happened to one saga
    #[command(after_help = "Example: amends saga history 01990a3e-7c1d-7b44-a5b4-0c5f0a9d2e11")]
    History(OneArgs),
    /// Say why a saga is not further, and which command would mend it
    #[command(after_help = "Example: amends saga explain 01990a3e-7c1d-7b44-a5b4-0c5f0a9d2e11")]
    Explain(OneArgs),
    /// Say what cancelling a saga now, or a failure of one of its steps, would undo
    #[command(after_help = "Example: amends saga plan 01990a3e-… --if-failed-at ship")]
    Plan(PlanArgs),
    /// Follow a saga until it ends
    #[command(after_help = "Example: amends saga watch 01990a3e-7c1d-7b44-a5b4-0c5f0a9d2e11")]
    Watch(OneArgs),
    /// Write everything that is known of a saga to a file, for support
    #[command(after_help = "Example: amends saga export 01990a3e-… --redact --file saga.json")]
    Export(ExportArgs),
    /// Fold the stored history of a saga again, and check that it gives the stored state
    #[command(after_help = "Example: amends saga replay saga.json")]
    Replay(ReplayArgs),
    /// Wait until a saga ends or rests
    #[command(after_help = "Example: amends saga wait 01990a3e-7c1d-7b44-a5b4-0c5f0a9d2e11")]
    Wait(WaitArgs),
    /// Tell a saga what a step of it waits for, or will wait for
    #[command(
        after_help = "Example: amends saga signal 01990a3e-… reviewed --payload '{\"approved\": true}'\n\n\
                      A signal is kept until a step waits for it. With --id it may be sent\n\
                      again: the same id counts once."
    )]
    Signal(SignalArgs),
    /// Undo what a saga has done, and end it
    #[command(after_help = "Example: amends saga cancel 01990a3e-… --reason 'customer called'")]
    Cancel(OperateArgs),
    /// Send nothing more for a saga, and stop its clock
    #[command(after_help = "Example: amends saga pause 01990a3e-… --reason 'bank is down'")]
    Pause(OperateArgs),
    /// Let a saga go on where it rested
    #[command(after_help = "Example: amends saga resume 01990a3e-… --reason 'bank is back'")]
    Resume(OperateArgs),
    /// End a saga without undoing anything
    #[command(after_help = "Example: amends saga terminate 01990a3e-… --reason 'undone by hand'")]
    Terminate(OperateArgs),
    /// Try a failed step or a failed undo again, or a waiting attempt now
    #[command(after_help = "Example: amends saga retry 01990a3e-… ship --reason 'address mended'")]
    Retry(StepArgs),
    /// Go on without a failed step
    #[command(
        after_help = "Example: amends saga skip 01990a3e-… ship --with '{}' --reason 'by hand'"
    )]
    Skip(SkipArgs),
    /// Say what became of a step, or of an undo, that nobody else knows
    #[command(
        after_help = "Example: amends saga resolve 01990a3e-… pay --never --reason 'no trace'"
    )]
    Resolve(ResolveArgs),
    /// Let a saga, or all of a version that can, go on with another version of its definition
    #[command(
        after_help = "Example: amends saga move 01990a3e-… --to 1.1.0 --reason 'mended the undo'\n         \
                      amends saga move --definition order --from 1.0.0 --to 1.1.0 --dry-run --reason \
                      'new tax'"
    )]
    Move(MoveArgs),
}

/// `amends saga start`
#[derive(Debug, Args)]
pub struct StartArgs {
    /// Name of the definition
    pub name: String,
    /// File with the input as JSON; `-` reads standard input [default: {}]
    #[arg(short = 'f', long = "file")]
    pub file: Option<PathBuf>,
    /// Version of the definition; without it the highest
    #[arg(long)]
    pub version: Option<String>,
    /// Business key; starting twice with it returns the same saga
    #[arg(long)]
    pub key: Option<String>,
    /// Label, as name=value; may be repeated
    #[arg(long = "label")]
    pub labels: Vec<String>,
    /// Wait until the saga ends or rests, and show it
    #[arg(long)]
    pub wait: bool,
    #[command(flatten)]
    pub server: ServerArgs,
}

/// `amends saga list`
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only those that somebody should look at, by cause
    #[arg(long, conflicts_with_all = ["status", "key", "limit", "cursor"])]
    pub stuck: bool,
    /// Only in this status
    #[arg(long)]
    pub status: Option<String>,
    /// Only of this definition
    #[arg(long)]
    pub definition: Option<String>,
    /// Only with this business key
    #[arg(long)]
    pub key: Option<String>,
    /// Only with this label, as name=value
    #[arg(long)]
    pub label: Option<String>,
    /// Only started within this time, for example 1h
    #[arg(long)]
    pub since: Option<String>,
    /// Rows, at most
    #[arg(long, default_value_t = 50)]
    pub limit: u32,
    /// Where the page before ended
    #[arg(long)]
    pub cursor: Option<String>,
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Commands about one saga.
#[derive(Debug, Args)]
pub struct OneArgs {
    /// The saga's id
    pub id: String,
    #[command(flatten)]
    pub server: ServerArgs,
}

/// `amends saga wait`
#[derive(Debug, Args)]
pub struct WaitArgs {
    /// The saga's id
    pub id: String,
    /// Give up after this, for example 5m
    #[arg(long, default_value = "10m")]
    pub timeout: String,
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Which saga, and why.
#[derive(Debug, Args)]
pub struct OperateArgs {
    /// The saga's id
    pub id: String,
    #[command(flatten)]
    pub signature: SignatureArgs,
}

/// Why, and by whom; it is kept with what is done.
#[derive(Debug, Args)]
pub struct SignatureArgs {
    /// Why; it is kept with what is done
    #[arg(long)]
    pub reason: String,
    /// Who asks
    #[arg(
        long = "as",
        value_name = "NAME",
        env = "USER",
        default_value = "unknown"
    )]
    pub who: String,
    #[command(flatten)]
    pub server: ServerArgs,
}

/// `amends top`
#[derive(Debug, Args)]
pub struct TopArgs {
    /// Print what would be shown, once, and end
    #[arg(long)]
    pub once: bool,
    /// Who asks for what changes a saga
    #[arg(
        long = "as",
        value_name = "NAME",
        env = "USER",
        default_value = "unknown"
    )]
    pub who: String,
    /// URL of the orchestrator's API
    #[arg(long, env = "AMENDS_SERVER", default_value = "http://127.0.0.1:7600")]
    pub server: String,
}

/// Which orchestrator, and how to print.
#[derive(Debug, Args)]
pub struct ServerArgs {
    /// URL of the orchestrator's API
    #[arg(long, env = "AMENDS_SERVER", default_value = "http://127.0.0.1:7600")]
    pub server: String,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    pub output: Format,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// One JSON document
    Json,
    /// One JSON document a line
    Jsonl,
}
