//! The table of all ways into the API. The router and the document are both made of it, so neither
//! can have what the other lacks.

use super::dead_letters::{
    self, HandleBody, LetterDetailView, LetterGroupView, LetterPageView, ReplayedView,
};
use super::differences::{self, DiffView};
use super::events::{self, END_EVENT, EndView, SAGA_EVENT};
use super::explain::{self, ExplanationView};
use super::health::{self, ReadyView};
use super::moves::{self, MoveBody, MoveManyBody, MovedView, MovesView};
use super::operators::{self, OperateBody};
use super::plan::{self, PlanView};
use super::reconcile::{self, ReconcileBody};
use super::route::{Content, Route, fields, json, shape};
use super::sagas::{self, HistoryQuery, ListQuery, ShowQuery};
use super::signals::{self, SignalBody};
use super::view::{
    DefinitionSourceView, DefinitionView, EventView, OperatedView, PageView, SagaView, StartBody,
    StartedView,
};
use super::wiring::{self, TopologyItemView, TopologyView};
use super::workers::{self, DrainBody, WorkerView};
use super::{definitions, export, openapi};
use crate::bundle::Bundle;
use crate::explain::StuckReport;
use crate::reconcile::Reconciled;

/// A definition as it is written.
const YAML: Content = Content::Text("application/yaml");

/// Every route.
pub(super) fn routes() -> Vec<Route> {
    let all = [
        sagas(),
        histories(),
        looks(),
        verbs(),
        definitions(),
        letters(),
        wires(),
        crew(),
        process(),
    ];
    all.into_iter().flatten().collect()
}

fn sagas() -> Vec<Route> {
    let started = json::<StartedView>;
    vec![
        Route {
            query: Some(fields::<ListQuery>),
            ..Route::get(
                (
                    "/v1/sagas",
                    "listSagas",
                    "List sagas, the newest first; with `stuck=true`, what is stuck by cause",
                ),
                sagas::list,
                Content::Either(shape::<PageView>, shape::<StuckReport>),
            )
        },
        Route {
            header: Some((
                "Idempotency-Key",
                "Makes a start without a business key safe to repeat.",
            )),
            answers: vec![(201, started()), (200, started())],
            ..Route::post(
                (
                    "/v1/sagas",
                    "startSaga",
                    "Start a saga; 200 says that one with this key was there already",
                ),
                json::<StartBody>(),
                sagas::start,
                started(),
            )
        },
        Route {
            query: Some(fields::<ShowQuery>),
            ..Route::get(
                ("/v1/sagas/{saga}", "showSaga", "Show a saga in full"),
                sagas::show,
                json::<SagaView>(),
            )
        },
        Route::post(
            (
                "/v1/sagas/{saga}/signal",
                "signalSaga",
                "Tell a saga something that a step waits for",
            ),
            json::<SignalBody>(),
            signals::signal,
            json::<OperatedView>(),
        ),
    ]
}

fn histories() -> Vec<Route> {
    vec![
        Route {
            query: Some(fields::<HistoryQuery>),
            ..Route::get(
                (
                    "/v1/sagas/{saga}/history",
                    "listEvents",
                    "List what happened to a saga, the oldest first",
                ),
                sagas::history,
                json::<Vec<EventView>>(),
            )
        },
        Route {
            header: Some((
                "Last-Event-ID",
                "Go on after this event; 204 says that none will come.",
            )),
            answers: vec![
                (
                    200,
                    Content::Events(&[
                        (SAGA_EVENT, shape::<EventView>),
                        (END_EVENT, shape::<EndView>),
                    ]),
                ),
                (204, Content::Nothing),
            ],
            ..Route::get(
                (
                    "/v1/sagas/{saga}/events",
                    "followSaga",
                    "Follow a saga as server-sent events until it ends",
                ),
                events::follow,
                Content::Nothing,
            )
        },
    ]
}

fn looks() -> Vec<Route> {
    vec![
        Route::get(
            (
                "/v1/sagas/{saga}/explain",
                "explainSaga",
                "Say why a saga does not move",
            ),
            explain::show,
            json::<ExplanationView>(),
        ),
        Route {
            query: Some(fields::<plan::PlanQuery>),
            ..Route::get(
                (
                    "/v1/sagas/{saga}/plan",
                    "planSaga",
                    "Say what a cancellation, or a failure, would undo",
                ),
                plan::show,
                json::<PlanView>(),
            )
        },
        Route {
            query: Some(fields::<export::ExportQuery>),
            ..Route::get(
                (
                    "/v1/sagas/{saga}/export",
                    "exportSaga",
                    "Get everything that is known of a saga in one document",
                ),
                export::show,
                json::<Bundle>(),
            )
        },
    ]
}

fn verbs() -> Vec<Route> {
    let verb = |path, name, summary| (path, name, summary);
    let (body, answer) = (json::<OperateBody>, json::<OperatedView>);
    let cancel = verb("/v1/sagas/{saga}/cancel", "cancelSaga", "Undo a saga");
    let pause = verb(
        "/v1/sagas/{saga}/pause",
        "pauseSaga",
        "Stop dispatch and timers",
    );
    let resume = verb(
        "/v1/sagas/{saga}/resume",
        "resumeSaga",
        "Go on after a pause",
    );
    let terminate = verb(
        "/v1/sagas/{saga}/terminate",
        "terminateSaga",
        "End a saga without undoing anything",
    );
    let retry = verb(
        "/v1/sagas/{saga}/steps/{step}/retry",
        "retryStep",
        "Give a failed step or undo another round of attempts",
    );
    let skip = verb(
        "/v1/sagas/{saga}/steps/{step}/skip",
        "skipStep",
        "Go on as if a step had answered `output`",
    );
    let resolve = verb(
        "/v1/sagas/{saga}/steps/{step}/resolve",
        "resolveStep",
        "Say what became of a step whose outcome is unknown: `happened` or `never`",
    );
    vec![
        Route::post(cancel, body(), operators::cancel, answer()),
        Route::post(pause, body(), operators::pause, answer()),
        Route::post(resume, body(), operators::resume, answer()),
        Route::post(terminate, body(), operators::terminate, answer()),
        Route::post(retry, body(), operators::retry, answer()),
        Route::post(skip, body(), operators::skip, answer()),
        Route::post(resolve, body(), operators::resolve, answer()),
        Route::post(
            (
                "/v1/sagas/{saga}/move",
                "moveSaga",
                "Go on with another version of the definition",
            ),
            json::<MoveBody>(),
            moves::move_one,
            json::<MovedView>(),
        ),
    ]
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
