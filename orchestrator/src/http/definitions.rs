//! Registering, showing and retiring definitions.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use saga_core::compiler;
use saga_core::definition::DefinitionRef;

use super::body::{Sent, Text};
use super::operators::OperateBody;
use super::problem::Problem;
use super::router::Api;
use super::view::{DefinitionSourceView, DefinitionView};
use crate::auth::Caller;
use crate::catalog::CatalogError;
use crate::store::{Registration, StoredDefinition};

/// Stands for the version that a start without one takes.
const LATEST: &str = "latest";

pub(super) async fn list(State(api): State<Api>) -> Result<Json<Vec<DefinitionView>>, Problem> {
    let stored = api.engine.shared().store.definitions().await?;
    Ok(Json(stored.into_iter().map(DefinitionView::from).collect()))
}

/// Takes the YAML as it is. Nothing is registered unless all of it compiles.
pub(super) async fn register(
    State(api): State<Api>,
    Text(source): Text,
) -> Result<(StatusCode, Json<DefinitionView>), Problem> {
    let definition = compiled(&source)?;
    let view = DefinitionView {
        name: definition.reference.name.to_string(),
        version: definition.reference.version.to_string(),
        digest: definition.digest.clone(),
        registered_at: None,
        retired: None,
    };
    let status = match api.engine.shared().catalog.register(definition).await? {
        Registration::Added => StatusCode::CREATED,
        Registration::Unchanged | Registration::Conflict => StatusCode::OK,
    };
    Ok((status, Json(view)))
}

/// A definition in a body, or everything that is wrong with it.
pub(super) fn compiled(source: &str) -> Result<saga_core::definition::Definition, Problem> {
    let file = "definition";
    let compiled = compiler::compile(file, source);
    compiled.definition.ok_or_else(|| {
        let rendered = compiler::render(&compiled.diagnostics, file, source, false);
        Problem::bad_definition(rendered)
    })
}

pub(super) async fn show(
    State(api): State<Api>,
    Path((name, version)): Path<(String, String)>,
) -> Result<Json<DefinitionSourceView>, Problem> {
    let stored = find(&api, &name, &version).await?;
    Ok(Json(DefinitionSourceView {
        source: stored.source.clone(),
        definition: stored.into(),
    }))
}

pub(super) async fn retire(
    State(api): State<Api>,
    caller: Caller,
    Path((name, version)): Path<(String, String)>,
    Sent(body): Sent<OperateBody>,
) -> Result<Json<DefinitionView>, Problem> {
    let by = body.signed(&caller)?;
    let reference = reference(&name, &version)?;
    let catalog = &api.engine.shared().catalog;
    catalog.retire(&reference, &by).await?;
    Ok(Json(find(&api, &name, &version).await?.into()))
}

pub(super) async fn unretire(
    State(api): State<Api>,
    caller: Caller,
    Path((name, version)): Path<(String, String)>,
    Sent(body): Sent<OperateBody>,
) -> Result<Json<DefinitionView>, Problem> {
    // The reason is asked for like everywhere. The row that it would be on is gone; the audit log
    // has it.
    body.signed(&caller)?;
    let reference = reference(&name, &version)?;
    api.engine.shared().catalog.unretire(&reference).await?;
    Ok(Json(find(&api, &name, &version).await?.into()))
}

/// What is stored of a version.
async fn find(api: &Api, name: &str, version: &str) -> Result<StoredDefinition, Problem> {
    let shared = api.engine.shared();
    let reference = if version == LATEST {
        shared.catalog.resolve(name, None).await?.reference.clone()
    } else {
        reference(name, version)?
    };
    let stored = shared.store.definition(&reference).await?;
    Ok(stored.ok_or(CatalogError::UnknownVersion(reference))?)
}

pub(super) fn reference(name: &str, version: &str) -> Result<DefinitionRef, Problem> {
    let version = version.parse().map_err(|error| {
        Problem::bad_request(format!("`{version}` is not a semantic version: {error}"))
    })?;
    Ok(DefinitionRef {
        name: name.into(),
        version,
    })
}
