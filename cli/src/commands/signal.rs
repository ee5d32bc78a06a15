//! `amends saga signal`: tell a saga something from outside.

use clap::Args;
use orchestrator::http::{OperatedView, SignalBody};

use super::operate::json;
use crate::args::{Format, ServerArgs};
use crate::client::Client;
use crate::failure::{Failure, Outcome};
use crate::output;

/// `amends saga signal`
#[derive(Debug, Args)]
pub struct SignalArgs {
    /// The saga's id
    pub saga: String,
    /// Name of the signal, as the step's `wait_for` has it
    pub name: String,
    /// What it says, as JSON; the step's output [default: null]
    #[arg(long, value_name = "JSON")]
    pub payload: Option<String>,
    /// Your id for it; sent again under the same id it counts once [default: a new one]
    #[arg(long)]
    pub id: Option<String>,
    #[command(flatten)]
    pub server: ServerArgs,
}

pub(super) async fn signal(args: &SignalArgs) -> Outcome {
    let payload = args.payload.as_deref();
    let payload = payload.map(|text| json("--payload", text)).transpose()?;
    let body = SignalBody {
        name: args.name.clone(),
        id: args.id.clone(),
        payload: payload.unwrap_or_default(),
    };
    let body = serde_json::to_vec(&body)
        .map_err(|error| Failure::because("the request cannot be made", &error))?;
    let client = Client::new(&args.server.server)?;
    let path = format!("/v1/sagas/{}/signal", args.saga);
    let (_, view): (_, OperatedView) = client.post(&path, body).await?;
    match args.server.output {
        Format::Table => output::text(&format!(
            "{} has {}; it is {}\n",
            view.id, args.name, view.status
        )),
        format @ (Format::Json | Format::Jsonl) => output::json(format, &view),
    }
}
