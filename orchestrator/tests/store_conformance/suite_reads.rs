//! What every store owes to those who look: definitions, listings, counts.

use std::time::Duration;

use orchestrator::store::{PAGE_ROWS_MAX, Registration, SagaFilter, Store};
use saga_core::event::PauseCause;
use saga_core::ids::{SagaId, StepKey, StepName};
use saga_core::operator::By;
use saga_core::saga::{Phase, Status};
use saga_core::time::Timestamp;

use crate::sample::{advance, batch, close, definition, edit, reference, start, start_with_key};
use crate::stores::{Pair, assert_committed, commit, eventually, load, started};

pub(crate) async fn a_definition_never_changes(Pair { a, b }: Pair) {
    let text = definition("order", "1.0.0", "saga: order");
    assert_eq!(a.register(&text).await.unwrap(), Registration::Added);
    assert_eq!(b.register(&text).await.unwrap(), Registration::Unchanged);
    let other = definition("order", "1.0.0", "saga: order # changed");
    assert_eq!(b.register(&other).await.unwrap(), Registration::Conflict);
    let stored = b
        .definition(&reference("order", "1.0.0"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(stored.source, "saga: order");
    assert_eq!(stored.digest, text.digest);
    assert_eq!(stored.reference, text.reference);
    assert!(
        b.definition(&reference("order", "1.0.1"))
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        b.definition(&reference("refund", "1.0.0"))
            .await
            .unwrap()
            .is_none()
    );
}

pub(crate) async fn one_of_two_registrations_wins(Pair { a, b }: Pair) {
    let (one, two) = (
        definition("order", "2.0.0", "one"),
        definition("order", "2.0.0", "four"),
    );
    let (left, right) = tokio::join!(a.register(&one), b.register(&two));
    let mut outcomes = [left.unwrap(), right.unwrap()];
    outcomes.sort_by_key(|outcome| *outcome != Registration::Added);
    assert_eq!(outcomes, [Registration::Added, Registration::Conflict]);
}

pub(crate) async fn definitions_sort_by_name_and_version(Pair { a, .. }: Pair) {
    let versions = [
        "1.10.0",
        "1.9.0",
        "2.0.0",
        "2.0.0-rc.10",
        "2.0.0-rc.9",
        "10.0.0",
    ];
    for version in versions {
        a.register(&definition("order", version, version))
            .await
            .unwrap();
    }
    a.register(&definition("invoice", "3.0.0", "x"))
        .await
        .unwrap();
    let stored = a.definitions().await.unwrap();
    let names: Vec<String> = stored
        .iter()
        .map(|stored| stored.reference.to_string())
        .collect();
    let sorted = [
        "1.9.0",
        "1.10.0",
        "2.0.0-rc.9",
        "2.0.0-rc.10",
        "2.0.0",
        "10.0.0",
    ];
    let mut expected = vec!["invoice 3.0.0".to_owned()];
    expected.extend(sorted.map(|version| format!("order {version}")));
    assert_eq!(names, expected);
}

pub(crate) async fn a_retired_definition_says_so_until_it_is_taken_back(Pair { a, b }: Pair) {
    a.register(&definition("order", "1.0.0", "one"))
        .await
        .unwrap();
    a.register(&definition("order", "2.0.0", "two"))
        .await
        .unwrap();
    let (old, by) = (
        reference("order", "1.0.0"),
        By {
            who: "ada".to_owned(),
            reason: "it forgets the tax".to_owned(),
        },
    );
    assert!(!a.unretire(&old).await.unwrap(), "it is not retired");
    assert!(a.retire(&old, &by).await.unwrap());
    let other = By {
        who: "bob".to_owned(),
        ..by.clone()
    };
    assert!(
        !b.retire(&old, &other).await.unwrap(),
        "it is retired already"
    );
    assert!(!b.retire(&reference("order", "9.9.9"), &by).await.unwrap());
    let stored = b.definition(&old).await.unwrap().unwrap();
    assert_eq!(stored.retired.map(|retired| retired.by), Some(by));
    let all = b.definitions().await.unwrap();
    let retired: Vec<bool> = all.iter().map(|one| one.retired.is_some()).collect();
    assert_eq!(retired, [true, false]);
    assert!(b.unretire(&old).await.unwrap());
    let stored = a.definition(&old).await.unwrap().unwrap();
    assert_eq!(stored.retired, None);
}

pub(crate) async fn open_sagas_are_found_by_version(Pair { a, b }: Pair) {
    let first = started(&*a).await;
    let second = started(&*a).await;
    let ended = started(&*a).await;
    commit(&*a, close(&*a, &ended, Phase::Completed)).await;
    let mut other = start(&*a);
    edit(&mut other, |saga| {
        saga.definition = reference("order", "2.0.0")
    });
    let other = commit(&*a, other).await;
    let of = first.definition.clone();
    assert_eq!(b.open_sagas(&of, 10).await.unwrap(), [second.id, first.id]);
    assert_eq!(b.open_sagas(&of, 1).await.unwrap(), [second.id]);
    let newer = reference("order", "2.0.0");
    assert_eq!(b.open_sagas(&newer, 10).await.unwrap(), [other.id]);
    assert_eq!(
        b.open_sagas(&reference("order", "3.0.0"), 10)
            .await
            .unwrap(),
        []
    );
}

pub(crate) async fn a_saga_moves_to_another_version(Pair { a, b }: Pair) {
    let saga = commit(&*a, start_with_key(&*a, "k")).await;
    let stays = started(&*a).await;
    let newer = reference("order", "1.1.0-rc.1");
    let mut transition = advance(&*a, &saga);
    edit(&mut transition, |saga| saga.definition = newer.clone());
    let report = a.commit(&batch([transition, advance(&*a, &stays)])).await;
    assert_committed(&report.unwrap(), saga.id);
    let moved = load(&*b, saga.id).await;
    assert_eq!(moved.definition, newer);
    assert_eq!(load(&*b, stays.id).await.definition, stays.definition);
    assert_eq!(b.open_sagas(&newer, 10).await.unwrap(), [saga.id]);
    let filter = SagaFilter {
        key: Some("k".to_owned()),
        limit: 10,
        ..SagaFilter::default()
    };
    let listed = b.list(&filter).await.unwrap();
    assert_eq!(listed.sagas[0].definition, newer);
    assert_eq!(b.find_key("order", "k").await.unwrap(), Some(saga.id));
    commit(&*a, close(&*a, &moved, Phase::Completed)).await;
    assert_eq!(b.open_sagas(&newer, 10).await.unwrap(), []);
    assert_eq!(load(&*b, saga.id).await.definition, newer);
}

async fn ids(store: &dyn Store, filter: SagaFilter) -> Vec<SagaId> {
    let page = store
        .list(&SagaFilter {
            limit: PAGE_ROWS_MAX,
            ..filter
        })
        .await
        .unwrap();
    assert_eq!(page.next, None);
    page.sagas.into_iter().map(|saga| saga.id).collect()
}

pub(crate) async fn a_listing_since_some_time_goes_by_ids(Pair { a, b }: Pair) {
    let early = started(&*a).await;
    let begun = a.now();
    eventually!(a.now().since(begun) >= Duration::from_millis(2));
    let late = started(&*a).await;
    let since = |since| SagaFilter {
        since: Some(since),
        ..SagaFilter::default()
    };
    let hour = Duration::from_hours(1);
    let past = Timestamp::from_micros(begun.as_micros() - 3_600_000_000);
    assert_eq!(ids(&*b, since(past)).await, [late.id, early.id]);
    let between = begun.after(Duration::from_millis(1));
    assert_eq!(ids(&*b, since(between)).await, [late.id]);
    assert_eq!(ids(&*b, since(begun.after(hour))).await, []);
    // A child started as late, and has its parent's time.
    let mut child = start(&*a);
    let id = early.id.child(&StepKey::whole(StepName::new("charge")), 0);
    edit(&mut child, |saga| saga.id = id);
    commit(&*a, child).await;
    assert_eq!(ids(&*b, since(between)).await, [late.id]);
}

pub(crate) async fn a_listing_filters(Pair { a, b }: Pair) {
    let first = started(&*a).await;
    let keyed = commit(&*a, start_with_key(&*a, "order-7")).await;
    let mut labelled = start(&*a);
    edit(&mut labelled, |saga| {
        saga.labels.insert("region".to_owned(), "eu".to_owned());
        saga.labels.insert("tier".to_owned(), "gold".to_owned());
        saga.definition = reference("refund", "2.0.0");
    });
    let labelled = commit(&*a, labelled).await;
    let mut pausing = advance(&*a, &first);
    edit(&mut pausing, |saga| {
        saga.pause = Some(PauseCause::StepFailed(StepName::new("charge")));
    });
    let paused = commit(&*a, pausing).await;
    let closed = commit(&*a, close(&*a, &keyed, Phase::Completed)).await;

    let all = [labelled.id, closed.id, paused.id];
    assert_eq!(ids(&*b, SagaFilter::default()).await, all);
    let status = |status| SagaFilter {
        statuses: vec![status],
        ..SagaFilter::default()
    };
    assert_eq!(ids(&*b, status(Status::Paused)).await, [paused.id]);
    assert_eq!(ids(&*b, status(Status::Completed)).await, [closed.id]);
    assert_eq!(ids(&*b, status(Status::Running)).await, [labelled.id]);
    assert_eq!(ids(&*b, status(Status::Compensated)).await, []);
    let definition = SagaFilter {
        definition: Some("order".to_owned()),
        ..SagaFilter::default()
    };
    assert_eq!(ids(&*b, definition).await, [closed.id, paused.id]);
    let key = |key: &str| SagaFilter {
        key: Some(key.to_owned()),
        ..SagaFilter::default()
    };
    assert_eq!(ids(&*b, key("order-7")).await, [closed.id]);
    assert_eq!(ids(&*b, key("nul \u{0}")).await, []);
    let label = |name: &str, value: &str| SagaFilter {
        label: Some((name.to_owned(), value.to_owned())),
        ..SagaFilter::default()
    };
    assert_eq!(ids(&*b, label("region", "eu")).await, [labelled.id]);
    assert_eq!(ids(&*b, label("region", "us")).await, []);
    assert_eq!(ids(&*b, label("region", "\u{0}")).await, []);
    let both = SagaFilter {
        definition: Some("refund".to_owned()),
        ..status(Status::Completed)
    };
    assert_eq!(ids(&*b, both).await, []);

    let page = b
        .list(&SagaFilter {
            limit: 10,
            ..key("order-7")
        })
        .await
        .unwrap();
    let line = &page.sagas[0];
    assert_eq!(line.definition, closed.definition);
    assert_eq!(line.key.as_deref(), Some("order-7"));
    assert_eq!(line.status, Status::Completed);
    assert_eq!(
        (line.started_at, line.ended_at),
        (closed.started_at, closed.ended_at)
    );
}

pub(crate) async fn a_listing_filters_by_version_statuses_and_id(Pair { a, b }: Pair) {
    let running = started(&*a).await;
    let mut newer = start(&*a);
    edit(&mut newer, |saga| {
        saga.definition = reference("order", "2.0.0");
    });
    let newer = commit(&*a, newer).await;
    let mut pausing = advance(&*a, &newer);
    edit(&mut pausing, |saga| {
        saga.pause = Some(PauseCause::StepFailed(StepName::new("charge")));
    });
    let paused = commit(&*a, pausing).await;
    let closed = commit(&*a, close(&*a, &started(&*a).await, Phase::Completed)).await;

    let several = |statuses: &[Status]| SagaFilter {
        statuses: statuses.to_vec(),
        ..SagaFilter::default()
    };
    let open = several(&[Status::Running, Status::Paused]);
    assert_eq!(ids(&*b, open).await, [paused.id, running.id]);
    let ended = several(&[Status::Paused, Status::Completed]);
    assert_eq!(ids(&*b, ended).await, [closed.id, paused.id]);
    let version = |version: &str| SagaFilter {
        version: Some(version.to_owned()),
        ..SagaFilter::default()
    };
    assert_eq!(ids(&*b, version("2.0.0")).await, [paused.id]);
    assert_eq!(ids(&*b, version("9.9.9")).await, []);
    assert_eq!(ids(&*b, version("\u{0}")).await, []);
    let one = |id, status| SagaFilter {
        id: Some(id),
        ..several(&[status])
    };
    assert_eq!(ids(&*b, one(paused.id, Status::Paused)).await, [paused.id]);
    assert_eq!(ids(&*b, one(paused.id, Status::Running)).await, []);
}

pub(crate) async fn a_listing_has_pages(Pair { a, .. }: Pair) {
    let mut all = Vec::new();
    for _ in 0..7 {
        let saga = started(&*a).await;
        all.push(commit(&*a, advance(&*a, &saga)).await.id);
    }
    all.sort_unstable();
    all.reverse();
    let mut seen = Vec::new();
    let mut filter = SagaFilter {
        limit: 3,
        ..SagaFilter::default()
    };
    loop {
        let page = a.list(&filter).await.unwrap();
        seen.extend(page.sagas.iter().map(|saga| saga.id));
        let states = a.list_states(&filter).await.unwrap();
        assert_eq!(states.next, page.next);
        assert_eq!(states.sagas.len(), page.sagas.len());
        for (state, line) in states.sagas.iter().zip(&page.sagas) {
            assert_eq!(line.id, state.id);
            assert_eq!(*state, load(&*a, state.id).await);
        }
        if page.next.is_none() {
            break;
        }
        assert_eq!(page.next, seen.last().copied());
        filter.before = page.next;
    }
    assert_eq!(seen, all);
    let exact = a
        .list(&SagaFilter {
            limit: 7,
            ..SagaFilter::default()
        })
        .await
        .unwrap();
    assert_eq!((exact.sagas.len(), exact.next), (7, None));
}

pub(crate) async fn open_sagas_are_counted(Pair { a, b }: Pair) {
    assert_eq!(a.open_counts().await.unwrap(), []);
    let one = started(&*a).await;
    started(&*a).await;
    let stuck = started(&*a).await;
    commit(&*a, close(&*a, &one, Phase::Terminated)).await;
    let mut failing = advance(&*a, &stuck);
    edit(&mut failing, |saga| saga.phase = Phase::CompensationFailed);
    commit(&*a, failing).await;
    let expected = [(Status::Running, 1), (Status::CompensationFailed, 1)];
    assert_eq!(b.open_counts().await.unwrap(), expected);
    b.ping().await.unwrap();
}
