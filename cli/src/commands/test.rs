//! `amends test`: a saga through its failure matrix, in virtual time.

use std::path::Path;
use std::sync::Arc;

use saga_core::compiler::{self, closest};
use saga_core::definition::Definition;
use serde_json::Value;

use crate::config::Settings;
use crate::failure::{Failure, Kind, Outcome};
use crate::run_args::TestArgs;
use crate::trial::{self, Canned, Script, Wanted};
use crate::{output, sources};

/// Runs the matrix and prints it. Each case has a runtime and a time of its own, so it cannot run
/// on this one.
pub async fn test(args: TestArgs) -> Outcome {
    tokio::task::spawn_blocking(move || test_now(&args))
        .await
        .map_err(|error| Failure::because("the test ended", &error))?
}

fn test_now(args: &TestArgs) -> Outcome {
    let definition = compiled(&args.file)?;
    let wanted = wanted(&args.faults, &definition)?;
    let script = script(args, definition)?;
    let report = trial::run(&script, &wanted)?;
    output::document(args.output, &report, |_| {
        let mut text = trial::table(&report, Settings::colour());
        if !wanted.is_empty() {
            text.push_str(&trial::chronicle(&report));
        }
        text
    })?;
    match report.illegal() {
        0 => Ok(()),
        count => {
            let message = format!(
                "{count} of {} cases of {} end illegally or leave an effect behind",
                report.cases.len(),
                report.saga
            );
            Err(Failure::error(message).help(
                "--fault STEP=KIND runs one case and tells what happens in it; what is legal, and \
                 why, is in docs/testing-sagas.md",
            ))
        }
    }
}

fn compiled(path: &Path) -> Result<Arc<Definition>, Failure> {
    let source = sources::read_file(path)?;
    let compiled = compiler::compile(&source.file, &source.text);
    compiled.definition.map(Arc::new).ok_or_else(|| {
        let problems = compiler::render(
            &compiled.diagnostics,
            &source.file,
            &source.text,
            Settings::colour(),
        );
        let message = format!("the definition has errors\n{problems}");
        Failure::error(message.trim_end().to_owned())
    })
}

fn wanted(faults: &[String], definition: &Definition) -> Result<Vec<Wanted>, Failure> {
    let mut wanted = Vec::new();
    for text in faults {
        let one: Wanted = text
            .parse()
            .map_err(|message: String| Failure::new(Kind::Usage, format!("--fault: {message}")))?;
        if definition.step(&one.step).is_none() {
            let steps = || definition.steps.iter().map(|step| step.name.as_str());
            let hint = match closest(one.step.as_str(), steps()) {
                Some(close) => format!("did you mean `{close}`?"),
                None => format!("it has {}", steps().collect::<Vec<_>>().join(", ")),
            };
            let message = format!("--fault: the saga has no step `{}`; {hint}", one.step);
            return Err(Failure::new(Kind::Usage, message));
        }
        wanted.push(one);
    }
    Ok(wanted)
}

fn script(args: &TestArgs, definition: Arc<Definition>) -> Result<Script, Failure> {
    let children = trial::children(&definition, &args.file)?;
    let canned = match &args.outputs {
        None => Canned::default(),
        Some(path) => {
            let known = Script::known(std::iter::once(&definition).chain(&children));
            Canned::read(&sources::read_file(path)?, &known, Settings::colour())
                .map_err(|message| Failure::error(format!("--outputs: {}", message.trim_end())))?
        }
    };
    let input = args.input.as_deref().map(input).transpose()?;
    let is_made_up = input.is_none();
    Script::new(definition, children, input, canned).map_err(|message| {
        let failure = Failure::error(message);
        if is_made_up {
            failure.help("give the saga an input with --input FILE")
        } else {
            failure
        }
    })
}

fn input(path: &Path) -> Result<Value, Failure> {
    let source = sources::read_file(path)?;
    compiler::read_document(&source.text).map_err(|problems| {
        let rendered = compiler::render(&problems, &source.file, &source.text, Settings::colour());
        Failure::error(format!("--input: {}", rendered.trim_end()))
    })
}
