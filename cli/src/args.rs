//! What can be typed after `amends`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use saga_core::saga::Status;

use crate::client::Client;
use crate::definition_args::{DefinitionCommand, GraphArgs, ValidateArgs};
use crate::failure::Failure;
use crate::filter_args::{FilterArgs, ManyArgs};
use crate::look_args::{ExportArgs, PlanArgs, ReplayArgs};
use crate::mend_args::{DlqCommand, DoctorArgs, QueueCommand, ReconcileArgs, TopologyCommand};
use crate::move_args::MoveArgs;
use crate::profiles::AddressArgs;
use crate::run_args::{DemoWorkerArgs, DevArgs, ServeArgs, TestArgs};
use crate::security_args::{AuditArgs, TokenCommand};
use crate::setting_args::{CompletionsArgs, ConfigCommand, ManArgs};
use crate::signal_args::SignalArgs;
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
    /// Start sagas, look at them, and mend one or many
    #[command(subcommand)]
    Saga(Box<SagaCommand>),
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
    /// See who asked for what, and check that nobody has changed the record of it
    #[command(after_help = "Example: amends audit --since 1d --who alice\n         \
        amends audit --verify --anchor \\\n         \
        1234:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef\n\
        Exit code 1 when the log was tampered with.")]
    Audit(AuditArgs),
    /// Say who may use the API, on the database itself
    #[command(subcommand)]
    Token(TokenCommand),
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
    #[command(
        after_help = "Example: amends openapi > openapi.json\n         amends openapi -o yaml\n\n\
        A running orchestrator serves the same at /openapi.json."
    )]
    Openapi(OpenapiArgs),
    /// See what the settings are, and whether they are right
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print what makes a shell complete these commands
    #[command(
        after_help = "Example: amends completions bash > /etc/bash_completion.d/amends\n         \
                      amends completions zsh > ~/.zfunc/_amends"
    )]
    Completions(CompletionsArgs),
    /// Write the manual pages
    #[command(
        after_help = "Example: amends man --out /usr/local/share/man/man1\n         amends man saga list"
    )]
    Man(ManArgs),
}

/// `amends saga …`
#[derive(Debug, Subcommand)]
pub enum SagaCommand {
    /// Start a saga
    #[command(
        after_help = "Example: amends saga start order -f order.json --wait\n         amends saga start order --each orders.jsonl"
    )]
    Start(StartArgs),
    /// List sagas, newest first
    #[command(
        after_help = "Example: amends saga list --status compensating --definition order\n         amends saga list --stuck\n         \
                      amends saga list --stuck=no_worker_for_operation --step charge"
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
    #[command(
        after_help = "Example: amends saga wait 01990a3e-7c1d-7b44-a5b4-0c5f0a9d2e11\n         \
                      amends saga wait 01990a3e-… --until compensated --timeout 5m"
    )]
    Wait(WaitArgs),
    /// Tell a saga what a step of it waits for, or will wait for
    #[command(
        after_help = "Example: amends saga signal 01990a3e-… reviewed --payload '{\"approved\": true}'\n\n\
                      A signal is kept until a step waits for it. With --id it may be sent\n\
                      again: the same id counts once. With filters the name comes first:\n\n\
                      \x20        amends saga signal reopened --definition visit --id r-1"
    )]
    Signal(SignalArgs),
    /// Undo what a saga has done, and end it
    #[command(
        after_help = "Example: amends saga cancel 01990a3e-… --reason 'customer called'\n         \
                      amends saga cancel --label shop=closed --dry-run --reason 'shop closed'"
    )]
    Cancel(OperateArgs),
    /// Send nothing more for a saga, and stop its clock
    #[command(
        after_help = "Example: amends saga pause 01990a3e-… --reason 'bank is down'\n         \
                      amends saga pause --letter-group charge/order/1.0.0/rejected --yes \
                      --reason 'bad deploy'"
    )]
    Pause(OperateArgs),
    /// Let a saga go on where it rested
    #[command(
        after_help = "Example: amends saga resume 01990a3e-… --reason 'bank is back'\n         \
                      amends saga resume --definition order --rate 50 --reason 'bank is back'"
    )]
    Resume(OperateArgs),
    /// End a saga without undoing anything
    #[command(
        after_help = "Example: amends saga terminate 01990a3e-… --reason 'undone by hand'\n         \
                      amends saga terminate --stuck=definition_missing --reason 'of a test'"
    )]
    Terminate(OperateArgs),
    /// Try a failed step or a failed undo again, or a waiting attempt now
    #[command(
        after_help = "Example: amends saga retry 01990a3e-… ship --reason 'address mended'\n         \
                      amends saga retry --stuck=step_failed --step ship --reason 'carrier is back'"
    )]
    Retry(StepArgs),
    /// Go on without a failed step
    #[command(
        after_help = "Example: amends saga skip 01990a3e-… ship --with '{}' --reason 'by hand'\n         \
                      amends saga skip --definition order --step ship --reason 'by hand'"
    )]
    Skip(SkipArgs),
    /// Say what became of a step, or of an undo, that nobody else knows
    #[command(
        after_help = "Example: amends saga resolve 01990a3e-… pay --never --reason 'no trace'\n         \
                      amends saga resolve --stuck=outcome_unknown --step pay --never --reason 'no trace'"
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
    /// File with one input a line, as JSON; `-` reads standard input. Starts a saga for each
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "wait"])]
    pub each: Option<PathBuf>,
    /// Version of the definition; without it the highest
    #[arg(long)]
    pub version: Option<String>,
    /// Business key; starting twice with it returns the same saga. With --each the line's number follows
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
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Rows, at most [default: 50]
    #[arg(long, value_name = "N")]
    pub limit: Option<u32>,
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
    /// Wait for this status; without it until the saga ends or rests
    #[arg(long, value_name = "STATUS")]
    pub until: Option<Status>,
    /// Give up after this, for example 5m
    #[arg(long, value_name = "SPAN", default_value = "10m")]
    pub timeout: String,
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Which saga, or which sagas, and why.
#[derive(Debug, Args)]
pub struct OperateArgs {
    /// The saga's id; without it the filters say which are meant
    pub id: Option<String>,
    #[command(flatten)]
    pub filter: FilterArgs,
    #[command(flatten)]
    pub many: ManyArgs,
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
    #[command(flatten)]
    pub address: AddressArgs,
}

/// `amends openapi`
#[derive(Debug, Args)]
pub struct OpenapiArgs {
    /// How to print; for people it is JSON as well
    #[arg(short, long, value_enum, default_value_t = Format::Json)]
    pub output: Format,
}

/// Which orchestrator, and how to print.
#[derive(Debug, Args)]
pub struct ServerArgs {
    #[command(flatten)]
    pub address: AddressArgs,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    pub output: Format,
}

impl ServerArgs {
    /// A client for that orchestrator. Nothing is sent yet.
    ///
    /// # Errors
    /// There is no such profile, or the URL is none.
    pub fn client(&self) -> Result<Client, Failure> {
        self.address.client()
    }
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people, in 80 columns where data allow it
    Table,
    /// For people, with everything that there is to see
    Wide,
    /// One JSON document
    Json,
    /// One JSON document a line
    Jsonl,
    /// One YAML document
    Yaml,
}

impl Format {
    /// Whether people read it.
    #[must_use]
    pub const fn is_for_people(self) -> bool {
        match self {
            Self::Table | Self::Wide => true,
            Self::Json | Self::Jsonl | Self::Yaml => false,
        }
    }
}
