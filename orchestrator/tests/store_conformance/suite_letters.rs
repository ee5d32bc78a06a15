//! What every store owes about dead letters.

use orchestrator::store::{
    Batch, Handling, LetterFilter, LetterSummary, PAGE_ROWS_MAX, SagaFilter, Store,
    StoredDeadLetter,
};
use saga_core::ids::SagaId;
use saga_core::operator::By;
use serde_json::json;
use uuid::Uuid;

use crate::sample::start;
use crate::stores::{Pair, commit};

fn letter(saga: Option<SagaId>, fingerprint: &str) -> StoredDeadLetter {
    StoredDeadLetter {
        id: Uuid::now_v7(),
        saga,
        queue: "amends.steps.p.pay".to_owned(),
        reason: "rejected".to_owned(),
        fingerprint: fingerprint.to_owned(),
        properties: json!({ "kind": "amends.command.v1" }),
        body: vec![0, 159, 146, 150],
    }
}

async fn keep(store: &dyn Store, letters: &[StoredDeadLetter]) {
    let batch = Batch {
        dead_letters: letters.to_vec(),
        ..Batch::default()
    };
    store.commit(&batch).await.unwrap();
}

fn all() -> LetterFilter {
    LetterFilter {
        limit: PAGE_ROWS_MAX,
        ..LetterFilter::default()
    }
}

fn by(who: &str) -> By {
    By {
        who: who.to_owned(),
        reason: "mended".to_owned(),
    }
}

async fn listed(store: &dyn Store, filter: &LetterFilter) -> Vec<Uuid> {
    let page = store.dead_letters(filter).await.unwrap();
    page.letters.iter().map(|letter| letter.id).collect()
}

pub(crate) async fn letters_are_listed_newest_first_by_what_they_are(Pair { a, b }: Pair) {
    let saga = a.new_saga_id();
    let (first, second) = (letter(Some(saga), "x"), letter(None, "y"));
    keep(&*a, std::slice::from_ref(&first)).await;
    keep(&*a, std::slice::from_ref(&second)).await;
    assert_eq!(listed(&*b, &all()).await, [second.id, first.id]);
    let of_saga = LetterFilter {
        saga: Some(saga),
        ..all()
    };
    assert_eq!(listed(&*b, &of_saga).await, [first.id]);
    let of_cause = LetterFilter {
        fingerprint: Some("y".to_owned()),
        ..all()
    };
    assert_eq!(listed(&*b, &of_cause).await, [second.id]);
    let newest = b.dead_letter(second.id).await.unwrap().unwrap();
    let since = LetterFilter {
        since: Some(newest.summary.received_at),
        ..all()
    };
    assert_eq!(listed(&*b, &since).await, [second.id]);
    let nowhere = LetterFilter {
        fingerprint: Some("zero \0 byte".to_owned()),
        ..all()
    };
    assert_eq!(listed(&*b, &nowhere).await, Vec::<Uuid>::new());
}

/// One commit keeps many at one time, and no page may lose or repeat any of them.
pub(crate) async fn letters_of_one_moment_have_pages(Pair { a, b }: Pair) {
    let letters: Vec<_> = (0..7).map(|_| letter(None, "x")).collect();
    keep(&*a, &letters).await;
    let whole = listed(&*b, &all()).await;
    assert_eq!(whole.len(), 7);
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let filter = LetterFilter {
            limit: 3,
            after,
            ..all()
        };
        let page = b.dead_letters(&filter).await.unwrap();
        paged.extend(page.letters.iter().map(|letter| letter.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(paged, whole);
    let unknown = LetterFilter {
        after: Some(Uuid::now_v7()),
        ..all()
    };
    assert_eq!(listed(&*b, &unknown).await, Vec::<Uuid>::new());
}

pub(crate) async fn a_letter_is_shown_as_it_came(Pair { a, b }: Pair) {
    let kept = letter(Some(a.new_saga_id()), "x");
    keep(&*a, std::slice::from_ref(&kept)).await;
    let shown = b.dead_letter(kept.id).await.unwrap().unwrap();
    let expected = LetterSummary {
        id: kept.id,
        received_at: shown.summary.received_at,
        saga: kept.saga,
        queue: kept.queue,
        fingerprint: kept.fingerprint,
        reason: kept.reason,
        body_bytes: 4,
        handled: None,
    };
    assert_eq!(shown.summary, expected);
    assert_eq!((shown.properties, shown.body), (kept.properties, kept.body));
    assert!(b.dead_letter(Uuid::now_v7()).await.unwrap().is_none());
}

pub(crate) async fn what_was_done_with_a_letter_first_stays(Pair { a, b }: Pair) {
    let (one, two) = (letter(None, "x"), letter(None, "x"));
    keep(&*a, &[one.clone(), two.clone()]).await;
    let (ada, bob) = (by("ada"), by("bob"));
    let done = a.handle_letter(one.id, Handling::Dropped, &ada).await;
    assert!(done.unwrap());
    let late = b.handle_letter(one.id, Handling::Replayed, &bob).await;
    assert!(!late.unwrap(), "somebody was there before");
    let nobody = b.handle_letter(Uuid::now_v7(), Handling::Dropped, &bob);
    assert!(!nobody.await.unwrap());
    let handled = b.dead_letter(one.id).await.unwrap().unwrap();
    let handled = handled.summary.handled.unwrap();
    assert_eq!((handled.how, handled.by), (Handling::Dropped, ada));
    assert_eq!(listed(&*b, &all()).await, [two.id]);
    let too = LetterFilter {
        handled_too: true,
        ..all()
    };
    assert_eq!(listed(&*b, &too).await.len(), 2);
    // The same message, delivered again after a crash, is known by its letter.
    keep(&*b, std::slice::from_ref(&one)).await;
    assert!(b.kept_letter(one.id).await.unwrap().is_some());
    assert_eq!(listed(&*a, &all()).await, [two.id]);
}

pub(crate) async fn open_letters_are_grouped_by_cause(Pair { a, b }: Pair) {
    let saga = a.new_saga_id();
    let same = [letter(Some(saga), "x"), letter(Some(saga), "x")];
    keep(&*a, &same).await;
    keep(&*a, &[letter(Some(a.new_saga_id()), "x")]).await;
    let last = letter(None, "y");
    keep(&*a, std::slice::from_ref(&last)).await;
    let groups = b.letter_groups(10).await.unwrap();
    let told: Vec<_> = groups
        .iter()
        .map(|it| (it.fingerprint.as_str(), it.letters, it.sagas))
        .collect();
    assert_eq!(told, [("y", 1, 0), ("x", 3, 2)]);
    assert!(groups[1].first_seen <= groups[1].last_seen);
    assert_eq!(b.letter_groups(1).await.unwrap().len(), 1);
    let done = b
        .handle_letter(last.id, Handling::Dropped, &by("ada"))
        .await;
    assert!(done.unwrap());
    let left = b.letter_groups(10).await.unwrap();
    assert_eq!(left.len(), 1, "{left:?}");
}

pub(crate) async fn sagas_are_found_by_their_open_letters(Pair { a, b }: Pair) {
    let first = commit(&*a, start(&*a)).await;
    let second = commit(&*a, start(&*a)).await;
    let stranger = commit(&*a, start(&*a)).await;
    let letters = [
        letter(Some(first.id), "x"),
        letter(Some(first.id), "x"),
        letter(Some(second.id), "x"),
        letter(Some(stranger.id), "y"),
    ];
    keep(&*a, &letters).await;
    let found = async |group: &str| {
        let filter = SagaFilter {
            letter_group: Some(group.to_owned()),
            limit: PAGE_ROWS_MAX,
            ..SagaFilter::default()
        };
        let page = b.list(&filter).await.unwrap();
        page.sagas
            .into_iter()
            .map(|saga| saga.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(found("x").await, [second.id, first.id]);
    assert_eq!(found("z").await, []);
    assert_eq!(found("\u{0}").await, []);
    for (place, left) in [(2, vec![first.id]), (0, vec![first.id]), (1, vec![])] {
        let by = by("ada");
        let done = a.handle_letter(letters[place].id, Handling::Dropped, &by);
        assert!(done.await.unwrap());
        assert_eq!(found("x").await, left);
    }
}
