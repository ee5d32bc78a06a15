//! What every transition does, many times each, for whoever counts instructions: `cargo xtask instructions`.
//! Prints how often each case is done, and their names in their order.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "it is counted, and tells who counts what it did"
)]

mod cases;
// What is timed and what is counted is one and the same.
#[path = "../../../saga-core/benches/speed/run.rs"]
mod run;

use std::hint::black_box;

/// How often a case is done while it is counted: now and then the allocator tidies up, which costs more
/// than the case.
const CALLS: usize = 200;

fn main() {
    println!("{CALLS}");
    // Once more than it is counted.
    for (name, mut case) in cases::all(CALLS + 1) {
        // What is only done the first time is not counted.
        case();
        counted_case(&mut case);
        println!("{name}");
    }
}

/// Counting begins before this. Callgrind does one thing for a function, so what ends it is another.
#[inline(never)]
fn counted_case(case: &mut dyn FnMut()) {
    whole_case(case);
    // Without anything behind it the call would be a jump, and this would have no end.
    black_box(());
}

/// Counting ends after this.
#[inline(never)]
fn whole_case(case: &mut dyn FnMut()) {
    for _ in 0..CALLS {
        case();
    }
    black_box(());
}
