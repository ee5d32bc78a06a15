//! `amends reconcile`: commands that neither the broker nor a worker has.

use orchestrator::http::ReconcileBody;
use orchestrator::reconcile::Reconciled;

use crate::failure::{Failure, Outcome};
use crate::mend_args::ReconcileArgs;
use crate::output;

/// Has what is missing sent again, or only names it.
pub async fn reconcile(args: &ReconcileArgs) -> Outcome {
    let body = ReconcileBody {
        older_than: args.older_than.clone(),
        dry_run: args.dry_run,
    };
    let body = serde_json::to_vec(&body)
        .map_err(|error| Failure::because("the request cannot be made", &error))?;
    let client = args.server.client()?;
    let (_, found): (_, Reconciled) = client.post("/v1/reconcile", body).await?;
    output::page(args.server.output, &found, &found.missing, |_| {
        story(&found, args.dry_run)
    })?;
    match found.skipped {
        Some(why) => Err(
            Failure::error(format!("nothing can be concluded now: {why}"))
                .help("`amends doctor` says what is wrong; ask again when that is over"),
        ),
        None => Ok(()),
    }
}

fn story(found: &Reconciled, dry_run: bool) -> String {
    let mut text = String::new();
    for one in &found.missing {
        let (saga, step, op, attempt) = (one.saga, &one.step, one.op, one.attempt);
        text.push_str(&format!(
            "saga {saga} step {step}: {op}, attempt {attempt}\n"
        ));
        let done = if dry_run { "would be sent" } else { "sent" };
        text.push_str(&format!("  not in {}; {done} again\n", one.looked_in));
    }
    let (sagas, silent, missing) = (found.sagas, found.silent, found.missing.len());
    text.push_str(&format!(
        "{sagas} open sagas, {silent} commands without a word for long, {missing} missing\n"
    ));
    text
}
