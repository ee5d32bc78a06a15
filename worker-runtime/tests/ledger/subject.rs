//! A ledger under test, and a place for effects beside it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use saga_core::ids::{SagaId, StepKey, StepName};
use serde_json::json;
use uuid::Uuid;
use worker_runtime::StepError;
use worker_runtime::ledger::{
    Ask, Barrier, Begun, Claim, Closing, Effect, Found, Ledger, LedgerKey, LedgerTransaction,
    MemoryLedger, Outcome, PostgresLedger, PostgresSettings, Recording, Stored, WorkerId, migrate,
};

use crate::config::postgres_url;

/// Short, so that tests of its end are quick; long against the time between two statements.
pub(crate) const LEASE: Duration = Duration::from_millis(600);

pub(crate) struct Subject {
    pub(crate) ledger: Arc<dyn Ledger>,
    effects: Effects,
    pub(crate) me: WorkerId,
    pub(crate) other: WorkerId,
    saga: SagaId,
}

enum Effects {
    Memory(Arc<AtomicI64>),
    Postgres(PostgresLedger),
}

impl Subject {
    pub(crate) fn memory() -> Self {
        let effects = Effects::Memory(Arc::new(AtomicI64::new(0)));
        Self::new(Arc::new(MemoryLedger::with_lease(LEASE)), effects)
    }

    pub(crate) async fn postgres() -> Self {
        let settings = PostgresSettings {
            schema: format!("test {}", Uuid::now_v7()),
            lease: LEASE,
            connections: 8,
            ..PostgresSettings::new(&postgres_url())
        };
        migrate(&settings).await.unwrap();
        let ledger = PostgresLedger::new(&settings).unwrap();
        let client = ledger.pool().get().await.unwrap();
        client
            .batch_execute("CREATE TABLE effects (saga_id uuid)")
            .await
            .unwrap();
        drop(client);
        Self::new(Arc::new(ledger.clone()), Effects::Postgres(ledger))
    }

    fn new(ledger: Arc<dyn Ledger>, effects: Effects) -> Self {
        Self {
            ledger,
            effects,
            me: WorkerId::new_run("me"),
            other: WorkerId::new_run("other"),
            saga: SagaId(Uuid::now_v7()),
        }
    }

    pub(crate) fn ask(&self, step: &str, effect: Effect) -> Ask {
        let work = StepKey::whole(StepName::new(step));
        Ask {
            key: LedgerKey {
                saga: self.saga,
                work,
                effect,
                round: 0,
            },
            attempt: 1,
        }
    }

    pub(crate) fn action(&self, step: &str) -> Ask {
        self.ask(step, Effect::Action)
    }

    pub(crate) fn barrier(&self, step: &str, is_certified: bool) -> Barrier {
        let output = is_certified.then(|| Arc::new(json!({ "done": true })));
        Barrier {
            action: self.action(step).key,
            attempt: 1,
            output,
        }
    }

    pub(crate) async fn claim(&self, worker: &WorkerId, ask: &Ask) -> Found {
        one(self
            .ledger
            .claim(worker, std::slice::from_ref(ask))
            .await
            .unwrap())
    }

    pub(crate) async fn close(
        &self,
        worker: &WorkerId,
        claim: Claim,
        outcome: Outcome,
    ) -> Recording {
        one(self
            .ledger
            .close(worker, &[Closing { claim, outcome }])
            .await
            .unwrap())
    }

    pub(crate) async fn bar(&self, barrier: Barrier) -> saga_core::delivery::Standing {
        one(self.ledger.bar(&self.me, &[barrier]).await.unwrap()).standing
    }

    pub(crate) async fn open(&self, ask: &Ask) -> Box<dyn LedgerTransaction> {
        match self.ledger.begin(&self.me, ask, None).await.unwrap() {
            Begun::Open(transaction) => transaction,
            other => panic!("the key is not free: {other:?}"),
        }
    }

    /// Has an effect, in the transaction.
    pub(crate) async fn take_effect(&self, transaction: &mut dyn LedgerTransaction) {
        match &self.effects {
            Effects::Memory(count) => {
                count.fetch_add(1, Ordering::SeqCst);
                let count = count.clone();
                transaction.memory().unwrap().on_rollback(move || {
                    count.fetch_sub(1, Ordering::SeqCst);
                });
            }
            Effects::Postgres(_) => {
                let client = transaction.postgres().unwrap();
                let sql = "INSERT INTO effects VALUES (gen_random_uuid())";
                assert_eq!(client.execute(sql, &[]).await.unwrap(), 1);
            }
        }
    }

    pub(crate) async fn effects(&self) -> i64 {
        match &self.effects {
            Effects::Memory(count) => count.load(Ordering::SeqCst),
            Effects::Postgres(ledger) => {
                let client = ledger.pool().get().await.unwrap();
                client
                    .query_one("SELECT count(*) FROM effects", &[])
                    .await
                    .unwrap()
                    .get(0)
            }
        }
    }
}

fn one<T>(mut many: Vec<T>) -> T {
    assert_eq!(many.len(), 1);
    many.remove(0)
}

pub(crate) fn done() -> Stored {
    Stored::Applied(Some(Arc::new(
        json!({ "done": true, "text": "zero \u{0} byte" }),
    )))
}

pub(crate) fn error() -> StepError {
    StepError {
        details: Some(json!([1, 2])),
        ..StepError::new("refused", "not today")
    }
}

pub(crate) fn claimed(found: Found) -> Claim {
    match found {
        Found::Fresh(claim) | Found::Interrupted(claim) => claim,
        other => panic!("not claimed: {other:?}"),
    }
}

pub(crate) fn stored(found: Found) -> Stored {
    match found {
        Found::Stored(stored, _) => stored,
        other => panic!("nothing is stored: {other:?}"),
    }
}

pub(crate) fn begun_stored(begun: Begun) -> Stored {
    match begun {
        Begun::Found(found) => stored(found),
        other => panic!("nothing is stored: {other:?}"),
    }
}
