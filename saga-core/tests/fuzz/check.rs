//! What must hold for every input, and the one who watches.

use std::fs;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use saga_core::catalogue::Catalogue;
use saga_core::compiler::{
    Compiled, DIAGNOSTICS_MAX, Severity, compile_bytes, compile_catalogue, render,
};
use saga_core::definition::{Budget, ELEMENTS_ASSUMED, Load};

/// An input that takes longer hangs; a debug build on a busy machine needs a small part of it.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Peak memory of the whole test process, in KiB.
const MEMORY_KIB_MAX: u64 = 256 * 1024;

/// Longest message and help together, in bytes.
const WORDS_BYTES_MAX: usize = 4096;

/// Hands inputs to a thread that compiles them, and fails when it does not answer in time.
pub(crate) struct Guard {
    seed: u64,
    begun: Instant,
    inputs: Sender<Vec<u8>>,
    answers: Receiver<()>,
}

impl Guard {
    pub(crate) fn new(seed: u64) -> Self {
        let (inputs, work) = mpsc::channel::<Vec<u8>>();
        let (done, answers) = mpsc::channel();
        thread::spawn(move || {
            let catalogue = catalogue();
            for input in work {
                judge(&input, &catalogue);
                if done.send(()).is_err() {
                    break;
                }
            }
        });
        Self {
            seed,
            begun: now(),
            inputs,
            answers,
        }
    }

    /// Compiles an input and checks what came of it.
    pub(crate) fn check(&self, input: Vec<u8>) {
        let copy = input.clone();
        self.inputs.send(input).expect("the thread lives");
        if let Err(error) = self.answers.recv_timeout(ANSWER_WITHIN) {
            let text = String::from_utf8_lossy(&copy);
            let seed = self.seed;
            panic!("seed {seed}: {error} (a panic is above, otherwise it hangs) on\n{text}");
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        now().duration_since(self.begun)
    }

    pub(crate) fn finish(&self, inputs: u64) {
        let memory = peak_memory_kib();
        let seconds = self.elapsed().as_secs_f64();
        let told = format!(
            "{inputs} inputs, seed {}, {seconds:.1} s, peak {memory:?} KiB",
            self.seed
        );
        assert!(memory.is_none_or(|peak| peak < MEMORY_KIB_MAX), "{told}");
        eprintln_line(&told);
    }
}

#[expect(clippy::print_stderr, reason = "shown with --nocapture, by xtask")]
fn eprintln_line(text: &str) {
    eprintln!("{text}");
}

#[expect(clippy::disallowed_methods, reason = "the test measures the compiler")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The most memory that this process ever had, where the system tells.
pub(crate) fn peak_memory_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

fn catalogue() -> Catalogue {
    let source = include_str!("../operations/operations.yaml");
    compile_catalogue("operations.yaml", source)
        .catalogue
        .expect("the example catalogue")
}

fn judge(input: &[u8], catalogue: &Catalogue) {
    let (alone, text) = compile_bytes("x.yaml", input, None);
    hold(&alone, text);
    let (checked, text) = compile_bytes("x.yaml", input, Some(catalogue));
    hold(&checked, text);
    if let Some(definition) = &alone.definition {
        assert_eq!(Budget::of(definition).steps.len(), definition.steps.len());
        let calls = definition.steps.iter().map(|step| match step.for_each {
            Some(_) => ELEMENTS_ASSUMED,
            None => 1,
        });
        assert!(Load::of(definition).forward.messages <= calls.sum::<usize>() * 2);
    }
    if let Ok(text) = std::str::from_utf8(input) {
        let compiled = compile_catalogue("x.yaml", text);
        assert!(compiled.diagnostics.len() <= DIAGNOSTICS_MAX);
    }
}

fn hold(compiled: &Compiled, text: &str) {
    let diagnostics = &compiled.diagnostics;
    assert!(diagnostics.len() <= DIAGNOSTICS_MAX, "too many diagnostics");
    let broken = diagnostics
        .iter()
        .any(|one| one.severity == Severity::Error);
    assert_eq!(compiled.definition.is_none(), broken, "{diagnostics:?}");
    for one in diagnostics {
        let span = one.span;
        let marked = text.get(span.start..span.end);
        assert!(marked.is_some(), "{one:?} is not in the text");
        let before = &text[..span.start];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        assert_eq!((span.line, span.column), (line, column), "{one:?}");
        let words = one.message.len() + one.help.as_ref().map_or(0, String::len);
        assert!(words <= WORDS_BYTES_MAX, "{words} bytes of words: {one:?}");
    }
    let rendered = render(diagnostics, "x.yaml", text, false);
    assert_eq!(rendered.is_empty(), diagnostics.is_empty());
}
