//! Moving sagas to another version of their definition: one, or all that can.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use futures_util::future::join_all;
use saga_core::definition::{Definition, DefinitionRef, movable};
use saga_core::ids::SagaId;
use saga_core::operator::{By, Operator, Verb};
use saga_core::refusal::Refused;
use saga_core::saga::{Saga, Status};
use saga_core::values::ValueKey;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::definitions::reference;
use super::operators::{RawBody, signed};
use super::problem::Problem;
use super::router::Api;
use super::sagas::{find, saga_id};
use crate::engine::OperateError;

/// Sagas that one request looks at, the newest first.
const SAGAS_MAX: u32 = 10_000;

/// Sagas that are moved, or in memory, at once.
const AT_ONCE: usize = 64;

/// Body of `POST /v1/sagas/{id}/move`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveBody {
    /// The version to go on with.
    pub to: String,
    /// Why, for those who read the history.
    pub reason: String,
    /// Who asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// Say only whether it could move.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// Body of `POST /v1/definitions/{name}/{version}/move`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveManyBody {
    /// The version to go on with.
    pub to: String,
    /// Why, for those who read the histories.
    pub reason: String,
    /// Who asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// Say only which could move.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// Sagas to move, at most; without it every one that is looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A saga that moved, or could.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct MovedView {
    /// The saga.
    pub id: String,
    /// Where it stands now.
    pub status: Status,
    /// What it runs now.
    pub definition: String,
    /// In which version.
    pub version: String,
    /// It could have moved, to the version that was asked for, and did not.
    pub dry_run: bool,
}

/// What became of the open sagas of a version.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct MovesView {
    /// What they ran, as name and version.
    pub from: String,
    /// What those that moved run now.
    pub to: String,
    /// They could move, and did not.
    pub dry_run: bool,
    /// Those that moved.
    pub moved: Vec<String>,
    /// Those that must stay, by what stands against it.
    pub stay: Vec<StayView>,
    /// There are more open sagas, which were not looked at.
    pub more: bool,
}

/// Sagas that cannot move, all for the same reasons.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct StayView {
    /// What stands against it.
    pub obstacles: Vec<String>,
    /// Who they are.
    pub sagas: Vec<String>,
}

pub(super) async fn move_one(
    State(api): State<Api>,
    Path(id): Path<String>,
    body: RawBody,
) -> Result<Json<MovedView>, Problem> {
    let body: MoveBody = read(body)?;
    let who = signed(&body.reason, body.who.as_deref())?;
    let id = saga_id(&id)?;
    let saga = find(&api, id).await?;
    let to = version(&api, &saga.definition.name, &body.to).await?;
    if body.dry_run {
        could_move(&api, std::slice::from_ref(&saga), &to)
            .await?
            .remove(0)?;
    } else {
        let reason = body.reason;
        let verb = Verb::Move { to };
        api.engine
            .operate(id, Operator { who, reason, verb })
            .await?;
    }
    let saga = find(&api, id).await?;
    Ok(Json(MovedView {
        id: saga.id.to_string(),
        status: saga.status(),
        definition: saga.definition.name.to_string(),
        version: saga.definition.version.to_string(),
        dry_run: body.dry_run,
    }))
}

/// Moves every open saga of a version that can move, the newest first.
pub(super) async fn move_many(
    State(api): State<Api>,
    Path((name, from)): Path<(String, String)>,
    body: RawBody,
) -> Result<Json<MovesView>, Problem> {
    let body: MoveManyBody = read(body)?;
    let who = signed(&body.reason, body.who.as_deref())?;
    let limit = body.limit.unwrap_or(SAGAS_MAX);
    if !(1..=SAGAS_MAX).contains(&limit) {
        let detail = format!("limit {limit} is not between 1 and {SAGAS_MAX}");
        return Err(Problem::bad_request(detail));
    }
    let from = reference(&name, &from)?;
    let to = version(&api, &name, &body.to).await?;
    if from == to.reference {
        let detail = format!("sagas of {from} run that version already");
        return Err(Problem::bad_request(detail));
    }
    api.engine.shared().catalog.get(&from).await?;
    let mut moves = Moves {
        api: &api,
        to,
        by: By {
            who,
            reason: body.reason,
        },
        dry_run: body.dry_run,
        moved: Vec::new(),
        stay: BTreeMap::new(),
    };
    let more = moves
        .run(&from, usize::try_from(limit).unwrap_or(usize::MAX))
        .await?;
    Ok(Json(moves.told(&from, more)))
}

/// The version that sagas are to go on with. A retired one takes no sagas on, in no way.
async fn version(api: &Api, name: &str, version: &str) -> Result<Arc<Definition>, Problem> {
    let to = reference(name, version)?;
    let catalog = &api.engine.shared().catalog;
    Ok(catalog.resolve(name, Some(&to.version)).await?)
}

fn read<T: DeserializeOwned>(body: Result<Bytes, BytesRejection>) -> Result<T, Problem> {
    let body = body.map_err(Problem::from)?;
    serde_json::from_slice(&body)
        .map_err(|error| Problem::bad_request(format!("the body is not a request: {error}")))
}

/// Whether these sagas could move as they are stored now, one answer for each.
async fn could_move(
    api: &Api,
    sagas: &[Saga],
    to: &Definition,
) -> Result<Vec<Result<(), OperateError>>, Problem> {
    let shared = api.engine.shared();
    let keys: Vec<_> = sagas
        .iter()
        .map(|saga| (saga.id, ValueKey::Input))
        .collect();
    let values = shared.store.load_values(&keys).await?;
    let mut answers = Vec::with_capacity(sagas.len());
    for saga in sagas {
        if saga.phase.is_closed() {
            answers.push(Err(Refused::Closed(saga.status()).into()));
            continue;
        }
        let from = shared.catalog.get(&saga.definition).await?;
        let input = values.iter().find(|(id, ..)| *id == saga.id);
        let input = input.map(|(_, _, value)| &**value);
        answers.push(movable(&from, to, saga, input).map_err(|obstacles| {
            let to = to.reference.clone();
            Refused::CannotMove { to, obstacles }.into()
        }));
    }
    Ok(answers)
}

/// Moving many.
struct Moves<'a> {
    api: &'a Api,
    to: Arc<Definition>,
    by: By,
    dry_run: bool,
    moved: Vec<SagaId>,
    stay: BTreeMap<Vec<String>, Vec<SagaId>>,
}

impl Moves<'_> {
    /// Moves `limit` sagas at most; says whether there are more than it looked at.
    async fn run(&mut self, from: &DefinitionRef, limit: usize) -> Result<bool, Problem> {
        let store = &self.api.engine.shared().store;
        let most = usize::try_from(SAGAS_MAX).unwrap_or(usize::MAX);
        let found = store.open_sagas(from, SAGAS_MAX + 1).await?;
        let mut open = &found[..found.len().min(most)];
        while !open.is_empty() && self.moved.len() < limit {
            let room = AT_ONCE.min(limit - self.moved.len());
            let (some, rest) = open.split_at(open.len().min(room));
            open = rest;
            let answers = if self.dry_run {
                self.look_at(some).await?
            } else {
                join_all(some.iter().map(|id| self.move_it(*id))).await
            };
            for (id, answer) in answers {
                self.note(id, answer)?;
            }
        }
        Ok(!open.is_empty() || found.len() > most)
    }

    async fn move_it(&self, saga: SagaId) -> (SagaId, Result<(), OperateError>) {
        let operator = Operator {
            who: self.by.who.clone(),
            reason: self.by.reason.clone(),
            verb: Verb::Move {
                to: Arc::clone(&self.to),
            },
        };
        (
            saga,
            self.api.engine.operate(saga, operator).await.map(drop),
        )
    }

    async fn look_at(
        &self,
        some: &[SagaId],
    ) -> Result<Vec<(SagaId, Result<(), OperateError>)>, Problem> {
        let (sagas, _) = self.api.engine.shared().store.load(some).await?;
        let answers = could_move(self.api, &sagas, &self.to).await?;
        Ok(sagas.iter().map(|saga| saga.id).zip(answers).collect())
    }

    fn note(&mut self, id: SagaId, answer: Result<(), OperateError>) -> Result<(), Problem> {
        match answer {
            Ok(()) => self.moved.push(id),
            // It has ended since it was found, or is gone: nothing of it stays behind.
            Err(OperateError::Refused(Refused::Closed(_)) | OperateError::NoSaga(_)) => {}
            Err(OperateError::Refused(refused)) => {
                let obstacles = refused.obstacles().iter().map(ToString::to_string);
                let sagas = self.stay.entry(obstacles.collect()).or_default();
                sagas.push(id);
            }
            Err(
                error @ (OperateError::MovedOn(_)
                | OperateError::Unstorable(_)
                | OperateError::ShuttingDown),
            ) => return Err(error.into()),
        }
        Ok(())
    }

    fn told(self, from: &DefinitionRef, more: bool) -> MovesView {
        let texts = |ids: Vec<SagaId>| ids.iter().map(ToString::to_string).collect();
        let stay = self.stay.into_iter();
        MovesView {
            from: from.to_string(),
            to: self.to.reference.to_string(),
            dry_run: self.dry_run,
            moved: texts(self.moved),
            stay: stay
                .map(|(obstacles, sagas)| StayView {
                    obstacles,
                    sagas: texts(sagas),
                })
                .collect(),
            more,
        }
    }
}
