//! The ways to sagas: starting and listing them, looking into them, mending them.

use super::events::{self, END_EVENT, EndView, SAGA_EVENT};
use super::explain::{self, ExplanationView};
use super::export;
use super::moves::{self, MoveBody, MovedView};
use super::operators::{self, OperateBody};
use super::plan::{self, PlanView};
use super::route::{Content, Route, fields, json, shape};
use super::sagas::{self, HistoryQuery, ShowQuery};
use super::selection::SagaQuery;
use super::signals::{self, SignalBody};
use super::starts::{self, BatchBody, BatchView};
use super::view::{EventView, OperatedView, PageView, SagaView, StartBody, StartedView};
use crate::bundle::Bundle;
use crate::explain::StuckReport;

/// Every route to sagas.
pub(super) fn saga_routes() -> Vec<Route> {
    let all = [sagas(), histories(), looks(), verbs()];
    all.into_iter().flatten().collect()
}

fn sagas() -> Vec<Route> {
    let started = json::<StartedView>;
    vec![
        Route {
            query: Some(fields::<SagaQuery>),
            ..Route::look(
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
            waits_its_turn: true,
            answers: vec![(201, started()), (200, started())],
            ..Route::change(
                "saga.start",
                (
                    "/v1/sagas",
                    "startSaga",
                    "Start a saga; 200 says that one with this key was there already",
                ),
                json::<StartBody>(),
                starts::start,
                started(),
            )
        },
        Route {
            waits_its_turn: true,
            ..Route::change(
                "saga.start_many",
                (
                    "/v1/sagas/batch",
                    "startSagas",
                    "Start many sagas; each is answered by itself, in their order",
                ),
                json::<BatchBody>(),
                starts::start_many,
                json::<BatchView>(),
            )
        },
        Route {
            query: Some(fields::<ShowQuery>),
            ..Route::look(
                ("/v1/sagas/{saga}", "showSaga", "Show a saga in full"),
                sagas::show,
                json::<SagaView>(),
            )
        },
        Route::change(
            "saga.signal",
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
            ..Route::look(
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
            ..Route::look(
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
        Route::look(
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
            ..Route::look(
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
            ..Route::look(
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
        Route::operator("saga.cancel", cancel, body(), operators::cancel, answer()),
        Route::operator("saga.pause", pause, body(), operators::pause, answer()),
        Route::operator("saga.resume", resume, body(), operators::resume, answer()),
        Route::admin(
            "saga.terminate",
            terminate,
            body(),
            operators::terminate,
            answer(),
        ),
        Route::operator("step.retry", retry, body(), operators::retry, answer()),
        Route::operator("step.skip", skip, body(), operators::skip, answer()),
        Route::operator(
            "step.resolve",
            resolve,
            body(),
            operators::resolve,
            answer(),
        ),
        Route {
            dry_runs: true,
            ..Route::admin(
                "saga.move",
                (
                    "/v1/sagas/{saga}/move",
                    "moveSaga",
                    "Go on with another version of the definition",
                ),
                json::<MoveBody>(),
                moves::move_one,
                json::<MovedView>(),
            )
        },
    ]
}
