//! Every step with every fault.

use saga_core::event::{Event, EventKind, UnwindCause};
use saga_core::ids::StepName;
use saga_core::saga::{Phase, Saga};

use super::audit::{audit, undone};
use super::case::{Ran, play};
use super::end::End;
use super::fault::{Fault, Planted, Wanted};
use super::legal::{judge, outlasts_outage};
use super::plan::plant;
use super::report::{CaseReport, Report, Skipped};
use super::script::Script;
use super::table::moment;
use crate::failure::Failure;
use crate::narrative;

/// Runs the matrix of a saga, or only the cases that are wanted.
///
/// # Errors
/// When the saga does not complete without any fault, and what happened then.
pub fn run(script: &Script, wanted: &[Wanted]) -> Result<Report, Failure> {
    let definition = &script.definition;
    let smooth = play(script, None)?;
    check_smooth(script, &smooth)?;
    let mut report = Report {
        saga: definition.reference.name.to_string(),
        cases: Vec::new(),
        skipped: Vec::new(),
        version: definition.reference.version.to_string(),
        steps: definition
            .steps
            .iter()
            .map(|step| step.name.to_string())
            .collect(),
        smooth_seconds: smooth.took.as_secs_f64(),
    };
    for step in &definition.steps {
        for fault in Fault::ALL {
            if !is_wanted(wanted, &step.name, fault) {
                continue;
            }
            match plant(script, &smooth.root.saga, step, fault) {
                Ok(planted) => report.cases.push(case(script, &planted)?),
                Err(because) => report.skipped.push(Skipped {
                    step: step.name.to_string(),
                    fault: fault.as_str(),
                    because,
                }),
            }
        }
    }
    Ok(report)
}

fn is_wanted(wanted: &[Wanted], step: &StepName, fault: Fault) -> bool {
    wanted.is_empty()
        || wanted
            .iter()
            .any(|one| one.step == *step && one.fault == fault)
}

fn check_smooth(script: &Script, smooth: &Ran) -> Result<(), Failure> {
    let mut problems = audit(smooth);
    if smooth.end != End::Completed {
        let what = format!("it is {} instead of completed", smooth.end);
        problems.insert(0, what);
    }
    if problems.is_empty() {
        return Ok(());
    }
    let lines = chronicle(&smooth.root.history).join("\n  ");
    let message = format!(
        "{} does not complete even without a fault: {}\n  {lines}",
        script.definition.reference,
        problems.join("; "),
    );
    let help = match smooth.root.saga.unwind {
        Some(UnwindCause::Deadline) => "its `deadline` is shorter than what it does takes",
        Some(UnwindCause::StepFailed(_) | UnwindCause::Cancelled(_) | UnwindCause::Parent)
        | None => {
            "what its operations answer may be made up; give what it needs with --outputs FILE, and \
             its input with --input FILE"
        }
    };
    Err(Failure::error(message).help(help))
}

fn case(script: &Script, planted: &Planted) -> Result<CaseReport, Failure> {
    let definition = &script.definition;
    let ran = play(script, Some(planted.clone()))?;
    let judged = judge(script, planted, &ran);
    let mut problems: Vec<String> = judged.err().into_iter().collect();
    problems.extend(audit(&ran));
    let step = definition.step(&planted.step);
    Ok(CaseReport {
        step: planted.step.to_string(),
        fault: planted.fault.as_str(),
        end: ran.end.as_str(),
        undone: undone(&ran.root.history)
            .iter()
            .map(ToString::to_string)
            .collect(),
        virtual_seconds: ran.took.as_secs_f64(),
        legal: problems.is_empty(),
        problems,
        outage_ended: planted.fault == Fault::Timeout
            && ran.end == End::Completed
            && step.is_some_and(|it| outlasts_outage(it, &planted.key(), &ran.root.history)),
        residue: residue(&ran.root.saga),
        chronicle: chronicle(&ran.root.history),
    })
}

fn residue(saga: &Saga) -> Vec<String> {
    match &saga.phase {
        Phase::Compensated { residue } => residue.iter().map(ToString::to_string).collect(),
        Phase::Running
        | Phase::Compensating
        | Phase::Completed
        | Phase::CompensationFailed
        | Phase::Terminated => Vec::new(),
    }
}

/// A history as lines, with the time since the start.
fn chronicle(history: &[Event]) -> Vec<String> {
    let Some(first) = history.first() else {
        return Vec::new();
    };
    history
        .iter()
        .map(|event| {
            let passed = moment(event.at.since(first.at).as_secs_f64());
            let what = narrative::describe(&without_worker(&event.kind));
            format!("{passed:>8}  {what}")
        })
        .collect()
}

/// There is one worker after the other, and their names change from run to run.
fn without_worker(event: &EventKind) -> EventKind {
    let mut event = event.clone();
    if let EventKind::StepSucceeded { worker, .. } | EventKind::AttemptStarted { worker, .. } =
        &mut event
    {
        *worker = None;
    }
    event
}
