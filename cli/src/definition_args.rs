//! What can be typed after `amends validate`, `amends graph` and `amends definition`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::args::{ServerArgs, SignatureArgs};
use crate::profiles::AddressArgs;

/// `amends validate`
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// Definitions to check: files, or folders of YAML files
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Catalogue of operations to check against [default: operations.yaml beside each file]
    #[arg(long, value_name = "FILE")]
    pub operations: Option<PathBuf>,
    /// Say also what one saga costs, and how long it can take at worst
    #[arg(long)]
    pub load: bool,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = ValidateFormat::Table)]
    pub output: ValidateFormat,
}

/// How `amends validate` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ValidateFormat {
    /// For people
    Table,
    /// The same
    Wide,
    /// One JSON document a file
    Json,
    /// The same
    Jsonl,
    /// One YAML document a file
    Yaml,
    /// One SARIF 2.1.0 log, for code scanning
    Sarif,
}

/// `amends graph`
#[derive(Debug, Args)]
pub struct GraphArgs {
    /// The definition to draw
    pub file: PathBuf,
    /// As what
    #[arg(short, long, value_enum, default_value_t = GraphFormat::Svg)]
    pub output: GraphFormat,
}

/// What a definition is drawn as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// A picture, complete in itself
    Svg,
    /// For Markdown
    Mermaid,
    /// For Graphviz
    Dot,
    /// In words
    Text,
}

/// `amends definition …`
#[derive(Debug, Subcommand)]
pub enum DefinitionCommand {
    /// Register definitions with a running orchestrator
    #[command(after_help = "Example: amends definition apply sagas/order.yaml")]
    Apply {
        /// Files, or folders of YAML files
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Print a registered definition, or draw it
    #[command(after_help = "Example: amends definition show order@1.0.0 -o svg")]
    Show(ShowArgs),
    /// Say what another version does differently, and which running sagas could move to it
    #[command(after_help = "Example: amends definition diff order@1.0.0 sagas/order.yaml")]
    Diff(DiffArgs),
    /// Keep a version from starting new sagas; those that run go on
    #[command(after_help = "Example: amends definition retire order@1.0.0 --reason 'wrong tax'")]
    Retire(RetireArgs),
    /// Let a retired version start sagas again
    #[command(after_help = "Example: amends definition unretire order@1.0.0 --reason 'mended'")]
    Unretire(RetireArgs),
    /// List registered definitions
    #[command(after_help = "Example: amends definition list -o json")]
    List {
        #[command(flatten)]
        server: ServerArgs,
    },
}

/// `amends definition show`
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// name@version; without a version, the one that a start takes
    pub definition: String,
    /// As what
    #[arg(short, long, value_enum, default_value_t = ShowFormat::Yaml)]
    pub output: ShowFormat,
    #[command(flatten)]
    pub address: AddressArgs,
}

/// What a registered definition is shown as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ShowFormat {
    /// As it was registered
    Yaml,
    /// With its digest and when it was registered, as JSON
    Json,
    /// In words
    Text,
    /// As a picture
    Svg,
    /// For Markdown
    Mermaid,
    /// For Graphviz
    Dot,
}

/// `amends definition diff`
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// What runs: name@version
    pub from: String,
    /// The other: name@version, or a file that is not registered yet
    pub to: String,
    #[command(flatten)]
    pub server: ServerArgs,
}

/// `amends definition retire` and `unretire`
#[derive(Debug, Args)]
pub struct RetireArgs {
    /// name@version
    pub definition: String,
    #[command(flatten)]
    pub signature: SignatureArgs,
}
