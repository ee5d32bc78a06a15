//! The table of all ways into the API: what leads there, which role it takes, what the audit log
//! calls it, and what is said of it. The router and the document are made of it and of nothing else,
//! so neither has what the other lacks, and there is no way past it.

use super::access::Access;
use super::audit::{self, AuditPageView, AuditView};
use super::dead_letters::{
    self, HandleBody, LetterDetailView, LetterGroupView, LetterPageView, ReplayedView,
};
use super::differences::{self, DiffView};
use super::health::{self, ReadyView};
use super::operators::OperateBody;
use super::reconcile::{self, ReconcileBody};
use super::route::{Content, Route, fields, json, shape};
use super::saga_routes::saga_routes;
use super::view::{DefinitionSourceView, DefinitionView};
use super::wiring::{self, TopologyItemView, TopologyView};
use super::workers::{self, DrainBody, WorkerView};
use super::{definitions, openapi};
use crate::auth::Role::Viewer;
use crate::reconcile::Reconciled;

/// A definition as it is written.
const YAML: Content = Content::Text("application/yaml");

/// Every route.
pub(super) fn routes() -> Vec<Route> {
    let all = [
        saga_routes(),
        definitions(),
        letters(),
        wires(),
        crew(),
        records(),
        process(),
    ];
    all.into_iter().flatten().collect()
}

fn definitions() -> Vec<Route> {
    let one = json::<DefinitionView>;
    vec![
        Route::look(
            ("/v1/definitions", "listDefinitions", "List every version"),
            definitions::list,
            json::<Vec<DefinitionView>>(),
        ),
        Route {
            answers: vec![(201, one()), (200, one())],
            ..Route::admin(
                "definition.register",
                (
                    "/v1/definitions",
                    "registerDefinition",
                    "Register a definition; 200 says that it was there already",
                ),
                YAML,
                definitions::register,
                one(),
            )
        },
        Route::look(
            (
                "/v1/definitions/{name}/{version}",
                "showDefinition",
                "Show a definition with its text",
            ),
            definitions::show,
            json::<DefinitionSourceView>(),
        ),
        // A definition that is not registered comes in the body; nothing is done with it.
        Route::post(
            Access::Look(Viewer),
            (
                "/v1/definitions/{name}/{version}/diff",
                "compareDefinition",
                "Say what another version changes, and which running sagas could move to it",
            ),
            YAML,
            differences::differ,
            json::<DiffView>(),
        ),
        Route::admin(
            "definition.retire",
            (
                "/v1/definitions/{name}/{version}/retire",
                "retireDefinition",
                "Start no new sagas of a version",
            ),
            json::<OperateBody>(),
            definitions::retire,
            one(),
        ),
        Route::admin(
            "definition.unretire",
            (
                "/v1/definitions/{name}/{version}/unretire",
                "unretireDefinition",
                "Take a retirement back",
            ),
            json::<OperateBody>(),
            definitions::unretire,
            one(),
        ),
    ]
}

fn letters() -> Vec<Route> {
    vec![
        Route {
            query: Some(fields::<dead_letters::ListQuery>),
            ..Route::look(
                (
                    "/v1/dead-letters",
                    "listDeadLetters",
                    "List messages that nobody could handle, the newest first",
                ),
                dead_letters::list,
                json::<LetterPageView>(),
            )
        },
        Route::look(
            (
                "/v1/dead-letters/groups",
                "groupDeadLetters",
                "Count those that nobody has handled by their cause",
            ),
            dead_letters::groups,
            json::<Vec<LetterGroupView>>(),
        ),
        Route::look(
            (
                "/v1/dead-letters/{letter}",
                "showDeadLetter",
                "Show one with its message",
            ),
            dead_letters::show,
            json::<LetterDetailView>(),
        ),
        Route {
            dry_runs: true,
            ..Route::operator(
                "letter.replay",
                (
                    "/v1/dead-letters/{letter}/replay",
                    "replayDeadLetter",
                    "Do what still makes sense of it",
                ),
                json::<HandleBody>(),
                dead_letters::replay,
                json::<ReplayedView>(),
            )
        },
        Route {
            dry_runs: true,
            ..Route::admin(
                "letter.drop",
                (
                    "/v1/dead-letters/{letter}/drop",
                    "dropDeadLetter",
                    "Count it as handled, and do nothing",
                ),
                json::<HandleBody>(),
                dead_letters::give_up,
                json::<ReplayedView>(),
            )
        },
    ]
}

fn wires() -> Vec<Route> {
    vec![
        Route {
            dry_runs: true,
            ..Route::operator(
                "reconcile",
                (
                    "/v1/reconcile",
                    "reconcile",
                    "Send commands again that neither the broker nor a worker has",
                ),
                Content::OptionalJson(shape::<ReconcileBody>),
                reconcile::run,
                json::<Reconciled>(),
            )
        },
        Route::look(
            (
                "/v1/topology",
                "showTopology",
                "Compare exchanges and queues with what there should be",
            ),
            wiring::topology,
            json::<TopologyView>(),
        ),
        Route::admin(
            "topology.apply",
            (
                "/v1/topology/apply",
                "applyTopology",
                "Declare what is missing",
            ),
            Content::Nothing,
            wiring::apply,
            json::<TopologyView>(),
        ),
        Route::look(
            (
                "/v1/queues",
                "listQueues",
                "List queues: what waits, and who serves it",
            ),
            wiring::queues,
            json::<Vec<TopologyItemView>>(),
        ),
    ]
}

fn crew() -> Vec<Route> {
    vec![
        Route::look(
            ("/v1/workers", "listWorkers", "List worker processes"),
            workers::list,
            json::<Vec<WorkerView>>(),
        ),
        Route::look(
            (
                "/v1/workers/{worker}",
                "showWorker",
                "Show one worker process",
            ),
            workers::show,
            json::<WorkerView>(),
        ),
        Route {
            answers: vec![(202, json::<WorkerView>())],
            ..Route::admin(
                "worker.drain",
                (
                    "/v1/workers/{worker}/drain",
                    "drainWorker",
                    "Tell a worker to take nothing new, finish what it has, and end",
                ),
                json::<DrainBody>(),
                workers::drain,
                json::<WorkerView>(),
            )
        },
    ]
}

fn records() -> Vec<Route> {
    vec![
        Route {
            query: Some(fields::<audit::ListQuery>),
            ..Route::look(
                (
                    "/v1/audit",
                    "listAudit",
                    "List what was asked of sagas and what became of it, the newest first",
                ),
                audit::list,
                json::<AuditPageView>(),
            )
        },
        Route {
            query: Some(fields::<audit::ChainQuery>),
            ..Route::look(
                (
                    "/v1/audit/chain",
                    "followAudit",
                    "List records in the order of their chain, for whoever checks it",
                ),
                audit::chain,
                json::<Vec<AuditView>>(),
            )
        },
    ]
}

fn process() -> Vec<Route> {
    let ready = json::<ReadyView>;
    let text = Content::Text("text/plain");
    vec![
        Route {
            access: Access::Open,
            ..Route::look(
                ("/live", "live", "Say whether the process lives"),
                health::live,
                text,
            )
        },
        Route {
            access: Access::Open,
            answers: vec![(200, ready()), (503, ready())],
            ..Route::look(
                ("/ready", "ready", "Say whether it can work"),
                health::ready,
                ready(),
            )
        },
        Route {
            access: Access::Metrics,
            ..Route::look(
                ("/metrics", "metrics", "Metrics for Prometheus"),
                health::metrics,
                text,
            )
        },
        Route {
            access: Access::Open,
            ..Route::look(
                ("/openapi.json", "describe", "This document"),
                openapi::show,
                Content::Text("application/json"),
            )
        },
    ]
}
