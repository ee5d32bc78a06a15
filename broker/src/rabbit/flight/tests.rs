//! Confirms and returns in every order that lapin can give them.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::messages::{Confirm, Flight, Sent, Slot};
use crate::broker::Settled;

fn sent(index: usize) -> Sent {
    Sent {
        slot: Slot { batch: 0, index },
        message_id: format!("m{index}"),
        exchange: "e".to_owned(),
        at: Instant::now(),
    }
}

fn ack(number: u64, returned: Option<&str>) -> Confirm {
    Confirm {
        number,
        ack: true,
        returned: returned.map(str::to_owned),
    }
}

fn fates(settled: Vec<(Slot, Settled)>) -> Vec<(usize, Settled)> {
    let mut fates: Vec<_> = settled
        .into_iter()
        .map(|(slot, fate)| (slot.index, fate))
        .collect();
    fates.sort_by_key(|(index, _)| *index);
    fates
}

#[test]
fn a_return_on_the_confirm_of_another_is_credited_by_its_id() {
    let mut flight = Flight::default();
    let numbers: Vec<_> = (0..3).map(|index| flight.launch(sent(index))).collect();
    // m2 came back, its return rode on the confirm of m0, and m0 may have come back as well.
    assert_eq!(fates(flight.settle(vec![ack(numbers[0], Some("m2"))])), []);
    assert_eq!(flight.len(), 3);
    assert_eq!(
        fates(flight.settle(vec![ack(numbers[2], None)])),
        [(0, Settled::Confirmed), (2, Settled::Unroutable)]
    );
    assert_eq!(
        fates(flight.settle(vec![ack(numbers[1], None)])),
        [(1, Settled::Confirmed)]
    );
    assert_eq!(flight.len(), 0);
}

#[test]
fn a_nack_is_refused_whatever_rides_on_it() {
    let mut flight = Flight::default();
    let numbers: Vec<_> = (0..2).map(|index| flight.launch(sent(index))).collect();
    let nack = Confirm {
        number: numbers[0],
        ack: false,
        returned: Some("m1".to_owned()),
    };
    assert_eq!(fates(flight.settle(vec![nack])), [(0, Settled::Refused)]);
    assert_eq!(
        fates(flight.settle(vec![ack(numbers[1], None)])),
        [(1, Settled::Unroutable)]
    );
}

#[test]
fn what_a_lost_channel_carried_is_unknown() {
    let mut flight = Flight::default();
    flight.launch(sent(0));
    flight.launch(Sent {
        exchange: "gone".to_owned(),
        ..sent(1)
    });
    assert_eq!(
        fates(flight.abort(Some("gone"))),
        [(0, Settled::Unknown), (1, Settled::Unroutable)]
    );
    assert_eq!(flight.len(), 0);
}

/// A model of lapin: returns go to one queue, and each completed confirm takes the head of it,
/// whoever's it is. The broker returns a message before it acknowledges it, in any order and in
/// groups; we look at arbitrary moments and see what has completed in an arbitrary order.
#[test]
fn no_order_of_confirms_and_looks_leads_to_a_wrong_fate() {
    for seed in 0..20_000_u64 {
        let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut below = |limit: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            usize::try_from(random >> 33).unwrap() % limit
        };
        let count = 1 + below(8);
        let truth: Vec<_> = (0..count)
            .map(|_| [Settled::Confirmed, Settled::Unroutable, Settled::Refused][below(3)])
            .collect();
        let mut flight = Flight::default();
        let numbers: Vec<_> = (0..count).map(|index| flight.launch(sent(index))).collect();

        let mut unreturned: Vec<usize> = (0..count)
            .filter(|index| truth[*index] == Settled::Unroutable)
            .collect();
        let mut unconfirmed: Vec<usize> = (0..count).collect();
        let mut waiting: VecDeque<usize> = VecDeque::new();
        let mut completed: Vec<Confirm> = Vec::new();
        let mut got = vec![None; count];
        while !unconfirmed.is_empty() || !completed.is_empty() {
            match below(3) {
                0 if !unreturned.is_empty() => {
                    waiting.push_back(unreturned.swap_remove(below(unreturned.len())));
                }
                1 if !unconfirmed.is_empty() => {
                    let at = below(unconfirmed.len());
                    if !unreturned.contains(&unconfirmed[at]) {
                        let index = unconfirmed.swap_remove(at);
                        completed.push(Confirm {
                            number: numbers[index],
                            ack: truth[index] != Settled::Refused,
                            returned: waiting.pop_front().map(|index| format!("m{index}")),
                        });
                    }
                }
                _ => {
                    let mut seen = std::mem::take(&mut completed);
                    let turn = below(seen.len() + 1);
                    seen.rotate_left(turn);
                    for (slot, fate) in flight.settle(seen) {
                        assert_eq!(got[slot.index].replace(fate), None);
                    }
                }
            }
        }
        let got: Vec<_> = got.into_iter().map(Option::unwrap).collect();
        assert_eq!(got, truth, "seed {seed}");
        assert_eq!(flight.len(), 0);
    }
}
