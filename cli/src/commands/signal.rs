//! `amends saga signal`: tell a saga, or many, something from outside.

use orchestrator::http::{OperatedView, SignalBody};

use super::operate::{Asked, encoded, json};
use crate::bulk::{Request, Verb};
use crate::failure::{Failure, Kind, Outcome};
use crate::output;
use crate::signal_args::SignalArgs;

const SIGNAL: Verb = Verb::of_sagas("signal", "signalled", "open");

pub(super) async fn signal(args: &SignalArgs) -> Outcome {
    let payload = args.payload.as_deref();
    let payload = payload.map(|text| json("--payload", text)).transpose()?;
    let (id, name) = match args.words.as_slice() {
        [id, name] => (Some(id.as_str()), name),
        [.., name] => (None, name),
        [] => return Err(Failure::new(Kind::Usage, "no signal is named")),
    };
    let asked = Asked {
        verb: SIGNAL,
        filter: &args.filter,
        many: &args.many,
        server: &args.server,
    };
    let body = encoded(&SignalBody {
        name: name.clone(),
        id: args.id.clone(),
        payload: payload.unwrap_or_default(),
    })?;
    let path = |id: &str| format!("/v1/sagas/{id}/signal");
    let Some(id) = asked.one(id)? else {
        if args.id.is_none() {
            let message = "many sagas are told, and the signal has no id";
            let help = "give it one with --id: then the same command again tells nobody twice";
            return Err(Failure::new(Kind::Usage, message).help(help));
        }
        let request = |id: &str, _: &str| Request {
            path: path(id),
            body: body.clone(),
        };
        return asked.bulk()?.run(request).await;
    };
    let client = args.server.client()?;
    let (_, view): (_, OperatedView) = client.post(&path(id), body).await?;
    output::document(args.server.output, &view, |_| {
        format!("{} has {name}; it is {}\n", view.id, view.status)
    })
}
