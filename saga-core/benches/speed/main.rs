//! How fast the compiler and a decision are. Prints medians, and the
//! shortest times, which a busy machine disturbs least; `docs/performance.md` has the figures.
//!
//! `cargo bench -p saga-core --profile production`

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "it measures, and tells a person"
)]

mod run;

use std::hint::black_box;
use std::time::{Duration, Instant};

use run::{DECIDED_STEPS, Run, definition, reply};
use saga_core::compiler::compile;
use saga_core::input::Input;

/// Samples of each figure; the median of them is told.
const SAMPLES: usize = 51;

/// Steps of the definition that is compiled.
const COMPILED_STEPS: usize = 100;

fn main() {
    println!("{:<40} {:>10} {:>10}", "microseconds", "median", "shortest");
    let source = definition(COMPILED_STEPS);
    let kibibytes = source.len() / 1024;
    let took = times(1, || {
        black_box(compile("bench.yaml", &source));
    });
    tell(
        &format!("compile {COMPILED_STEPS} steps, {kibibytes} KiB"),
        took,
    );
    for (name, source) in hostile() {
        let took = times(1, || {
            black_box(compile("bench.yaml", &source));
        });
        tell(&format!("refuse {name}, {} KiB", source.len() / 1024), took);
    }
    let mut run = Run::new(&definition(DECIDED_STEPS));
    tell(
        &format!("start a saga of {DECIDED_STEPS} steps"),
        decision(&run),
    );
    run.advance();
    for step in 0..DECIDED_STEPS {
        run.input = Input::Reply(reply(step));
        if [0, DECIDED_STEPS / 2, DECIDED_STEPS - 2].contains(&step) {
            let what = format!("reply of step {step}, next dispatched");
            tell(&what, decision(&run));
        } else if step == DECIDED_STEPS - 1 {
            tell("reply of the last step, completed", decision(&run));
        }
        run.advance();
    }
    assert!(run.saga.ended_at.is_some(), "the saga did not end");
}

fn tell(what: &str, (median, shortest): (f64, f64)) {
    println!("{what:<40} {median:>10.1} {shortest:>10.1}");
}

/// Files that are made to keep the compiler busy.
fn hostile() -> Vec<(&'static str, String)> {
    let step = |input: &str| {
        format!(
            "saga: s\nversion: 1.0.0\nsteps:\n  - {{ id: a, action: x.y, no_effect: true, input: \
             {input} }}\n"
        )
    };
    let aliases = "*a, ".repeat(40_000);
    vec![
        ("aliases", format!("a: &a [1]\nb: [{aliases}1]\n")),
        ("nesting", step(&"[".repeat(900_000))),
        ("a long list", step(&format!("[{}]", "1,".repeat(500_000)))),
        (
            "a long expression",
            step(&format!("'${{{}1}}'", "1+".repeat(400_000))),
        ),
        (
            "many expressions",
            step(&format!("\"{}\"", "${inptu.a}".repeat(80_000))),
        ),
    ]
}

/// Microseconds of one decision.
fn decision(run: &Run) -> (f64, f64) {
    times(100, || {
        drop(black_box(run.decide()));
    })
}

/// The median and the shortest time of one call in microseconds, over samples of `calls` calls.
fn times(calls: u32, mut call: impl FnMut()) -> (f64, f64) {
    let mut samples: Vec<Duration> = (0..SAMPLES)
        .map(|_| {
            let begun = Instant::now();
            for _ in 0..calls {
                call();
            }
            begun.elapsed() / calls
        })
        .collect();
    samples.sort_unstable();
    let micros = |sample: Duration| sample.as_secs_f64() * 1e6;
    (micros(samples[SAMPLES / 2]), micros(samples[0]))
}
