//! `cargo xtask instructions`: counts the instructions of what every transition does, and compares
//! them with those on record.
//!
//! A count is the same on a busy machine and on an idle one, so a loss of some percent shows, which no
//! clock shows there. Valgrind's callgrind counts; the compiler decides how many there are, so figures
//! of two compilers are not compared.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{ExitCode, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::repository::{command, root};

/// What is built: what users run in production.
const PROFILE: &str = "production";

/// The figures on record.
const RECORD: &str = "orchestrator/benches/instructions/record.txt";

/// Where counting begins and ends, by the names of functions in the benchmark.
const FROM: &str = "*counted_case*";
const TO: &str = "*whole_case*";

/// Counts that differ by more from those on record are an error. Hash maps are seeded at random, so
/// some differ by a little from run to run.
const DIFFERENCE_PERCENT_MAX: f64 = 5.0;

const UPDATE: &str = "cargo xtask instructions --update";

/// Instructions by case.
type Counts = BTreeMap<String, u64>;

/// Counts, and compares with the record or replaces it.
pub(crate) fn run(update: bool) -> Result<ExitCode> {
    if !has_valgrind() {
        println!("left out: valgrind is not installed; on Debian: sudo apt-get install valgrind");
        return Ok(ExitCode::SUCCESS);
    }
    let compiler = compiler()?;
    let counts = counted()?;
    let path = root().join(RECORD);
    if update {
        fs::write(&path, record(&compiler, &counts)).context("could not write the record")?;
        println!("{}{RECORD} has these figures now", table(&counts, None));
        return Ok(ExitCode::SUCCESS);
    }
    let text = fs::read_to_string(&path)
        .with_context(|| format!("could not read {RECORD}; `{UPDATE}` writes it"))?;
    let (recorded_with, recorded) = read(&text)?;
    if recorded_with != compiler {
        println!(
            "{}not compared: the figures on record are of {recorded_with}, these of {compiler}; \
             compare on a commit that is known to be good, then: {UPDATE}",
            table(&counts, None)
        );
        return Ok(ExitCode::SUCCESS);
    }
    print!("{}", table(&counts, Some(&recorded)));
    let apart = differing(&counts, &recorded);
    if apart.is_empty() {
        println!("none differs by more than {DIFFERENCE_PERCENT_MAX} %");
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{} differ by more than {DIFFERENCE_PERCENT_MAX} % from {RECORD}: {}\n\
         where they are meant to, or are better: {UPDATE}",
        apart.len(),
        apart.join(", ")
    );
    Ok(ExitCode::FAILURE)
}

fn has_valgrind() -> bool {
    let asked = command("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}

/// The compiler, and what it compiles for.
fn compiler() -> Result<String> {
    let told = command("rustc").arg("-vV").output();
    let told = String::from_utf8(told.context("could not ask rustc")?.stdout)?;
    let version = told.lines().next().context("rustc has no version")?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(format!(
        "{version} for {}",
        host.context("rustc has no host")?
    ))
}

/// Builds, and runs every case below valgrind. Each writes a profile when it ends, and the costs of
/// what is done between them are thrown away.
fn counted() -> Result<Counts> {
    let folder = root().join("target").join("instructions");
    let _none_yet = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).context("could not make a folder for the profiles")?;
    let profiles = folder.join("profile");
    let runner = format!(
        "target.'cfg(all())'.runner = ['valgrind', '--quiet', '--tool=callgrind', \
         '--zero-before={FROM}', '--dump-after={TO}', '--callgrind-out-file={}']",
        profiles.display()
    );
    let mut bench = command("cargo");
    bench.args(["--config", &runner, "bench", "--profile", PROFILE]);
    bench.args(["-p", "orchestrator", "--bench", "instructions"]);
    let bench = bench.stderr(Stdio::inherit()).output();
    let bench = bench.context("could not run cargo bench")?;
    ensure!(bench.status.success(), "the cases could not be counted");
    let told = String::from_utf8(bench.stdout)?;
    let mut lines = told.lines();
    let calls = lines.next().and_then(|line| line.parse::<u64>().ok());
    let calls = calls.context("the cases do not say how often each is done")?;
    lines
        .enumerate()
        .map(|(number, name)| {
            let profile = format!("{}.{}", profiles.display(), number + 1);
            Ok((name.to_owned(), total(Path::new(&profile))? / calls))
        })
        .collect()
}

/// The instructions in a profile.
fn total(profile: &Path) -> Result<u64> {
    let shown = profile.display();
    let text = fs::read_to_string(profile).with_context(|| format!("could not read {shown}"))?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    let total = total.with_context(|| format!("{shown} has no total"))?;
    total
        .trim()
        .parse()
        .with_context(|| format!("the total of {shown} is no number"))
}

fn record(compiler: &str, counts: &Counts) -> String {
    let mut text = format!("# Written by `{UPDATE}`.\n{compiler}\n");
    for (name, count) in counts {
        let _infallible = writeln!(text, "{count:>10} {name}");
    }
    text
}

/// The compiler and the counts of a record.
fn read(text: &str) -> Result<(String, Counts)> {
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let compiler = lines.next().context("the record names no compiler")?;
    let counts = lines.map(|line| {
        let count = line.trim_start().split_once(' ');
        let count = count.and_then(|(count, name)| Some((name.to_owned(), count.parse().ok()?)));
        count.with_context(|| format!("`{line}` in the record is no count and a name"))
    });
    Ok((compiler.to_owned(), counts.collect::<Result<_>>()?))
}

/// The cases that are new, gone, or too far from the record.
fn differing(counts: &Counts, recorded: &Counts) -> Vec<String> {
    let names = counts
        .keys()
        .chain(recorded.keys().filter(|name| !counts.contains_key(*name)));
    let apart = names.filter(|name| {
        let both = counts.get(*name).zip(recorded.get(*name));
        both.is_none_or(|(now, then)| percent(*now, *then).abs() > DIFFERENCE_PERCENT_MAX)
    });
    apart.cloned().collect()
}

fn table(counts: &Counts, recorded: Option<&Counts>) -> String {
    let mut text = String::new();
    for (name, count) in counts {
        let then = recorded.map(|recorded| recorded.get(name));
        let change = match then {
            None => String::new(),
            Some(None) => "       new".to_owned(),
            Some(Some(then)) => format!("{:>+8.1} %", percent(*count, *then)),
        };
        let _infallible = writeln!(text, "{count:>10}{change} {name}");
    }
    text
}

#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]
fn percent(now: u64, then: u64) -> f64 {
    (now as f64 / then as f64 - 1.0) * 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(pairs: &[(&str, u64)]) -> Counts {
        let pairs = pairs.iter();
        pairs
            .map(|(name, count)| ((*name).to_owned(), *count))
            .collect()
    }

    #[test]
    fn a_record_is_read_as_it_is_written() {
        let some = counts(&[("decide: start", 123), ("encode: a command", 4567)]);
        let (compiler, read) = read(&record("rustc 1 for here", &some)).unwrap();
        assert_eq!((compiler.as_str(), &read), ("rustc 1 for here", &some));
        assert!(super::read("# nothing\n").is_err());
        assert!(super::read("rustc\nmany a case\n").is_err());
    }

    #[test]
    fn what_is_far_from_the_record_or_on_one_side_only_differs() {
        let then = counts(&[
            ("same", 1_000),
            ("more", 1_000),
            ("less", 1_000),
            ("gone", 1),
        ]);
        let now = counts(&[("same", 1_049), ("more", 1_051), ("less", 949), ("new", 1)]);
        assert_eq!(differing(&now, &then), ["less", "more", "new", "gone"]);
        assert!(differing(&then, &then).is_empty());
    }
}
