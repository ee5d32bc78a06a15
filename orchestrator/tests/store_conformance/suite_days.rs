//! Days: what can be dropped, and what keeps it.

use std::sync::Arc;
use std::time::Duration;

use orchestrator::retention::{Fate, Mode, pass};
use orchestrator::store::{Day, Handling, Store, StoredDay, Transition};
use saga_core::ids::{SagaId, StepKey};
use saga_core::operator::By;
use saga_core::saga::{Phase, Saga};
use saga_core::time::Timestamp;
use uuid::Uuid;

use crate::sample::{self, edit};
use crate::stores::{Pair, assert_key_taken, commit, confirmed};

/// Sagas of these tests are that old.
const AGE: Duration = Duration::from_hours(24 * 40);

/// Sagas are kept for that long, so those of these tests are beyond it once they are closed.
const KEEP: Duration = Duration::from_hours(24 * 30);

/// That long ago.
pub(crate) fn ago(store: &dyn Store, age: Duration) -> Timestamp {
    let age = i64::try_from(age.as_micros()).unwrap();
    Timestamp::from_micros(store.now().as_micros() - age)
}

/// An id of that time.
pub(crate) fn id_at(at: Timestamp) -> SagaId {
    let millis = u64::try_from(at.as_micros() / 1000).unwrap();
    let random = Uuid::now_v7().into_bytes();
    let tail: [u8; 10] = random[6..].try_into().unwrap();
    SagaId(uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid())
}

/// A start of [`AGE`] ago.
fn old_start(store: &dyn Store, key: Option<&str>) -> Transition {
    let mut transition = match key {
        Some(key) => sample::start_with_key(store, key),
        None => sample::start(store),
    };
    let at = ago(store, AGE);
    edit(&mut transition, |saga| {
        saga.id = id_at(at);
        saga.started_at = at;
    });
    transition
}

/// The saga ended that long ago.
async fn close(store: &dyn Store, saga: &Saga, ago_it_ended: Duration) {
    let mut transition = sample::close(store, saga, Phase::Completed);
    let at = ago(store, ago_it_ended);
    edit(&mut transition, |saga| saga.ended_at = Some(at));
    commit(store, transition).await;
}

/// The one day that is older than [`KEEP`].
async fn old_day(store: &dyn Store) -> Option<StoredDay> {
    let mut days = store.days(ago(store, KEEP)).await.unwrap();
    days.retain(|day| day.sagas.is_some_and(|sagas| sagas.all > 0));
    assert!(days.len() <= 1, "{days:?}");
    days.pop()
}

/// What a pass does with the day of this saga.
async fn fate(store: &dyn Store, saga: SagaId, mode: Mode) -> Fate {
    let all = store.days(ago(store, KEEP)).await.unwrap();
    let place = all
        .iter()
        .position(|one| (one.day.first..one.day.beyond).contains(&saga))
        .expect("its day");
    let reports = pass(store, Some(KEEP), mode).await.unwrap();
    reports[place].fate
}

async fn opened(store: &dyn Store) {
    store.open_days(store.now()).await.unwrap();
}

pub(crate) async fn a_day_goes_with_everything_of_its_sagas(pair: Pair) {
    let (store, other) = (&*pair.a, &*pair.b);
    let saga = commit(store, old_start(store, Some("k1"))).await;
    let letter = sample::dead_letter(Some(saga.id), "dropped by hand");
    let (kept, lost) = (
        sample::dead_letter(Some(saga.id), "still to do").id,
        letter.id,
    );
    let mut open = sample::dead_letter(Some(saga.id), "still to do");
    open.id = kept;
    let letters = orchestrator::store::Batch {
        dead_letters: vec![letter, open],
        ..Default::default()
    };
    store.commit(&letters).await.unwrap();
    let by = By {
        who: "ada".to_owned(),
        reason: "a test".to_owned(),
    };
    assert!(
        store
            .handle_letter(lost, Handling::Dropped, &by)
            .await
            .unwrap()
    );
    close(store, &saga, KEEP + Duration::from_hours(1)).await;
    let young = commit(store, sample::start_with_key(store, "k2")).await;
    opened(store).await;

    let day = old_day(other).await.unwrap();
    assert!((day.day.first..day.day.beyond).contains(&saga.id));
    assert_eq!(fate(store, saga.id, Mode::Look).await, Fate::WouldDrop);
    assert_eq!(
        store.load(&[saga.id]).await.unwrap().0.len(),
        1,
        "only looked"
    );
    assert_eq!(fate(store, saga.id, Mode::Drop).await, Fate::Dropped);

    assert_eq!(other.load(&[saga.id]).await.unwrap().0, []);
    assert_eq!(other.history(saga.id, 0, 10).await.unwrap(), []);
    assert!(other.values(saga.id).await.unwrap().is_empty());
    assert_eq!(other.find_key("order", "k1").await.unwrap(), None);
    assert!(other.dead_letter(lost).await.unwrap().is_none());
    assert!(other.dead_letter(kept).await.unwrap().is_some());
    assert_eq!(old_day(other).await, None);
    // The others are as they were, and the key starts a saga again.
    assert_eq!(other.history(young.id, 0, 10).await.unwrap().len(), 1);
    let again = sample::start_with_key(store, "k2");
    let report = store.commit(&sample::batch([again.clone()])).await.unwrap();
    assert_key_taken(&report, again.saga.id, young.id);
    commit(store, sample::start_with_key(store, "k1")).await;
}

pub(crate) async fn handled_letters_without_a_saga_are_forgotten(pair: Pair) {
    let store = &*pair.a;
    let saga = commit(store, sample::start(store)).await;
    let nobody = id_at(ago(store, AGE));
    let letters = [Some(saga.id), Some(nobody), None, None, None]
        .map(|saga| sample::dead_letter(saga, "broken"));
    let ids = [0, 1, 2, 3, 4].map(|at: usize| letters[at].id);
    let batch = orchestrator::store::Batch {
        dead_letters: letters.into(),
        ..Default::default()
    };
    store.commit(&batch).await.unwrap();
    let by = By {
        who: "ada".to_owned(),
        reason: "a test".to_owned(),
    };
    for id in &ids[..4] {
        let dropped = store.handle_letter(*id, Handling::Dropped, &by);
        assert!(dropped.await.unwrap());
    }
    let left = async || {
        let mut left = Vec::new();
        for (place, id) in ids.iter().enumerate() {
            if pair.b.dead_letter(*id).await.unwrap().is_some() {
                left.push(place);
            }
        }
        left
    };
    pass(store, Some(KEEP), Mode::Drop).await.unwrap();
    assert_eq!(left().await, [0, 1, 2, 3, 4], "handled lately");
    pass(store, Some(Duration::ZERO), Mode::Look).await.unwrap();
    pass(store, None, Mode::Drop).await.unwrap();
    assert_eq!(left().await, [0, 1, 2, 3, 4], "nobody asked for it");

    // Piece by piece, each after the one before.
    let later = store.now().after(Duration::from_secs(60));
    let mut place = (Timestamp::from_micros(0), Uuid::nil());
    let mut gone = Vec::new();
    while let Some((letters, last)) = store.forget_letters(later, place, 2).await.unwrap() {
        assert!(last > place);
        gone.push(letters);
        place = last;
    }
    assert_eq!(gone.iter().sum::<u64>(), 3, "{gone:?}");
    assert!(gone.len() >= 2, "{gone:?}");
    assert_eq!(left().await, [0, 4], "its saga is stored; not handled");
}

pub(crate) async fn a_saga_that_is_open_keeps_its_day(pair: Pair) {
    let store = &*pair.a;
    let parent = commit(store, old_start(store, None)).await;
    // Its child has ended, and has its parent's time.
    let mut start = old_start(store, None);
    let id = parent.id.child(&StepKey::parse("reserve"), 0);
    edit(&mut start, |saga| saga.id = id);
    let child = commit(store, start).await;
    close(store, &child, KEEP * 2).await;
    opened(store).await;
    let counts = old_day(store).await.unwrap().sagas.unwrap();
    assert_eq!((counts.all, counts.open, counts.recent), (2, 1, 0));
    assert_eq!(fate(store, parent.id, Mode::Drop).await, Fate::Open);
    assert_eq!(store.load(&[child.id]).await.unwrap().0.len(), 1);

    // Even when somebody asks for the day to be dropped.
    let day = old_day(store).await.unwrap().day;
    let horizon = ago(store, KEEP);
    let forgotten = store.forget_sagas(&day, horizon, None, 10).await.unwrap();
    assert_eq!(forgotten, Some((1, child.id)));
    assert!(!store.drop_day(&day).await.unwrap());
    assert_eq!(store.history(parent.id, 0, 10).await.unwrap().len(), 1);

    close(store, &parent, KEEP * 2).await;
    assert_eq!(fate(store, parent.id, Mode::Drop).await, Fate::Dropped);
}

pub(crate) async fn a_saga_that_ended_lately_keeps_its_day(pair: Pair) {
    let store = &*pair.a;
    let saga = commit(store, old_start(store, None)).await;
    close(store, &saga, KEEP - Duration::from_hours(1)).await;
    opened(store).await;
    assert_eq!(fate(store, saga.id, Mode::Drop).await, Fate::Recent);
    let day = old_day(store).await.unwrap().day;
    let forgotten = store
        .forget_sagas(&day, ago(store, KEEP), None, 10)
        .await
        .unwrap();
    assert_eq!(forgotten, None);
    let all = pass(store, None, Mode::Drop).await.unwrap();
    assert!(all.iter().all(|day| day.fate == Fate::KeptForEver));
}

pub(crate) async fn a_message_that_is_not_sent_keeps_its_day(pair: Pair) {
    let store = &*pair.a;
    let saga = commit(store, old_start(store, None)).await;
    let next = sample::advance(store, &saga);
    let message = next.outbox[0].id;
    let saga = commit(store, next).await;
    close(store, &saga, KEEP * 2).await;
    opened(store).await;
    assert_eq!(fate(store, saga.id, Mode::Drop).await, Fate::Unsent);
    store.delete_outbox(&[message]).await.unwrap();
    assert_eq!(fate(store, saga.id, Mode::Drop).await, Fate::Dropped);
    store.commit(&confirmed([])).await.unwrap();
}

pub(crate) async fn sagas_are_forgotten_so_many_at_a_time(pair: Pair) {
    let store = &*pair.a;
    let mut ids = Vec::new();
    for _ in 0..5 {
        let saga = commit(store, old_start(store, None)).await;
        close(store, &saga, KEEP * 2).await;
        ids.push(saga.id);
    }
    opened(store).await;
    let day: Day = old_day(store).await.unwrap().day;
    let horizon = ago(store, KEEP);
    ids.sort_unstable();
    // Those after the second are looked at, then all that are left.
    let mut after = Some(ids[1]);
    for expected in [
        Some((2, ids[3])),
        Some((1, ids[4])),
        None,
        Some((2, ids[1])),
        None,
    ] {
        let forgotten = store.forget_sagas(&day, horizon, after, 2).await.unwrap();
        assert_eq!(forgotten, expected);
        after = forgotten.map(|(_, last)| last);
    }
    assert!(store.drop_day(&day).await.unwrap());
    // Somebody else may have been faster.
    assert!(store.drop_day(&day).await.unwrap());
    let values = Arc::clone(&pair.b).values(ids[0]).await.unwrap();
    assert!(values.is_empty());
}
