//! What a verb is about, and how that stands.

use axum::extract::RawPathParams;
use saga_core::compiler;
use saga_core::definition::DefinitionRef;
use saga_core::ids::SagaId;
use uuid::Uuid;

use super::definitions::reference;
use super::router::Api;
use crate::audit::Standing;

/// What a verb is about.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    /// For the audit log.
    pub(super) target: String,
    thing: Thing,
}

#[derive(Debug, Clone)]
enum Thing {
    Saga(SagaId),
    Letter(Uuid),
    Definition(DefinitionRef),
    /// What has no state of its own, or is not there.
    Other,
}

impl Subject {
    /// What the parts of a path name.
    pub(super) fn of(path: &str, params: &RawPathParams) -> Self {
        let params: Vec<&str> = params.iter().map(|(_, value)| value).collect();
        let family = path.trim_start_matches("/v1/").split('/').next();
        let thing = match (family, &params[..]) {
            (Some("sagas"), [id, ..]) => id.parse().map(Thing::Saga).ok(),
            (Some("dead-letters"), [id]) => id.parse().map(Thing::Letter).ok(),
            (Some("definitions"), [name, version]) => {
                reference(name, version).map(Thing::Definition).ok()
            }
            _ => None,
        };
        let target = if params.is_empty() {
            family.unwrap_or(path).to_owned()
        } else {
            params.join("/")
        };
        Self {
            target,
            thing: thing.unwrap_or(Thing::Other),
        }
    }

    /// The definition that a body holds, if it is one.
    pub(super) fn of_source(source: &str) -> Option<Self> {
        let definition = compiler::compile("definition", source).definition?;
        let reference = definition.reference;
        Some(Self {
            target: format!("{}/{}", reference.name, reference.version),
            thing: Thing::Definition(reference),
        })
    }

    /// The saga among it.
    pub(super) const fn saga(&self) -> Option<SagaId> {
        match self.thing {
            Thing::Saga(id) => Some(id),
            Thing::Letter(_) | Thing::Definition(_) | Thing::Other => None,
        }
    }

    /// How it stands now; nothing when it is not there or that cannot be seen.
    pub(super) async fn standing(&self, api: &Api) -> Option<Standing> {
        let store = &api.engine.shared().store;
        match &self.thing {
            Thing::Saga(id) => {
                let (sagas, _) = store.load(&[*id]).await.ok()?;
                let saga = sagas.first()?;
                Some(Standing {
                    state: saga.status().as_str().to_owned(),
                    version: Some(saga.version),
                })
            }
            Thing::Letter(id) => {
                let handled = store.dead_letter(*id).await.ok()??.summary.handled;
                Some(plain(handled.map_or("open", |it| it.how.as_str())))
            }
            Thing::Definition(reference) => {
                let retired = store.definition(reference).await.ok()??.retired;
                let is_retired = retired.is_some();
                Some(plain(if is_retired { "retired" } else { "registered" }))
            }
            Thing::Other => None,
        }
    }
}

fn plain(state: &str) -> Standing {
    Standing {
        state: state.to_owned(),
        version: None,
    }
}
