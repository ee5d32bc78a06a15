//! Which deliveries of a channel are settled, and the fewest frames that say so.

use std::collections::VecDeque;

use crate::receipt::Settlement;

/// A frame to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Acknowledge this tag, or with `multiple` everything up to it.
    Ack {
        tag: u64,
        multiple: bool,
    },
    Requeue(u64),
    DeadLetter(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// Finished in the batch that is being worked on.
    Done,
    /// The broker has been told.
    Told,
}

/// The deliveries of one channel from the oldest unsettled one on.
#[derive(Debug, Default)]
pub(super) struct Tags {
    /// Tag of the first in `states`.
    first: u64,
    states: VecDeque<State>,
}

impl Tags {
    /// A delivery came; the broker counts them from 1.
    pub(super) fn delivered(&mut self, tag: u64) {
        if self.states.is_empty() {
            self.first = tag;
        }
        self.states.push_back(State::Open);
    }

    /// What to tell the broker, in this order, about deliveries that were settled.
    ///
    /// `multiple` acknowledges *everything* up to a tag, so it is used only for the contiguous
    /// finished prefix, and only with a tag the broker has not been told of, which would close the
    /// channel. What is finished beyond a gap is acknowledged by itself: held back, it would fill
    /// the prefetch window behind one slow delivery.
    pub(super) fn settle(&mut self, settlements: &[Settlement]) -> Vec<Order> {
        let mut orders = Vec::new();
        for settlement in settlements {
            let (tag, state, order) = match *settlement {
                Settlement::Ack(tag) => (tag, State::Done, None),
                Settlement::Requeue(tag) => (tag, State::Told, Some(Order::Requeue(tag))),
                Settlement::DeadLetter(tag) => (tag, State::Told, Some(Order::DeadLetter(tag))),
            };
            if let Some(now) = self.state(tag)
                && *now == State::Open
            {
                *now = state;
                orders.extend(order);
            }
        }
        let (mut finished, mut last) = (0, 0);
        while let Some(state @ (State::Done | State::Told)) = self.states.front().copied() {
            if state == State::Done {
                (finished, last) = (finished + 1, self.first);
            }
            self.states.pop_front();
            self.first += 1;
        }
        if finished > 0 {
            orders.push(Order::Ack {
                tag: last,
                multiple: finished > 1,
            });
        }
        for settlement in settlements {
            if let Settlement::Ack(tag) = *settlement
                && let Some(state) = self.state(tag)
                && *state == State::Done
            {
                *state = State::Told;
                orders.push(Order::Ack {
                    tag,
                    multiple: false,
                });
            }
        }
        orders
    }

    fn state(&mut self, tag: u64) -> Option<&mut State> {
        let index = tag.checked_sub(self.first)?;
        self.states.get_mut(usize::try_from(index).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Settlement::{Ack, DeadLetter, Requeue};

    fn delivered(count: u64) -> Tags {
        let mut tags = Tags::default();
        (1..=count).for_each(|tag| tags.delivered(tag));
        tags
    }

    #[test]
    fn only_the_finished_prefix_is_acknowledged_together() {
        let mut tags = delivered(6);
        let one = |tag| Order::Ack {
            tag,
            multiple: false,
        };
        assert_eq!(tags.settle(&[Ack(5), Ack(3)]), [one(5), one(3)]);
        assert_eq!(
            tags.settle(&[Ack(2), Ack(1)]),
            [Order::Ack {
                tag: 2,
                multiple: true
            }]
        );
        // 5 is acknowledged already: naming it again would close the channel.
        assert_eq!(tags.settle(&[Ack(4)]), [one(4)]);
        assert_eq!(tags.settle(&[Ack(6)]), [one(6)]);
        tags.delivered(7);
        assert_eq!(tags.settle(&[Ack(7)]), [one(7)]);
    }

    #[test]
    fn what_is_not_acknowledged_is_told_first_and_by_itself() {
        let mut tags = delivered(4);
        assert_eq!(
            tags.settle(&[Ack(1), Requeue(2), Ack(3), DeadLetter(4)]),
            [
                Order::Requeue(2),
                Order::DeadLetter(4),
                Order::Ack {
                    tag: 3,
                    multiple: true
                }
            ]
        );
    }

    #[test]
    fn nothing_is_said_twice() {
        let mut tags = delivered(2);
        assert_eq!(tags.settle(&[Ack(2)]).len(), 1);
        assert_eq!(tags.settle(&[Ack(2), Requeue(2), Ack(9), Ack(0)]), []);
        assert_eq!(
            tags.settle(&[Ack(1)]),
            [Order::Ack {
                tag: 1,
                multiple: false
            }]
        );
    }

    /// Whatever the order of settling, every tag is acknowledged once, none before it is finished.
    #[test]
    fn every_order_of_settling_tells_each_tag_once() {
        for seed in 1..2_000_u64 {
            let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
            let mut below = |limit: usize| {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                usize::try_from(random >> 33).unwrap() % limit
            };
            let (mut tags, mut open, mut next) = (Tags::default(), Vec::new(), 1);
            let (mut unacked, mut finished) = (Vec::new(), Vec::new());
            while next <= 30 || !open.is_empty() {
                if next <= 30 && below(2) == 0 {
                    tags.delivered(next);
                    open.push(next);
                    unacked.push(next);
                    next += 1;
                } else if !open.is_empty() {
                    let take = 1 + below(open.len());
                    let batch: Vec<_> = (0..take)
                        .map(|_| open.swap_remove(below(open.len())))
                        .collect();
                    finished.extend(&batch);
                    let settlements: Vec<_> = batch.into_iter().map(Ack).collect();
                    for order in tags.settle(&settlements) {
                        let Order::Ack { tag, multiple } = order else {
                            unreachable!()
                        };
                        assert!(unacked.contains(&tag), "unknown delivery tag {tag}");
                        unacked.retain(|open| {
                            let acked = *open == tag || (multiple && *open < tag);
                            assert!(!acked || finished.contains(open), "{open} is not finished");
                            !acked
                        });
                    }
                    assert!(finished.iter().all(|tag| !unacked.contains(tag)));
                }
            }
        }
    }
}
