//! `amends token`: who may use the API, on the database itself. Who can write there is above the API
//! in any case, and nobody who has stolen a token can make others.

use std::sync::Arc;

use orchestrator::audit::{AuditEntry, Phase, Scribe};
use orchestrator::auth::{API_TOKENS_MAX, ApiToken, TOKEN_NAME_BYTES_MAX, TokenSecret};
use orchestrator::store::{Store, StoreError};
use saga_core::time::Timestamp;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::failure::{Failure, Kind, Outcome};
use crate::security_args::{
    CreateArgs, RevokeArgs, TokenCommand, TokenDatabaseArgs, TokenSignatureArgs,
};
use crate::{clock, config, connections, output};

/// In the audit log: they need no role here.
const ROLE: &str = "database";

/// Makes, lists and revokes tokens.
pub async fn token(command: &TokenCommand) -> Outcome {
    match command {
        TokenCommand::Create(args) => create(args).await,
        TokenCommand::List(args) => list(args).await,
        TokenCommand::Revoke(args) => revoke(args).await,
    }
}

/// A token as it is listed.
#[derive(Debug, Serialize)]
struct TokenRow<'a> {
    name: &'a str,
    role: &'static str,
    state: &'static str,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Timestamp>,
    /// Only of one that was made just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
}

impl<'a> TokenRow<'a> {
    fn of(token: &'a ApiToken, now: Timestamp) -> Self {
        let expired = token.expires_at.is_some_and(|at| at <= now);
        Self {
            name: &token.name,
            role: token.role.as_str(),
            state: match token.revoked_at {
                Some(_) => "revoked",
                None if expired => "expired",
                None => "good",
            },
            created_at: token.created_at,
            expires_at: token.expires_at,
            revoked_at: token.revoked_at,
            token: None,
        }
    }
}

async fn create(args: &CreateArgs) -> Outcome {
    let named = 1..=TOKEN_NAME_BYTES_MAX;
    if !named.contains(&args.name.len()) || args.name.chars().any(char::is_control) {
        let message =
            format!("a token's name has 1 to {TOKEN_NAME_BYTES_MAX} bytes, all of them to be seen");
        return Err(Failure::new(Kind::Usage, message));
    }
    let lives = args.expires.as_deref();
    let lives = lives
        .map(|text| clock::span("--expires", text))
        .transpose()?;
    let store = open(&args.signed.database).await?;
    let live = tokens(&*store).await?.into_iter();
    let live = live.filter(|token| token.revoked_at.is_none()).count();
    if live >= usize::try_from(API_TOKENS_MAX).unwrap_or(usize::MAX) {
        let message = format!("there are {API_TOKENS_MAX} tokens, and no more may be");
        return Err(Failure::new(Kind::Refused, message).help("revoke some: amends token list"));
    }
    let secret = TokenSecret::generate()
        .map_err(|error| Failure::because("no token can be made", &error))?;
    let now = store.now();
    let token = ApiToken {
        id: Uuid::now_v7(),
        name: args.name.clone(),
        role: args.role,
        hash: secret.hash(),
        created_at: now,
        expires_at: lives.map(|span| now.after(span)),
        revoked_at: None,
    };
    let record = Record::begin(&store, "token.create", &args.name, &args.signed).await?;
    let added = store.add_api_token(&token).await;
    let detail = format!("role {}", token.role);
    record.end(added.as_ref().ok().copied(), &detail).await?;
    if !added.map_err(|error| Failure::because("the token cannot be kept", &error))? {
        let message = format!("there is a token `{}` already", args.name);
        let help = "revoke it, or choose another name: amends token list";
        return Err(Failure::new(Kind::Refused, message).help(help));
    }
    let row = TokenRow {
        token: Some(secret.reveal()),
        ..TokenRow::of(&token, now)
    };
    output::document(args.signed.database.output, &row, |_| {
        format!("{}\n", secret.reveal())
    })
}

async fn list(args: &TokenDatabaseArgs) -> Outcome {
    let store = open(args).await?;
    let tokens = tokens(&*store).await?;
    let now = store.now();
    let rows: Vec<TokenRow<'_>> = tokens.iter().map(|it| TokenRow::of(it, now)).collect();
    output::list(args.output, &rows, |wide| told(&rows, wide))
}

fn told(rows: &[TokenRow<'_>], wide: bool) -> String {
    if rows.is_empty() {
        return "no tokens\n".to_owned();
    }
    let at = |at: Timestamp| {
        let text = at.to_string();
        let shown = if wide { 19 } else { 10 };
        text.get(..shown).unwrap_or(&text).replace('T', " ")
    };
    let cells = rows.iter().map(|row| {
        let mut cells = vec![
            row.role.to_owned(),
            row.state.to_owned(),
            at(row.created_at),
            row.expires_at.map_or_else(|| "-".to_owned(), at),
        ];
        if wide {
            cells.push(row.revoked_at.map_or_else(|| "-".to_owned(), at));
        }
        cells.push(row.name.to_owned());
        cells
    });
    let head: &[&str] = if wide {
        &["ROLE", "STATE", "CREATED", "EXPIRES", "REVOKED", "NAME"]
    } else {
        &["ROLE", "STATE", "CREATED", "EXPIRES", "NAME"]
    };
    output::table(head, &cells.collect::<Vec<_>>())
}

async fn revoke(args: &RevokeArgs) -> Outcome {
    let store = open(&args.signed.database).await?;
    let record = Record::begin(&store, "token.revoke", &args.name, &args.signed).await?;
    let revoked = store.revoke_api_token(&args.name).await;
    record.end(revoked.as_ref().ok().copied(), "").await?;
    if !revoked.map_err(|error| Failure::because("the token cannot be revoked", &error))? {
        let message = format!("there is no token `{}` that counts", args.name);
        return Err(Failure::new(Kind::NotFound, message).help("see amends token list"));
    }
    let view = json!({ "name": args.name, "state": "revoked" });
    output::document(args.signed.database.output, &view, |_| {
        format!("`{}` counts no more\n", args.name)
    })
}

async fn open(args: &TokenDatabaseArgs) -> Result<Arc<dyn Store>, Failure> {
    let settings = config::read(args.config.as_deref())?;
    connections::store(&settings).await
}

async fn tokens(store: &dyn Store) -> Result<Vec<ApiToken>, Failure> {
    let tokens = store.api_tokens().await;
    tokens.map_err(|error| Failure::because("the tokens cannot be read", &error))
}

/// What stands in the audit log about one of these commands: that it was asked, then what came of it.
struct Record {
    scribe: Scribe,
    asked: AuditEntry,
    seq: u64,
    store: Arc<dyn Store>,
}

impl Record {
    async fn begin(
        store: &Arc<dyn Store>,
        verb: &str,
        name: &str,
        signed: &TokenSignatureArgs,
    ) -> Result<Self, Failure> {
        let scribe = Scribe::start(Arc::clone(store));
        let asked = AuditEntry {
            at: store.now(),
            request: Uuid::now_v7().to_string(),
            answers: None,
            phase: Phase::Asked,
            who: signed.who.clone(),
            on_behalf_of: None,
            role: ROLE.to_owned(),
            verb: verb.to_owned(),
            target: name.to_owned(),
            saga: None,
            reason: signed.reason.clone(),
            before: None,
            after: None,
            detail: None,
        };
        let written = scribe
            .write(asked.clone())
            .await
            .map_err(|error| unwritten(&error))?;
        Ok(Self {
            scribe,
            asked,
            seq: written.seq,
            store: Arc::clone(store),
        })
    }

    /// `done` is nothing when it is not known.
    async fn end(self, done: Option<bool>, detail: &str) -> Outcome {
        let phase = match done {
            Some(true) => Phase::Done,
            Some(false) => Phase::Refused,
            None => Phase::Failed,
        };
        let entry = AuditEntry {
            at: self.store.now(),
            answers: Some(self.seq),
            phase,
            detail: Some(detail.to_owned()).filter(|detail| !detail.is_empty()),
            ..self.asked
        };
        self.scribe
            .write(entry)
            .await
            .map_err(|error| unwritten(&error))?;
        Ok(())
    }
}

fn unwritten(error: &StoreError) -> Failure {
    Failure::because("the audit log cannot be written", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_listed_with_what_they_still_are_good_for() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let token = |name: &str, expires: Option<&str>, revoked: Option<&str>| ApiToken {
            id: Uuid::nil(),
            name: name.to_owned(),
            role: orchestrator::auth::Role::Operator,
            hash: TokenSecret::generate().unwrap().hash(),
            created_at: at("2026-01-01T10:20:30Z"),
            expires_at: expires.map(at),
            revoked_at: revoked.map(at),
        };
        let tokens = [
            token("deploys", None, None),
            token("olga", Some("2026-02-01T00:00:00Z"), None),
            token("eve", None, Some("2026-01-02T03:04:05Z")),
        ];
        let now = at("2026-03-01T00:00:00Z");
        let rows: Vec<TokenRow<'_>> = tokens.iter().map(|it| TokenRow::of(it, now)).collect();
        assert_eq!(
            told(&rows, false),
            "ROLE      STATE    CREATED     EXPIRES     NAME\n\
             operator  good     2026-01-01  -           deploys\n\
             operator  expired  2026-01-01  2026-02-01  olga\n\
             operator  revoked  2026-01-01  -           eve\n"
        );
        let wide = told(&rows, true);
        assert!(
            wide.contains("2026-01-01 10:20:30  -                    2026-01-02 03:04:05  eve"),
            "{wide}"
        );
        assert_eq!(told(&[], false), "no tokens\n");
    }
}
