//! The HTTP API, version 1.

mod access;
mod audit;
mod body;
mod dead_letters;
mod definitions;
mod denial;
mod differences;
mod events;
mod explain;
mod export;
mod guard;
mod health;
mod moves;
mod openapi;
mod operators;
mod plan;
mod problem;
mod problem_kind;
mod reconcile;
mod request_id;
mod route;
mod router;
mod routes;
mod saga_routes;
mod sagas;
mod selection;
mod signals;
mod starts;
mod subject;
mod view;
mod wiring;
mod witness;
mod workers;

pub use access::{Permission, permissions};
pub use audit::{AuditPageView, AuditView};
pub use dead_letters::{
    HandleBody, HandledView, LetterDetailView, LetterGroupView, LetterPageView, LetterView,
    ReplayedView,
};
pub use differences::{ChangeView, DiffView, PositionView};
pub use events::{END_EVENT, EndView, SAGA_EVENT};
pub use explain::{CauseView, ExplanationView};
pub use health::{DependencyView, ReadyView};
pub use moves::{MoveBody, MovedView};
pub use openapi::openapi;
pub use operators::OperateBody;
pub use plan::PlanView;
pub use problem::Problem;
pub use reconcile::ReconcileBody;
pub use router::{Api, BODY_BYTES_MAX, router};
pub use signals::SignalBody;
pub use starts::{BatchBody, BatchView, BatchedView, STARTS_MAX};
pub use view::{
    DefinitionSourceView, DefinitionView, EventView, OperatedView, PageView, RetirementView,
    SagaView, StartBody, StartedView, StepView,
};
pub use wiring::{BrokenDefinitionView, ConditionView, TopologyItemView, TopologyView};
pub use workers::{DrainBody, Presence, WorkerView};
