//! Registering and listing definitions.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::StringRejection;
use axum::http::StatusCode;
use saga_core::compiler;

use super::problem::Problem;
use super::router::Api;
use super::view::DefinitionView;
use crate::store::Registration;

pub(super) async fn list(State(api): State<Api>) -> Result<Json<Vec<DefinitionView>>, Problem> {
    let stored = api.engine.shared().store.definitions().await?;
    Ok(Json(stored.into_iter().map(DefinitionView::from).collect()))
}

/// Takes the YAML as it is. Nothing is registered unless all of it compiles.
pub(super) async fn register(
    State(api): State<Api>,
    source: Result<String, StringRejection>,
) -> Result<(StatusCode, Json<DefinitionView>), Problem> {
    let source = source.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    let file = "definition";
    let compiled = compiler::compile(file, &source);
    let Some(definition) = compiled.definition else {
        let rendered = compiler::render(&compiled.diagnostics, file, &source, false);
        return Err(Problem::bad_definition(rendered));
    };
    let view = DefinitionView {
        name: definition.reference.name.to_string(),
        version: definition.reference.version.to_string(),
        digest: definition.digest.clone(),
        registered_at: None,
    };
    let status = match api.engine.shared().catalog.register(definition).await? {
        Registration::Added => StatusCode::CREATED,
        Registration::Unchanged | Registration::Conflict => StatusCode::OK,
    };
    Ok((status, Json(view)))
}
