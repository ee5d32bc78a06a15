//! Writes the audit log: one at a time in this process, all that waits at once.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::entry::{AuditEntry, AuditRecord};
use crate::store::{Store, StoreError};

/// Entries that wait to be written; more make their verbs wait.
const WAITING_MAX: usize = 256;

/// Rows that are written at once.
const ROWS_MAX: usize = 64;

type Answer = oneshot::Sender<Result<AuditRecord, StoreError>>;

/// The way to the audit log. Clones lead to the same one.
///
/// Each process has one writer, so that its own verbs do not race each other for the end of the
/// chain. It ends when the last clone is gone.
#[derive(Debug, Clone)]
pub struct Scribe {
    entries: mpsc::Sender<(AuditEntry, Answer)>,
}

impl Scribe {
    /// Starts the writer.
    #[must_use]
    pub fn start(store: Arc<dyn Store>) -> Self {
        let (entries, waiting) = mpsc::channel(WAITING_MAX);
        tokio::spawn(write(store, waiting));
        Self { entries }
    }

    /// Writes an entry down and waits until it is on disk.
    ///
    /// # Errors
    /// It may not be on disk.
    pub async fn write(&self, entry: AuditEntry) -> Result<AuditRecord, StoreError> {
        let (tell, told) = oneshot::channel();
        let gone = || unavailable("its writer has ended");
        let sent = self.entries.send((entry.fitted(), tell)).await;
        sent.map_err(|_| gone())?;
        told.await.map_err(|_| gone())?
    }
}

async fn write(store: Arc<dyn Store>, mut waiting: mpsc::Receiver<(AuditEntry, Answer)>) {
    let mut some = Vec::with_capacity(ROWS_MAX);
    while waiting.recv_many(&mut some, ROWS_MAX).await > 0 {
        let (entries, answers): (Vec<AuditEntry>, Vec<Answer>) = some.drain(..).unzip();
        let written = store.append_audit(&entries).await;
        let mut records = written.map(Vec::into_iter);
        for answer in answers {
            let one = match &mut records {
                Ok(records) => records
                    .next()
                    .ok_or_else(|| unavailable("a row is missing")),
                Err(error) => Err(unavailable(&crate::chain(error))),
            };
            let _nobody_waits_any_more = answer.send(one);
        }
    }
}

fn unavailable(why: &str) -> StoreError {
    StoreError::Unavailable {
        operation: "write the audit log",
        source: why.into(),
    }
}
