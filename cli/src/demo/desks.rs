//! The operations outside: services with an interface and records of their own.

use async_trait::async_trait;
use serde_json::{Value, json};
use worker_runtime::{Answer, Call, Handler, Resolution};

use super::answers::text;
use super::books::{Books, is_void};
use super::shelf::{Desk, VOID};

/// Something that stumbles works from this attempt on.
const STUMBLES_UNTIL_ATTEMPT: u32 = 3;

/// One operation of a service outside. The service honours the idempotency key, and can be asked
/// what became of one.
pub(super) struct DeskHandler {
    pub(super) books: Books,
    pub(super) desk: Desk,
    /// What the service calls it.
    pub(super) kind: &'static str,
    /// Where the input says what it is about.
    pub(super) about: &'static str,
    /// The name of the output's one field, and what its value starts with.
    pub(super) output: (&'static str, &'static str),
    /// What makes it refuse: a place in the input, how the text there starts, and the code.
    pub(super) refuses: Option<(&'static str, &'static str, &'static str)>,
    /// What makes its first attempts fail: a place in the input, and how the text there starts.
    pub(super) stumbles: Option<(&'static str, &'static str)>,
}

#[async_trait]
impl Handler for DeskHandler {
    async fn run(&self, call: &Call) -> Answer {
        self.act(call).await.unwrap_or_else(|answer| answer)
    }

    async fn resolve(&self, call: &Call) -> Resolution {
        let reference = text(call, self.about).unwrap_or_default();
        // The record of a key that was never acted on makes sure that it never will be.
        match self.books.record(self.desk, call, VOID, reference).await {
            Ok(kind) if is_void(&kind) => Resolution::Never,
            Ok(_acted) => Resolution::Done(self.output(call)),
            Err(_unavailable) => Resolution::Unknown,
        }
    }
}

impl DeskHandler {
    async fn act(&self, call: &Call) -> Result<Answer, Answer> {
        let reference = text(call, self.about)?;
        if let Some((place, start, code)) = self.refuses
            && let Ok(found) = text(call, place)
            && found.starts_with(start)
        {
            return Err(Answer::fail(code, format!("refused: {found}")));
        }
        if let Some((place, start)) = self.stumbles
            && text(call, place)?.starts_with(start)
            && call.attempt < STUMBLES_UNTIL_ATTEMPT
        {
            return Err(Answer::retry("busy", "the service is busy"));
        }
        let kind = self
            .books
            .record(self.desk, call, self.kind, reference)
            .await?;
        if is_void(&kind) {
            return Err(Answer::fail(
                "void",
                "this key was declared never to have been used",
            ));
        }
        Ok(Answer::Done(self.output(call)))
    }

    /// The same on every call with the same key.
    fn output(&self, call: &Call) -> Value {
        let (name, start) = self.output;
        let value = match call.element {
            0 => format!("{start}-{}", call.saga),
            element => format!("{start}-{}-{element}", call.saga),
        };
        json!({ name: value })
    }
}
