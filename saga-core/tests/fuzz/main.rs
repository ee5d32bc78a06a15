//! Whatever the compiler is given, it answers: quickly, in little memory, and about that text.
//!
//! A target of its own, so that the memory it measures is that of these inputs. `cargo xtask fuzz`
//! runs it for longer.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail the test that asked"
)]

mod check;
mod config;
mod dice;
mod grammar;
mod hostile;
mod mutation;

use check::Guard;
use dice::Dice;

/// Inputs of each kind in an ordinary run.
const INPUTS: u64 = 400;

/// Whole rounds over all kinds between two looks at the clock.
const ROUND: u64 = 50;

#[test]
fn whatever_is_given_is_answered() {
    let seed = config::seed();
    let guard = Guard::new(seed);
    let originals = mutation::originals();
    let mut round = 0;
    loop {
        for index in round * ROUND..(round + 1) * ROUND {
            let mut dice = Dice::new(seed.wrapping_add(index));
            guard.check(mutation::bytes(&mut dice));
            guard.check(mutation::mutated(&mut dice, &originals));
            guard.check(mutation::shuffled(&mut dice, &originals));
            guard.check(grammar::definition(&mut dice).into_bytes());
        }
        round += 1;
        let enough = match config::seconds() {
            None => round * ROUND >= INPUTS,
            Some(seconds) => guard.elapsed().as_secs() >= seconds,
        };
        if enough {
            break;
        }
    }
    guard.finish(round * ROUND * 4);
}
