//! Compiled definitions, by version. Nothing is compiled on the hot path.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use broker::broker::{Broker, BrokerError};
use saga_core::compiler::{self, Compiled};
use saga_core::definition::{Definition, DefinitionRef, Effect, Step, StepKind};
use saga_core::ids::{ActionName, Op};
use saga_core::operator::By;
use saga_core::time::format_span;
use semver::Version;
use tokio::time::Instant;

use crate::deadline::in_time;
use crate::store::{Registration, Retirement, Store, StoreError};

/// How long the list of versions may be out of date, when another orchestrator registers one.
const VERSIONS_FRESH_FOR: Duration = Duration::from_secs(1);

/// Compiled definitions.
#[derive(Debug)]
pub struct Catalog {
    store: Arc<dyn Store>,
    broker: Arc<dyn Broker>,
    retention: Option<Duration>,
    compiled: RwLock<BTreeMap<DefinitionRef, Arc<Definition>>>,
    versions: RwLock<Option<(Instant, Vec<Registered>)>>,
}

/// A registered version, and whether it starts sagas.
#[derive(Debug, Clone)]
struct Registered {
    reference: DefinitionRef,
    retired: Option<Retirement>,
}

/// What the registered definitions need of the broker.
#[derive(Debug, Clone, Default)]
pub struct Needs {
    /// Operations, each with its own queue.
    pub steps: Vec<(ActionName, Op)>,
    /// Definitions that do not compile with this version of amends, and why.
    pub broken: Vec<(DefinitionRef, String)>,
}

/// Why a definition cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// Nothing is registered under this name.
    #[error("no definition is named `{name}`; registered are: {known}")]
    UnknownName {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The name is registered, the version is not.
    #[error("no definition {0} is registered")]
    UnknownVersion(DefinitionRef),
    /// The version exists and starts no new sagas.
    #[error("{reference} is retired and starts no new sagas; {who} said why: {reason}")]
    Retired {
        /// Which.
        reference: DefinitionRef,
        /// Who retired it.
        who: String,
        /// And why.
        reason: String,
    },
    /// There are versions, and none starts new sagas.
    #[error("every version of `{0}` is retired or a pre-release; name a version, or register one")]
    NothingToStart(String),
    /// The name and version exist with another text.
    #[error("{0} is registered with another text; versions never change, so give it a new one")]
    Conflict(DefinitionRef),
    /// A registered definition does not compile with this version of amends.
    #[error("{reference} does not compile: {problems}")]
    Incompatible {
        /// Which.
        reference: DefinitionRef,
        /// The diagnostics.
        problems: String,
    },
    /// Its sagas may live longer than sagas are kept.
    #[error(
        "{reference} has a max_lifetime of {lifetime}, and sagas are kept for {retention} only; \
         shorten max_lifetime, or raise retention.days"
    )]
    OutlivesRetention {
        /// Which.
        reference: DefinitionRef,
        /// How long its sagas may live.
        lifetime: String,
        /// How long sagas are kept after their end.
        retention: String,
    },
    /// The store did not answer.
    #[error("look definitions up")]
    Store(#[from] StoreError),
    /// The broker refused the queues.
    #[error("declare the queues of a definition")]
    Broker(#[from] BrokerError),
}

impl Catalog {
    /// An empty catalog over what the store has. `retention` is how long sagas are kept after their
    /// end, `None` for ever.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        broker: Arc<dyn Broker>,
        retention: Option<Duration>,
    ) -> Self {
        Self {
            store,
            broker,
            retention,
            compiled: RwLock::default(),
            versions: RwLock::default(),
        }
    }

    /// The definition of that name and version.
    pub async fn get(&self, reference: &DefinitionRef) -> Result<Arc<Definition>, CatalogError> {
        let at_hand = read(&self.compiled).get(reference).map(Arc::clone);
        if let Some(definition) = at_hand {
            return Ok(definition);
        }
        let stored = self.store.definition(reference).await?;
        let stored = stored.ok_or_else(|| CatalogError::UnknownVersion(reference.clone()))?;
        let definition = compile(reference, &stored.source)?;
        write(&self.compiled).insert(reference.clone(), Arc::clone(&definition));
        Ok(definition)
    }

    /// The definition that a start means: that version, or the highest that is neither a
    /// pre-release nor retired. A retired version that is named is refused, with the reason.
    pub async fn resolve(
        &self,
        name: &str,
        version: Option<&Version>,
    ) -> Result<Arc<Definition>, CatalogError> {
        if let Some(version) = version {
            let reference = DefinitionRef {
                name: name.into(),
                version: version.clone(),
            };
            self.refuse_retired(&reference).await?;
            return self.get(&reference).await;
        }
        let mut versions = self.versions().await?;
        if highest(&versions, name).is_none() {
            // It may be newer than the list at hand.
            *write(&self.versions) = None;
            versions = self.versions().await?;
        }
        match highest(&versions, name) {
            Some(reference) => self.get(reference).await,
            None if versions.iter().any(|one| *one.reference.name == *name) => {
                Err(CatalogError::NothingToStart(name.to_owned()))
            }
            None => Err(CatalogError::UnknownName {
                name: name.to_owned(),
                known: names(&versions),
            }),
        }
    }

    /// Sagas that run a retired version go on; only a start asks.
    async fn refuse_retired(&self, reference: &DefinitionRef) -> Result<(), CatalogError> {
        let versions = self.versions().await?;
        let found = versions.into_iter().find(|one| one.reference == *reference);
        match found.and_then(|one| one.retired) {
            Some(Retirement { by, .. }) => Err(CatalogError::Retired {
                reference: reference.clone(),
                who: by.who,
                reason: by.reason,
            }),
            None => Ok(()),
        }
    }

    /// Keeps a version from starting new sagas. Other orchestrators notice within a second.
    pub async fn retire(&self, reference: &DefinitionRef, by: &By) -> Result<bool, CatalogError> {
        self.get(reference).await?;
        let retired = self.store.retire(reference, by).await?;
        *write(&self.versions) = None;
        Ok(retired)
    }

    /// Lets a version start sagas again.
    pub async fn unretire(&self, reference: &DefinitionRef) -> Result<bool, CatalogError> {
        self.get(reference).await?;
        let back = self.store.unretire(reference).await?;
        *write(&self.versions) = None;
        Ok(back)
    }

    /// Registers a definition for ever: first its queues, so that no command of it is ever without
    /// one, then its text.
    pub async fn register(
        &self,
        definition: impl Into<Arc<Definition>>,
    ) -> Result<Registration, CatalogError> {
        let definition = definition.into();
        self.refuse_outliving(&definition)?;
        in_time(self.broker.declare_steps(&steps(&definition))).await?;
        let registration = self.store.register(&definition).await?;
        let reference = definition.reference.clone();
        match registration {
            Registration::Conflict => return Err(CatalogError::Conflict(reference)),
            Registration::Added | Registration::Unchanged => {}
        }
        write(&self.compiled).insert(reference, definition);
        *write(&self.versions) = None;
        Ok(registration)
    }

    /// A saga must not be forgotten while those that know of it may still run.
    fn refuse_outliving(&self, definition: &Definition) -> Result<(), CatalogError> {
        match self.retention {
            Some(retention) if definition.max_lifetime > retention => {
                Err(CatalogError::OutlivesRetention {
                    reference: definition.reference.clone(),
                    lifetime: format_span(definition.max_lifetime),
                    retention: format_span(retention),
                })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Declares the queues of every registered definition; one that does not compile any more is
    /// left out, its sagas show it.
    pub async fn declare_all(&self) -> Result<(), CatalogError> {
        for Registered { reference, .. } in self.versions().await? {
            match self.get(&reference).await {
                Ok(definition) => self.broker.declare_steps(&steps(&definition)).await?,
                Err(error @ CatalogError::Incompatible { .. }) => {
                    tracing::error!(error = %crate::chain(&error), "a registered definition");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Every queue that commands of registered definitions go to, and the definitions that do not
    /// compile any more, with what is wrong.
    pub async fn needs(&self) -> Result<Needs, CatalogError> {
        let mut needs = Needs::default();
        for Registered { reference, .. } in self.versions().await? {
            match self.get(&reference).await {
                Ok(definition) => needs.steps.extend(steps(&definition)),
                Err(CatalogError::Incompatible { problems, .. }) => {
                    needs.broken.push((reference, problems));
                }
                Err(error) => return Err(error),
            }
        }
        needs.steps.sort_unstable();
        needs.steps.dedup();
        Ok(needs)
    }

    async fn versions(&self) -> Result<Vec<Registered>, CatalogError> {
        let fresh = read(&self.versions)
            .as_ref()
            .filter(|(at, _)| at.elapsed() < VERSIONS_FRESH_FOR)
            .map(|(_, versions)| versions.clone());
        if let Some(versions) = fresh {
            return Ok(versions);
        }
        let stored = self.store.definitions().await?;
        let versions: Vec<_> = stored
            .into_iter()
            .map(|one| Registered {
                reference: one.reference,
                retired: one.retired,
            })
            .collect();
        *write(&self.versions) = Some((Instant::now(), versions.clone()));
        Ok(versions)
    }
}

/// The highest version of that name that is neither a pre-release nor retired.
fn highest<'a>(versions: &'a [Registered], name: &str) -> Option<&'a DefinitionRef> {
    versions
        .iter()
        .filter(|one| one.retired.is_none())
        .map(|one| &one.reference)
        .filter(|reference| *reference.name == *name && reference.version.pre.is_empty())
        .max_by(|a, b| a.version.cmp(&b.version))
}

fn compile(reference: &DefinitionRef, source: &str) -> Result<Arc<Definition>, CatalogError> {
    let file = reference.to_string();
    let Compiled {
        definition,
        diagnostics,
        ..
    } = compiler::compile(&file, source);
    definition
        .map(Arc::new)
        .ok_or_else(|| CatalogError::Incompatible {
            reference: reference.clone(),
            problems: compiler::render(&diagnostics, &file, source, false),
        })
}

/// Every queue that commands of this definition go to.
fn steps(definition: &Definition) -> Vec<(ActionName, Op)> {
    let mut steps = Vec::new();
    for plan in definition.steps.iter().flat_map(Step::plans) {
        if let StepKind::Action(call) = plan.kind {
            steps.push((call.action.clone(), Op::Action));
            steps.push((call.action.clone(), Op::Settle));
        }
        if let Effect::Compensate(compensation) = plan.effect {
            steps.push((compensation.action.clone(), Op::Compensate));
        }
    }
    steps
}

fn names(versions: &[Registered]) -> String {
    let mut names: Vec<&str> = versions.iter().map(|one| &*one.reference.name).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
