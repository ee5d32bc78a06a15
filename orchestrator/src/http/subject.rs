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

/// What can be seen of it.
#[derive(Debug, Default)]
pub(super) struct Sight {
    /// The saga among it.
    pub(super) saga: Option<SagaId>,
    /// How it stands; nothing when it is not there or that cannot be seen.
    pub(super) standing: Option<Standing>,
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

    /// What can be seen of it now.
    pub(super) async fn look(&self, api: &Api) -> Sight {
        match &self.thing {
            Thing::Saga(id) => Sight {
                saga: Some(*id),
                standing: saga(api, *id).await,
            },
            Thing::Letter(id) => letter(api, *id).await.unwrap_or_default(),
            Thing::Definition(reference) => Sight {
                saga: None,
                standing: definition(api, reference).await,
            },
            Thing::Other => Sight::default(),
        }
    }
}

async fn saga(api: &Api, id: SagaId) -> Option<Standing> {
    let (sagas, _) = api.engine.shared().store.load(&[id]).await.ok()?;
    let saga = sagas.first()?;
    Some(Standing {
        state: saga.status().as_str().to_owned(),
        version: Some(saga.version),
    })
}

async fn letter(api: &Api, id: Uuid) -> Option<Sight> {
    let letter = api.engine.shared().store.dead_letter(id).await.ok()??;
    let letter = letter.summary;
    let handled = letter.handled.map_or("open", |it| it.how.as_str());
    Some(Sight {
        saga: letter.saga,
        standing: Some(plain(handled)),
    })
}

async fn definition(api: &Api, reference: &DefinitionRef) -> Option<Standing> {
    let stored = api.engine.shared().store.definition(reference).await;
    let is_retired = stored.ok()??.retired.is_some();
    Some(plain(if is_retired { "retired" } else { "registered" }))
}

fn plain(state: &str) -> Standing {
    Standing {
        state: state.to_owned(),
        version: None,
    }
}
