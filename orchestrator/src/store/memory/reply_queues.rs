//! Signs of life, and the reply queue that comes with them.

use std::time::Duration;

use saga_core::time::Timestamp;
use uuid::Uuid;

use super::state::State;
use crate::store::{REPLY_QUEUES_MAX, ReplyQueues};

impl State {
    pub(super) fn heartbeat(
        &mut self,
        owner: Uuid,
        now: Timestamp,
        lease: Duration,
    ) -> ReplyQueues {
        self.leases.insert(owner, now.after(lease));
        let mine = self.reply_queues.iter().position(|it| *it == owner);
        let own = mine.or_else(|| self.take_reply_queue(owner, now));
        let number = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
        ReplyQueues {
            own: own.map(|place| number(place + 1)),
            all: number(self.reply_queues.len()),
        }
    }

    fn take_reply_queue(&mut self, owner: Uuid, now: Timestamp) -> Option<usize> {
        let mut holders = self.reply_queues.iter();
        if let Some(free) = holders.position(|it| !self.is_alive(*it, now)) {
            self.reply_queues[free] = owner;
            return Some(free);
        }
        let next = self.reply_queues.len();
        let room = u32::try_from(next).is_ok_and(|next| next < REPLY_QUEUES_MAX);
        room.then(|| {
            self.reply_queues.push(owner);
            next
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_beyond_the_limit_have_none_of_their_own() {
        let (mut state, now) = (State::default(), Timestamp::from_micros(0));
        let lease = Duration::from_secs(30);
        let mut beat = |number: u32| state.heartbeat(Uuid::from_u128(number.into()), now, lease);
        for number in 1..=REPLY_QUEUES_MAX {
            assert_eq!(beat(number).own, Some(number));
        }
        let beyond = ReplyQueues {
            own: None,
            all: REPLY_QUEUES_MAX,
        };
        assert_eq!(beat(REPLY_QUEUES_MAX + 1), beyond);
    }
}
