//! What every store owes about tokens and the audit log.

use std::slice::from_ref;
use std::time::Duration;

use futures_util::future::join_all;
use orchestrator::audit::{AuditEntry, AuditFilter, AuditRecord, Chain, Phase, Standing};
use orchestrator::auth::{ApiToken, Role, TokenSecret};
use orchestrator::store::Store;
use uuid::Uuid;

use crate::stores::Pair;

/// A record with everything in it.
pub(crate) fn entry(store: &dyn Store, who: &str, phase: Phase) -> AuditEntry {
    AuditEntry {
        at: store.now(),
        request: "request-1".to_owned(),
        answers: None,
        phase,
        who: who.to_owned(),
        on_behalf_of: Some("bob".to_owned()),
        role: "operator".to_owned(),
        verb: "saga.cancel".to_owned(),
        target: "a target".to_owned(),
        saga: Some(store.new_saga_id()),
        reason: Some("because".to_owned()),
        before: Some(Standing {
            state: "running".to_owned(),
            version: Some(3),
        }),
        after: Some(Standing {
            state: "gone".to_owned(),
            version: None,
        }),
        detail: Some("and so on".to_owned()),
    }
}

pub(crate) async fn whole(store: &dyn Store) -> Vec<AuditRecord> {
    store.audit_chain(0, 1000).await.unwrap()
}

pub(crate) fn follow(records: &[AuditRecord]) -> Chain {
    let mut chain = Chain::default();
    for record in records {
        chain.follow(record).unwrap();
    }
    chain
}

pub(crate) async fn records_are_chained_and_read_back_as_they_were(Pair { a, b }: Pair) {
    assert_eq!(whole(&*a).await, []);
    let full = entry(&*a, "alice", Phase::Asked);
    let bare = AuditEntry {
        answers: Some(1),
        on_behalf_of: None,
        saga: None,
        reason: None,
        before: None,
        after: None,
        detail: None,
        ..entry(&*a, "alice", Phase::Denied)
    };
    let first = a.append_audit(from_ref(&full)).await.unwrap();
    let more = [bare.clone(), full.clone()];
    let second = b.append_audit(&more).await.unwrap();
    assert_eq!(a.append_audit(&[]).await.unwrap(), []);
    let stored = whole(&*a).await;
    assert_eq!(stored, [first, second].concat());
    let entries: Vec<_> = stored.iter().map(|record| &record.entry).collect();
    assert_eq!(entries, [&full, &bare, &full]);
    assert_eq!(follow(&stored).records, 3);
    let page = b.audit_chain(1, 1).await.unwrap();
    assert_eq!(page, [stored[1].clone()]);
    assert_eq!(b.audit_chain(3, 10).await.unwrap(), []);
}

pub(crate) async fn appending_at_once_makes_one_chain(Pair { a, b }: Pair) {
    let appends = (0..30).map(|number| {
        let store = if number % 2 == 0 { &a } else { &b };
        async move {
            let who = format!("w{number}");
            let pair = [
                entry(&**store, &who, Phase::Asked),
                entry(&**store, &who, Phase::Done),
            ];
            store.append_audit(&pair).await.unwrap()
        }
    });
    let written = join_all(appends).await;
    let stored = whole(&*a).await;
    assert_eq!(follow(&stored).records, 60);
    for pair in written {
        let at = usize::try_from(pair[0].seq).unwrap() - 1;
        assert_eq!(pair, stored[at..at + 2], "they stay together");
    }
}

pub(crate) async fn the_log_is_listed_newest_first_by_what_it_says(Pair { a, b }: Pair) {
    let asked = entry(&*a, "alice", Phase::Asked);
    a.append_audit(from_ref(&asked)).await.unwrap();
    let done = AuditEntry {
        answers: Some(1),
        ..entry(&*a, "alice", Phase::Done)
    };
    let denied = AuditEntry {
        verb: "saga.terminate".to_owned(),
        ..entry(&*a, "carol", Phase::Denied)
    };
    let unanswered = entry(&*a, "dave", Phase::Asked);
    a.append_audit(&[done.clone(), denied.clone(), unanswered.clone()])
        .await
        .unwrap();
    let page = |filter: AuditFilter| {
        let store = &b;
        async move {
            let page = store.audit(&filter).await.unwrap();
            let seqs: Vec<u64> = page.records.iter().map(|it| it.seq).collect();
            (seqs, page.next)
        }
    };
    let filter = || AuditFilter {
        limit: 10,
        ..AuditFilter::default()
    };
    // What was asked and answered shows as its answer only.
    assert_eq!(page(filter()).await, (vec![4, 3, 2], None));
    let all = AuditFilter {
        all: true,
        ..filter()
    };
    assert_eq!(page(all.clone()).await, (vec![4, 3, 2, 1], None));
    let by = |who: &str| AuditFilter {
        who: Some(who.to_owned()),
        ..filter()
    };
    assert_eq!(page(by("alice")).await, (vec![2], None));
    assert_eq!(page(by("nobody")).await, (vec![], None));
    assert_eq!(page(by("a\0")).await, (vec![], None));
    let verb = AuditFilter {
        verb: Some("saga.terminate".to_owned()),
        ..filter()
    };
    assert_eq!(page(verb).await, (vec![3], None));
    let saga = AuditFilter {
        saga: unanswered.saga,
        ..filter()
    };
    assert_eq!(page(saga).await, (vec![4], None));
    let since = AuditFilter {
        since: Some(denied.at),
        ..filter()
    };
    assert_eq!(page(since).await, (vec![4, 3], None));
    let later = AuditFilter {
        since: Some(b.now().after(Duration::from_secs(60))),
        ..filter()
    };
    assert_eq!(page(later).await, (vec![], None));
    let first = AuditFilter { limit: 3, ..all };
    assert_eq!(page(first.clone()).await, (vec![4, 3, 2], Some(2)));
    let second = AuditFilter {
        before: Some(2),
        ..first
    };
    assert_eq!(page(second).await, (vec![1], None));
}

fn token(store: &dyn Store, name: &str, role: Role) -> ApiToken {
    ApiToken {
        id: Uuid::now_v7(),
        name: name.to_owned(),
        role,
        hash: TokenSecret::generate().unwrap().hash(),
        created_at: store.now(),
        expires_at: Some(store.now().after(Duration::from_secs(60))),
        revoked_at: None,
    }
}

pub(crate) async fn a_token_is_kept_until_it_is_revoked(Pair { a, b }: Pair) {
    let first = token(&*a, "ci", Role::Operator);
    assert!(a.add_api_token(&first).await.unwrap());
    let rival = token(&*a, "ci", Role::Admin);
    assert!(!b.add_api_token(&rival).await.unwrap(), "the name is taken");
    let other = ApiToken {
        expires_at: None,
        ..token(&*a, "people", Role::Viewer)
    };
    assert!(b.add_api_token(&other).await.unwrap());
    assert_eq!(
        a.api_tokens().await.unwrap(),
        [other.clone(), first.clone()]
    );

    assert!(!a.revoke_api_token("nobody").await.unwrap());
    assert!(!a.revoke_api_token("\0").await.unwrap());
    let before = b.now();
    assert!(b.revoke_api_token("ci").await.unwrap());
    assert!(
        !a.revoke_api_token("ci").await.unwrap(),
        "it is done already"
    );
    let tokens = a.api_tokens().await.unwrap();
    assert_eq!(tokens[0], other);
    assert_eq!(tokens[1].hash, first.hash);
    assert!(tokens[1].revoked_at.unwrap() >= before);
    // Its name is free for its successor.
    assert!(a.add_api_token(&rival).await.unwrap());
    let roles: Vec<_> = b.api_tokens().await.unwrap();
    let roles: Vec<_> = roles.iter().map(|it| it.role).collect();
    // The successor was made before the other, and what is revoked comes last.
    assert_eq!(roles, [Role::Viewer, Role::Admin, Role::Operator]);
}
