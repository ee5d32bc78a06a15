//! `amends saga move`: go on with another version of a definition.

use orchestrator::http::{DefinitionSourceView, MoveBody, MovedView};

use super::operate::{Asked, encoded};
use crate::bulk::{Bulk, Request, Verb};
use crate::failure::{Failure, Kind, Outcome};
use crate::move_args::MoveArgs;
use crate::output;

const MOVE: Verb = Verb::of_sagas("move", "moved", "open");

pub(super) async fn run(args: &MoveArgs) -> Outcome {
    let signature = &args.signature;
    let asked = Asked {
        verb: MOVE,
        filter: &args.filter,
        many: &args.many,
        server: &signature.server,
    };
    let body = encoded(&MoveBody {
        to: args.to.clone(),
        reason: signature.reason.clone(),
        who: Some(signature.who.clone()),
        dry_run: args.many.dry_run,
    })?;
    let path = |id: &str| format!("/v1/sagas/{id}/move");
    if let Some(id) = &args.id
        && args.filter.is_empty()
    {
        let client = signature.server.client()?;
        let (_, view): (_, MovedView) = client.post(&path(id), body).await?;
        return output::document(signature.server.output, &view, |_| told(&view, &args.to));
    }
    asked.one(args.id.as_deref())?;
    let mut bulk = Bulk {
        asks_when_dry: true,
        ..asked.bulk()?
    };
    // The version is looked at again when a saga's turn comes, as every filter is.
    let from = args.from.clone().map(|from| ("version", from));
    bulk.query.extend(from);
    check(args, &bulk).await?;
    let request = |id: &str, _: &str| Request {
        path: path(id),
        body: body.clone(),
    };
    bulk.run(request).await
}

/// What would be refused for every saga is said at once.
async fn check(args: &MoveArgs, bulk: &Bulk<'_>) -> Outcome {
    let from = args.from.as_ref().or(args.filter.version.as_ref());
    let (Some(name), Some(from)) = (&args.filter.definition, from) else {
        let message = "moving many needs the definition and the version that they run";
        return Err(
            Failure::new(Kind::Usage, message).help("write --definition NAME --from VERSION")
        );
    };
    if *from == args.to {
        let message = format!("sagas of {name} {from} run that version already");
        return Err(Failure::new(Kind::Usage, message));
    }
    for version in [from, &args.to] {
        let path = format!("/v1/definitions/{name}/{version}");
        let _known: DefinitionSourceView = bulk.client.get(&path).await?;
    }
    Ok(())
}

fn told(view: &MovedView, to: &str) -> String {
    if view.dry_run {
        return format!("{} could move to {to}\n", view.id);
    }
    format!(
        "{} runs {} {} and is {}\n",
        view.id, view.definition, view.version, view.status
    )
}
