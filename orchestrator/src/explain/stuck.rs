//! Every open saga that somebody should look at, by cause.

use std::collections::BTreeMap;
use std::sync::Arc;

use broker::broker::Broker;
use saga_core::explain::{Cause, is_stuck};
use saga_core::ids::SagaId;
use saga_core::saga::Saga;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::look::Look;
use super::pages::Pages;
use crate::engine::Engine;
use crate::store::{SagaFilter, StoreError};

/// Open sagas that are looked at for one report.
pub const LOOKED_AT_MAX: u32 = 5_000;

/// Sagas that are named of each group.
pub const SAMPLES_MAX: usize = 5;

/// Groups that are told, at most.
const GROUPS_MAX: usize = 500;

/// What is stuck, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StuckReport {
    /// Open sagas in all.
    pub open: u64,
    /// Those that were looked at: at most 5,000, those that rest first, the newest of each status
    /// first.
    #[schemars(range(max = LOOKED_AT_MAX))]
    pub looked_at: u32,
    /// Every open saga that the filter lets through was looked at.
    pub complete: bool,
    /// Those that are stuck.
    pub stuck: u32,
    /// By cause, definition and step; the largest group first.
    pub groups: Vec<StuckGroup>,
    /// What could not be seen, and why.
    pub unknown: Vec<String>,
}

/// Sagas that are stuck for the same reason at the same place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StuckGroup {
    /// The cause in one word.
    pub cause: String,
    /// Name of the definition.
    pub definition: String,
    /// The step, where the cause is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// How many.
    pub count: u32,
    /// They stand still until somebody does something.
    pub needs_operator: bool,
    /// The newest of them.
    #[schemars(length(max = SAMPLES_MAX))]
    pub sagas: Vec<SagaId>,
    /// What the newest one's cause says.
    pub says: String,
    /// The command that would mend the newest one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

/// Looks at the open sagas that the filter lets through; its status and page do not count.
///
/// # Errors
/// When the store does not answer.
pub async fn stuck(
    engine: &Engine,
    broker: &dyn Broker,
    filter: &SagaFilter,
) -> Result<StuckReport, StoreError> {
    let store = &engine.shared().store;
    let mut pages = Pages::of(Arc::clone(store), filter, LOOKED_AT_MAX);
    let counts = store.open_counts().await?;
    let mut pass = Pass {
        look: Look::new(engine, broker).await?,
        looked_at: 0,
        stuck: 0,
        groups: BTreeMap::new(),
    };
    while let Some(sagas) = pages.next().await? {
        pass.page(&sagas).await?;
    }
    let mut groups: Vec<StuckGroup> = pass.groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups.truncate(GROUPS_MAX);
    Ok(StuckReport {
        open: counts.iter().map(|(_, count)| count).sum(),
        looked_at: pass.looked_at,
        complete: pages.is_complete(),
        stuck: pass.stuck,
        groups,
        unknown: pass.look.unknown(),
    })
}

/// Cause, definition and step.
type GroupKey = (&'static str, String, Option<String>);

struct Pass<'a> {
    look: Look<'a>,
    looked_at: u32,
    stuck: u32,
    groups: BTreeMap<GroupKey, StuckGroup>,
}

impl Pass<'_> {
    async fn page(&mut self, sagas: &[Saga]) -> Result<(), StoreError> {
        let causes = self.look.at(sagas, 0).await?;
        for (saga, causes) in sagas.iter().zip(&causes) {
            self.looked_at += 1;
            let first = causes.first();
            if let Some(cause) = first.filter(|cause| is_stuck(cause, self.look.now)) {
                self.note(cause, saga.id, &saga.definition.name);
            }
        }
        Ok(())
    }

    fn note(&mut self, cause: &Cause, saga: SagaId, definition: &str) {
        self.stuck += 1;
        let step = cause.step().map(|key| key.step.to_string());
        let key = (cause.as_str(), definition.to_owned(), step.clone());
        let group = self.groups.entry(key).or_insert_with(|| StuckGroup {
            cause: cause.as_str().to_owned(),
            definition: definition.to_owned(),
            step,
            count: 0,
            needs_operator: cause.needs_operator(),
            sagas: Vec::new(),
            says: cause.to_string(),
            mend: cause.mend(saga),
        });
        group.count += 1;
        if group.sagas.len() < SAMPLES_MAX {
            group.sagas.push(saga);
        }
    }
}
