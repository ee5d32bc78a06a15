//! From text to a checked definition.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::check_effects::pivot_before;
use super::check_graph::Graph;
use super::code::Code;
use super::diagnostic::{Diagnostic, Report, Span};
use super::draft::{Draft, DraftCompensate, DraftOnFailure, DraftStep, Shape};
use super::{
    check_effects, check_flow, check_graph, check_lifetime, check_limits, check_operations, lower,
    parse,
};
use crate::catalogue::Catalogue;
use crate::definition::{Definition, DefinitionRef, Effect, Fallback, OnFailure, Step};
use crate::ids::StepName;

/// How long a saga may live when its definition does not say.
pub const MAX_LIFETIME_DEFAULT: Duration = Duration::from_hours(24 * 30);

/// What became of one file.
#[derive(Debug)]
pub struct Compiled {
    /// The file's name as it was given.
    pub file: String,
    /// There exactly when no diagnostic is an error.
    pub definition: Option<Definition>,
    /// Everything there is to say about it, in the order of the source.
    pub diagnostics: Vec<Diagnostic>,
}

/// Compiles a definition. `file` is only a name; nothing is opened.
#[must_use]
pub fn compile(file: &str, source: &str) -> Compiled {
    compile_against(file, source, None)
}

/// The same, and checks it against what workers can do.
#[must_use]
pub fn compile_against(file: &str, source: &str, catalogue: Option<&Catalogue>) -> Compiled {
    let mut report = Report::new(source);
    let definition = parse::parse(source, &mut report).and_then(|root| {
        let draft = lower::lower(&root, &mut report)?;
        let graph = check_graph::check(&draft.steps, &mut report);
        check_effects::check(&draft.steps, &graph, &mut report);
        check_flow::check(&draft, &graph, &mut report);
        check_lifetime::check(&draft, &mut report);
        check_limits::check(&root, &draft, &graph, &mut report);
        if let Some(catalogue) = catalogue {
            check_operations::check(&root, &draft, catalogue, &mut report);
        }
        if report.has_errors() {
            None
        } else {
            build(draft, &graph, source)
        }
    });
    finished(file, definition, report)
}

/// The same for the bytes of a file. Also returns the text that the spans point into: all of it, or
/// what could be read.
#[must_use]
pub fn compile_bytes<'b>(
    file: &str,
    bytes: &'b [u8],
    catalogue: Option<&Catalogue>,
) -> (Compiled, &'b str) {
    let bytes = &bytes[..bytes.len().min(parse::FILE_BYTES_MAX + 1)];
    let error = match std::str::from_utf8(bytes) {
        Ok(source) => return (compile_against(file, source, catalogue), source),
        Err(error) => error,
    };
    let source = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
    if bytes.len() > parse::FILE_BYTES_MAX {
        // What is cut off may be the middle of a character.
        let mut report = Report::new(source);
        parse::refuse_size(&mut report);
        return (finished(file, None, report), source);
    }
    let mut report = Report::new(source);
    report.error_with(
        Code::NotUtf8,
        report.span(source.len(), source.len()),
        format!("byte {} of the file is not UTF-8", source.len()),
        "save the file as UTF-8",
    );
    (finished(file, None, report), source)
}

fn finished(file: &str, definition: Option<Definition>, report: Report<'_>) -> Compiled {
    Compiled {
        file: file.to_owned(),
        definition,
        diagnostics: report.finish(),
    }
}

/// Puts the definition together; everything is there, because nothing was reported.
fn build(draft: Draft, graph: &Graph, source: &str) -> Option<Definition> {
    let retriable: Vec<bool> = (0..draft.steps.len())
        .map(|position| pivot_before(position, &draft.steps, graph).is_some())
        .collect();
    let steps = draft.steps.into_iter().enumerate().map(|(position, step)| {
        let depends_on = graph.depends_on[position].clone();
        let dependents = graph.dependents[position].clone();
        build_step(step, retriable[position], depends_on, dependents)
    });
    Some(Definition {
        reference: DefinitionRef {
            name: Arc::from(draft.name?),
            version: draft.version?,
        },
        description: draft.description,
        key: draft.key,
        key_policy: draft.key_policy,
        deadline: draft.deadline.map(|(span, _)| span),
        max_lifetime: draft
            .max_lifetime
            .map_or(MAX_LIFETIME_DEFAULT, |(span, _)| span),
        input_schema: draft.input_schema,
        labels: draft.labels,
        steps: steps.collect::<Option<_>>()?,
        output: draft.output,
        digest: Sha256::digest(source)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
        source: Arc::from(source),
    })
}

fn build_step(
    step: DraftStep,
    after_pivot: bool,
    depends_on: Vec<usize>,
    dependents: Vec<usize>,
) -> Option<Step> {
    let pivot = step.is_pivot();
    let no_effect = step.has_no_effect();
    let effect = match step.shape {
        Shape::Saga if !pivot && !after_pivot => Effect::Child,
        Shape::Action | Shape::Wait | Shape::Sleep | Shape::Saga | Shape::Unclear => {
            undone_by(step.compensate, step.because, no_effect)?
        }
    };
    // After the pivot there is no way back, so giving up can only mean to wait for a person.
    let unsaid = if after_pivot {
        OnFailure::Pause
    } else {
        OnFailure::Compensate
    };
    let on_failure = match step.on_failure {
        None => unsaid,
        Some((DraftOnFailure::Plain(on_failure), _)) => on_failure,
        Some((DraftOnFailure::Fallback(other), _)) => {
            let no_effect = other.no_effect.is_some_and(|(no_effect, _)| no_effect);
            OnFailure::Fallback(Box::new(Fallback {
                kind: other.kind?,
                effect: undone_by(other.compensate, other.because, no_effect)?,
                retry: other.retry,
                timeouts: other.timeouts,
            }))
        }
    };
    Some(Step {
        name: StepName::new(&step.id?),
        kind: step.kind?,
        when: step.when,
        for_each: step.for_each,
        depends_on,
        dependents,
        effect,
        pivot,
        retry: step.retry,
        timeouts: step.timeouts,
        on_failure,
        priority: step.priority,
    })
}

fn undone_by(
    compensate: DraftCompensate,
    because: Option<(String, Span)>,
    no_effect: bool,
) -> Option<Effect> {
    Some(match compensate {
        DraftCompensate::Undo(compensation, _) => Effect::Compensate(*compensation?),
        DraftCompensate::Nothing(_) => Effect::Residue(because?.0),
        DraftCompensate::Absent if no_effect => Effect::None,
        DraftCompensate::Absent => Effect::Retriable,
    })
}
