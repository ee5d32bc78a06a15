//! The table of all ways into the API. The router and the document are both made of it, so neither
//! can have what the other lacks.

use super::dead_letters::{
    self, HandleBody, LetterDetailView, LetterGroupView, LetterPageView, ReplayedView,
};
use super::differences::{self, DiffView};
use super::health::{self, ReadyView};
use super::moves::{self, MoveManyBody, MovesView};
use super::operators::OperateBody;
use super::reconcile::{self, ReconcileBody};
use super::route::{Content, Route, fields, json, shape};
use super::saga_routes::saga_routes;
use super::view::{DefinitionSourceView, DefinitionView};
use super::wiring::{self, TopologyItemView, TopologyView};
use super::workers::{self, DrainBody, WorkerView};
use super::{definitions, openapi};
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
        process(),
    ];
    all.into_iter().flatten().collect()
}

fn definitions() -> Vec<Route> {
    let one = json::<DefinitionView>;
    vec![
        Route::get(
            ("/v1/definitions", "listDefinitions", "List every version"),
            definitions::list,
            json::<Vec<DefinitionView>>(),
        ),
        Route {
            answers: vec![(201, one()), (200, one())],
            ..Route::post(
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
        Route::get(
            (
                "/v1/definitions/{name}/{version}",
                "showDefinition",
                "Show a definition with its text",
            ),
            definitions::show,
            json::<DefinitionSourceView>(),
        ),
        Route::post(
            (
                "/v1/definitions/{name}/{version}/diff",
                "compareDefinition",
                "Say what another version changes, and which running sagas could move to it",
            ),
            YAML,
            differences::differ,
            json::<DiffView>(),
        ),
        Route::post(
            (
                "/v1/definitions/{name}/{version}/move",
                "moveSagas",
                "Move the running sagas of a version to another one",
            ),
            json::<MoveManyBody>(),
            moves::move_many,
            json::<MovesView>(),
        ),
        Route::post(
            (
                "/v1/definitions/{name}/{version}/retire",
                "retireDefinition",
                "Start no new sagas of a version",
            ),
            json::<OperateBody>(),
            definitions::retire,
            one(),
        ),
        Route::post(
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
            ..Route::get(
                (
                    "/v1/dead-letters",
                    "listDeadLetters",
                    "List messages that nobody could handle, the newest first",
                ),
                dead_letters::list,
                json::<LetterPageView>(),
            )
        },
        Route::get(
            (
                "/v1/dead-letters/groups",
                "groupDeadLetters",
                "Count those that nobody has handled by their cause",
            ),
            dead_letters::groups,
            json::<Vec<LetterGroupView>>(),
        ),
        Route::get(
            (
                "/v1/dead-letters/{letter}",
                "showDeadLetter",
                "Show one with its message",
            ),
            dead_letters::show,
            json::<LetterDetailView>(),
        ),
        Route::post(
            (
                "/v1/dead-letters/{letter}/replay",
                "replayDeadLetter",
                "Do what still makes sense of it",
            ),
            json::<HandleBody>(),
            dead_letters::replay,
            json::<ReplayedView>(),
        ),
        Route::post(
            (
                "/v1/dead-letters/{letter}/drop",
                "dropDeadLetter",
                "Count it as handled, and do nothing",
            ),
            json::<HandleBody>(),
            dead_letters::give_up,
            json::<ReplayedView>(),
        ),
    ]
}

fn wires() -> Vec<Route> {
    vec![
        Route::post(
            (
                "/v1/reconcile",
                "reconcile",
                "Send commands again that neither the broker nor a worker has",
            ),
            Content::OptionalJson(shape::<ReconcileBody>),
            reconcile::run,
            json::<Reconciled>(),
        ),
        Route::get(
            (
                "/v1/topology",
                "showTopology",
                "Compare exchanges and queues with what there should be",
            ),
            wiring::topology,
            json::<TopologyView>(),
        ),
        Route::post(
            (
                "/v1/topology/apply",
                "applyTopology",
                "Declare what is missing",
            ),
            Content::Nothing,
            wiring::apply,
            json::<TopologyView>(),
        ),
        Route::get(
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
        Route::get(
            ("/v1/workers", "listWorkers", "List worker processes"),
            workers::list,
            json::<Vec<WorkerView>>(),
        ),
        Route::get(
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
            ..Route::post(
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

fn process() -> Vec<Route> {
    let ready = json::<ReadyView>;
    let text = Content::Text("text/plain");
    vec![
        Route::get(
            ("/live", "live", "Say whether the process lives"),
            health::live,
            text,
        ),
        Route {
            answers: vec![(200, ready()), (503, ready())],
            ..Route::get(
                ("/ready", "ready", "Say whether it can work"),
                health::ready,
                ready(),
            )
        },
        Route::get(
            ("/metrics", "metrics", "Metrics for Prometheus"),
            health::metrics,
            text,
        ),
        Route::get(
            ("/openapi.json", "describe", "This document"),
            openapi::show,
            Content::Text("application/json"),
        ),
    ]
}
