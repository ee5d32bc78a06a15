//! Handlers that do what the input says.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::Notify;
use worker_runtime::ledger::LedgerTransaction;
use worker_runtime::{
    Answer, Call, Handler, Operation, OperationSettings, Repeat, Resolution, StepError,
    TransactionalHandler,
};

/// Counts its calls and its lasting effects.
#[derive(Clone, Default)]
pub(crate) struct Obedient {
    pub(crate) calls: Arc<AtomicU32>,
    pub(crate) effects: Arc<AtomicU32>,
    pub(crate) began: Arc<Notify>,
    pub(crate) go_on: Arc<Notify>,
    /// What it says of itself in its outputs.
    pub(crate) name: &'static str,
}

impl Obedient {
    pub(crate) fn calls(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }

    pub(crate) fn effects(&self) -> u32 {
        self.effects.load(Ordering::SeqCst)
    }

    pub(crate) fn outside(&self, repeat: Repeat) -> Operation {
        let settings = OperationSettings {
            repeat,
            ..OperationSettings::default()
        };
        Operation::outside(self.clone(), settings)
    }

    /// The same with other settings.
    pub(crate) fn with(&self, settings: OperationSettings) -> Operation {
        Operation::outside(self.clone(), settings)
    }

    pub(crate) fn transactional(&self) -> Operation {
        Operation::transactional(self.clone(), OperationSettings::default())
    }

    async fn obey(&self, call: &Call) -> Answer {
        let calls = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        self.began.notify_one();
        match call.input["do"].as_str() {
            Some("fail") => Answer::fail("refused", "as told"),
            Some("retry") if call.attempt == 1 => Answer::Retry {
                error: StepError::new("again", "as told"),
                after: Some(Duration::from_secs(7)),
            },
            Some("panic") => panic!("as told"),
            Some("break") => Answer::retry("broken", "as told"),
            Some("hang") => std::future::pending().await,
            Some("report") => {
                call.heartbeat(json!({ "half": true }));
                self.go_on.notified().await;
                Answer::Done(json!({ "call": calls }))
            }
            Some("beat") => {
                for beat in 0..20 {
                    call.heartbeat(json!({ "beat": beat }));
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Answer::Done(json!({ "call": calls }))
            }
            Some("wait") => {
                self.go_on.notified().await;
                Answer::Done(json!({ "call": calls, "by": self.name }))
            }
            Some("much") => Answer::Done(Value::String("x".repeat(2 * 1024 * 1024))),
            _ => Answer::Done(json!({ "call": calls, "key": call.idempotency_key })),
        }
    }
}

#[async_trait]
impl Handler for Obedient {
    async fn run(&self, call: &Call) -> Answer {
        self.effects.fetch_add(1, Ordering::SeqCst);
        self.obey(call).await
    }

    async fn resolve(&self, call: &Call) -> Resolution {
        match call.input["resolve"].as_str() {
            Some("done") => Resolution::Done(json!("found")),
            Some("never") => Resolution::Never,
            _ => Resolution::Unknown,
        }
    }
}

#[async_trait]
impl TransactionalHandler for Obedient {
    async fn run(&self, call: &Call, transaction: &mut dyn LedgerTransaction) -> Answer {
        // On PostgreSQL the effect is a row, which comes and goes with the transaction.
        if let Some(client) = transaction.postgres() {
            let row = "INSERT INTO effects VALUES (gen_random_uuid())";
            if let Err(error) = client.execute(row, &[]).await {
                return Answer::retry("database", error.to_string());
            }
        } else if let Some(memory) = transaction.memory() {
            self.effects.fetch_add(1, Ordering::SeqCst);
            let effects = self.effects.clone();
            memory.on_rollback(move || {
                effects.fetch_sub(1, Ordering::SeqCst);
            });
        }
        self.obey(call).await
    }
}
