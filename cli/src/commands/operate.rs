//! `amends saga cancel|pause|resume|terminate|retry|skip|resolve`: mend one saga, or many.

use orchestrator::http::{OperateBody, OperatedView};
use serde::Serialize;
use serde_json::Value;

use crate::args::{OperateArgs, ServerArgs, SignatureArgs};
use crate::bulk::{Bulk, Request, Verb};
use crate::failure::{Failure, Kind, Outcome};
use crate::filter_args::{FilterArgs, ManyArgs};
use crate::output;
use crate::step_args::{ResolveArgs, SkipArgs, StepArgs};

pub(super) const CANCEL: Verb = Verb::of_sagas("cancel", "cancelled", "running,paused");
pub(super) const PAUSE: Verb = Verb::of_sagas("pause", "paused", "running,compensating");
pub(super) const RESUME: Verb = Verb::of_sagas("resume", "resumed", "paused");
pub(super) const TERMINATE: Verb = Verb::of_sagas("terminate", "terminated", "open");
const RETRY: Verb = Verb::of_pieces("retry", "retried", "open");
const SKIP: Verb = Verb::of_pieces("skip", "skipped", "open");
const RESOLVE: Verb = Verb::of_pieces("resolve", "resolved", "open");

/// A verb about sagas as a whole.
pub(super) async fn on_saga(verb: Verb, args: &OperateArgs) -> Outcome {
    let asked = Asked {
        verb,
        filter: &args.filter,
        many: &args.many,
        server: &args.signature.server,
    };
    let body = encoded(&body(&args.signature))?;
    let request = |id: &str, _: &str| Request {
        path: format!("/v1/sagas/{id}/{}", verb.word),
        body: body.clone(),
    };
    match asked.one(args.id.as_deref())? {
        Some(id) => asked.send(request(id, "")).await,
        None => asked.bulk()?.run(request).await,
    }
}

pub(super) async fn retry(args: &StepArgs) -> Outcome {
    on_step(RETRY, args, &body(&args.signature)).await
}

pub(super) async fn skip(args: &SkipArgs) -> Outcome {
    let body = OperateBody {
        output: Some(json("--with", &args.with)?),
        ..body(&args.step.signature)
    };
    on_step(SKIP, &args.step, &body).await
}

pub(super) async fn resolve(args: &ResolveArgs) -> Outcome {
    let happened = args.happened.as_deref();
    let body = OperateBody {
        happened: happened.map(|text| json("--happened", text)).transpose()?,
        never: args.never,
        ..body(&args.step.signature)
    };
    on_step(RESOLVE, &args.step, &body).await
}

/// A verb about a step, or about the pieces of one in many sagas.
async fn on_step(verb: Verb, args: &StepArgs, body: &OperateBody) -> Outcome {
    let asked = Asked {
        verb,
        filter: &args.filter,
        many: &args.many,
        server: &args.signature.server,
    };
    let body = encoded(body)?;
    let request = |id: &str, piece: &str| Request {
        path: format!("/v1/sagas/{id}/steps/{piece}/{}", verb.word),
        body: body.clone(),
    };
    let no_step = |help: String| {
        let message = format!("which step is to {}?", verb.word);
        Failure::new(Kind::Usage, message).help(help)
    };
    let Some(id) = asked.one(args.id.as_deref())? else {
        if args.filter.step.is_none() {
            return Err(no_step("name it with --step".to_owned()));
        }
        return asked.bulk()?.run(request).await;
    };
    let Some(piece) = &args.piece else {
        return Err(no_step(format!(
            "write `amends saga {} {id} STEP`",
            verb.word
        )));
    };
    asked.send(request(id, piece)).await
}

/// What was asked for, of one saga or of many.
pub(super) struct Asked<'a> {
    pub(super) verb: Verb,
    pub(super) filter: &'a FilterArgs,
    pub(super) many: &'a ManyArgs,
    pub(super) server: &'a ServerArgs,
}

impl<'a> Asked<'a> {
    /// The one that is named; `None` when filters say which.
    pub(super) fn one(&self, id: Option<&'a str>) -> Result<Option<&'a str>, Failure> {
        let wrong = |message, help| Err(Failure::new(Kind::Usage, message).help(help));
        match (id, self.filter.is_empty()) {
            (None, true) => wrong(
                "no saga is named",
                "write an ID, or filters such as --definition NAME; --status open means every \
                 open saga",
            ),
            (Some(_), false) => wrong(
                "an ID and filters do not go together",
                "leave one of them out",
            ),
            (Some(_), true) if self.many.dry_run => wrong(
                "--dry-run goes with filters",
                "`amends saga plan` says what cancelling one saga would undo",
            ),
            (id, _) => Ok(id),
        }
    }

    /// Everything that fits.
    pub(super) fn bulk(&self) -> Result<Bulk<'a>, Failure> {
        Ok(Bulk {
            client: self.server.client()?,
            verb: self.verb,
            query: self.filter.query()?,
            many: self.many,
            format: self.server.output,
            asks_when_dry: false,
        })
    }

    async fn send(&self, Request { path, body }: Request) -> Outcome {
        let client = self.server.client()?;
        let (_, view): (_, OperatedView) = client.post(&path, body).await?;
        output::document(self.server.output, &view, |_| {
            format!("{} is {}\n", view.id, view.status)
        })
    }
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

/// A body as it is sent.
pub(super) fn encoded(body: &impl Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(body).map_err(|error| Failure::because("the request cannot be made", &error))
}

/// A flag's JSON.
pub(super) fn json(flag: &str, text: &str) -> Result<Value, Failure> {
    serde_json::from_str(text).map_err(|error| {
        let message = format!("{flag} `{text}` is not JSON: {error}");
        Failure::new(Kind::Usage, message)
    })
}
