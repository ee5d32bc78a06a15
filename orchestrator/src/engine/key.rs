//! What becomes of a start whose business key is taken.

use std::sync::Arc;

use saga_core::definition::{Definition, KeyPolicy, KeyVerdict};
use saga_core::ids::SagaId;

use super::commit::answer;
use super::group::{Group, Pending};
use super::handle::{StartError, Started};
use super::lane::Lane;
use crate::store::Committed;

impl Lane {
    /// Another saga has, or had, the key of a new one; the definition's policy says what follows.
    pub(super) async fn key_taken(
        &self,
        mut group: Group,
        definition: &Definition,
        (holder, proof): (SagaId, Option<Committed>),
        pending: &mut Pending,
    ) {
        let store = Arc::clone(&self.shared.store);
        let verdict = if definition.key_policy == KeyPolicy::default() {
            KeyVerdict::UseExisting
        } else {
            let holders = [holder];
            let Some((sagas, _)) = self.persist(|| store.load(&holders)).await else {
                return;
            };
            sagas.first().map_or(KeyVerdict::UseExisting, |saga| {
                definition.key_policy.judge(saga.status())
            })
        };
        match verdict {
            KeyVerdict::TakeOver => {
                group.replaces = Some(holder);
                pending.push(group);
            }
            KeyVerdict::UseExisting => {
                let started = Started {
                    saga: holder,
                    definition: definition.reference.clone(),
                    created: false,
                };
                // The holder was read after the statement, so it is on disk.
                if let Some(proof) = proof {
                    for job in group.jobs {
                        answer(job.done, Ok((started.clone(), proof)));
                    }
                }
            }
            KeyVerdict::Refuse => {
                for job in group.jobs {
                    answer(job.done, Err(StartError::KeyTaken(holder)));
                }
            }
        }
    }
}
