//! `amends saga cancel|pause|resume|terminate|retry|skip|resolve`: mend one saga.

use orchestrator::http::{OperateBody, OperatedView};
use serde_json::Value;

use crate::args::{Format, OperateArgs, SignatureArgs};
use crate::client::Client;
use crate::failure::{Failure, Kind, Outcome};
use crate::output;
use crate::step_args::{ResolveArgs, SkipArgs, StepArgs};

/// A verb about the saga as a whole.
pub(super) async fn on_saga(verb: &str, args: &OperateArgs) -> Outcome {
    let path = format!("/v1/sagas/{}/{verb}", args.id);
    send(&path, &body(&args.signature), &args.signature).await
}

pub(super) async fn retry(args: &StepArgs) -> Outcome {
    send(
        &step_path(args, "retry"),
        &body(&args.signature),
        &args.signature,
    )
    .await
}

pub(super) async fn skip(args: &SkipArgs) -> Outcome {
    let signature = &args.step.signature;
    let body = OperateBody {
        output: Some(json("--with", &args.with)?),
        ..body(signature)
    };
    send(&step_path(&args.step, "skip"), &body, signature).await
}

pub(super) async fn resolve(args: &ResolveArgs) -> Outcome {
    let signature = &args.step.signature;
    let happened = args.happened.as_deref();
    let body = OperateBody {
        happened: happened.map(|text| json("--happened", text)).transpose()?,
        never: args.never,
        ..body(signature)
    };
    send(&step_path(&args.step, "resolve"), &body, signature).await
}

fn step_path(args: &StepArgs, verb: &str) -> String {
    format!("/v1/sagas/{}/steps/{}/{verb}", args.id, args.step)
}

fn body(signature: &SignatureArgs) -> OperateBody {
    OperateBody {
        reason: signature.reason.clone(),
        who: Some(signature.who.clone()),
        output: None,
        happened: None,
        never: false,
    }
}

/// A flag's JSON.
pub(super) fn json(flag: &str, text: &str) -> Result<Value, Failure> {
    serde_json::from_str(text).map_err(|error| {
        let message = format!("{flag} `{text}` is not JSON: {error}");
        Failure::new(Kind::Usage, message)
    })
}

async fn send(path: &str, body: &OperateBody, signature: &SignatureArgs) -> Outcome {
    let body = serde_json::to_vec(body)
        .map_err(|error| Failure::because("the request cannot be made", &error))?;
    let client = Client::new(&signature.server.server)?;
    let (_, view): (_, OperatedView) = client.post(path, body).await?;
    match signature.server.output {
        Format::Table => output::text(&format!("{} is {}\n", view.id, view.status)),
        format @ (Format::Json | Format::Jsonl) => output::json(format, &view),
    }
}
