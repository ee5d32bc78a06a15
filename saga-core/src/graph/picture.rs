//! What there is to draw, before anybody decides how.

use crate::definition::{Definition, Effect, OnFailure, Step, StepKind};
use crate::time::format_span;

/// A definition as boxes and arrows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Name and version.
    pub title: String,
    /// One sentence for people.
    pub description: Option<String>,
    /// The steps, in the order of the definition.
    pub cards: Vec<Card>,
    /// Which step follows which: positions in `cards`. What follows from other arrows is left out.
    pub arrows: Vec<(usize, usize)>,
    /// Which undo follows which, from the later step to the earlier one.
    pub undo_arrows: Vec<(usize, usize)>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Its id.
    pub name: String,
    /// What it does.
    pub kind: Kind,
    /// It runs once for each element of a list.
    pub each: bool,
    /// Only when this computes true.
    pub when: Option<String>,
    /// What becomes of its effect.
    pub undo: Undo,
    /// The point of no return.
    pub pivot: bool,
    /// It comes after the point of no return.
    pub after_pivot: bool,
    /// What happens when it fails, where that is not the usual.
    pub on_failure: Option<String>,
    /// What is done in its place when it fails.
    pub fallback: Option<String>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A worker does it.
    Action(String),
    /// It waits for a signal.
    Signal(String),
    /// It waits for a time.
    Sleep(String),
    /// It runs another saga.
    Child(String),
}

/// What becomes of a step's effect when the saga turns back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undo {
    /// This operation undoes it.
    Action(String),
    /// It stays, for this reason.
    Residue(String),
    /// There is none.
    NoEffect,
    /// The saga does not turn back any more.
    Never,
}

impl Picture {
    /// The picture of a definition.
    #[must_use]
    pub fn of(definition: &Definition) -> Self {
        let steps = &definition.steps;
        let edges: Vec<Vec<usize>> = steps.iter().map(|step| step.depends_on.clone()).collect();
        let reach = reachable(&edges);
        let after_pivot =
            |at: usize| (0..steps.len()).any(|other| steps[other].pivot && reach[at][other]);
        let cards: Vec<Card> = steps
            .iter()
            .enumerate()
            .map(|(at, step)| card(step, after_pivot(at)))
            .collect();
        let undoable: Vec<bool> = cards
            .iter()
            .map(|card| matches!(card.undo, Undo::Action(_)))
            .collect();
        Self {
            title: definition.reference.to_string(),
            description: definition.description.clone(),
            arrows: reduced(&edges, &reach),
            undo_arrows: undo_arrows(&undoable, &reach),
            cards,
        }
    }
}

fn card(step: &Step, after_pivot: bool) -> Card {
    Card {
        name: step.name.to_string(),
        kind: kind(&step.kind),
        each: step.for_each.is_some(),
        when: step.when.as_ref().map(|when| when.text().to_owned()),
        undo: match &step.effect {
            Effect::None => Undo::NoEffect,
            Effect::Child => Undo::Action("undoes itself".to_owned()),
            Effect::Compensate(undo) => Undo::Action(undo.action.to_string()),
            Effect::Residue(because) => Undo::Residue(because.clone()),
            Effect::Retriable => Undo::Never,
        },
        pivot: step.pivot,
        after_pivot,
        on_failure: match &step.on_failure {
            OnFailure::Pause if !after_pivot => Some("pauses on failure".to_owned()),
            OnFailure::Continue => Some("passed over on failure".to_owned()),
            OnFailure::Compensate
            | OnFailure::Pause
            | OnFailure::Output(_)
            | OnFailure::Fallback(_)
            | OnFailure::LastGood(_) => None,
        },
        fallback: match &step.on_failure {
            OnFailure::Output(value) => Some(format!("else {value}")),
            OnFailure::LastGood(age) => {
                let age = format_span(*age);
                Some(format!("else the last good, up to {age}"))
            }
            OnFailure::Fallback(other) => Some(match kind(&other.kind) {
                Kind::Action(does) | Kind::Signal(does) | Kind::Sleep(does) | Kind::Child(does) => {
                    format!("else {does}")
                }
            }),
            OnFailure::Compensate | OnFailure::Pause | OnFailure::Continue => None,
        },
    }
}

fn kind(kind: &StepKind) -> Kind {
    match kind {
        StepKind::Action(call) => Kind::Action(call.action.to_string()),
        StepKind::Wait(wait) => Kind::Signal(match wait.timeout {
            Some(timeout) => format!("{}, for {}", wait.signal, format_span(timeout)),
            None => wait.signal.to_string(),
        }),
        StepKind::Sleep(span) => {
            let span = span.written();
            Kind::Sleep(
                span.as_str()
                    .map_or_else(|| span.to_string(), str::to_owned),
            )
        }
        StepKind::Saga(child) => Kind::Child(match &child.version {
            Some(version) => format!("{} {version}", child.name),
            None => child.name.to_string(),
        }),
    }
}

/// For each step, which others come before it. The compiler has ruled out cycles, and orders of
/// steps other than that of the file are possible.
fn reachable(edges: &[Vec<usize>]) -> Vec<Vec<bool>> {
    let mut reach = vec![vec![false; edges.len()]; edges.len()];
    let mut changed = true;
    while changed {
        changed = false;
        for (at, earlier) in edges.iter().enumerate() {
            for dependency in earlier {
                let before = reach[*dependency].clone();
                let own = &mut reach[at];
                changed |= !own[*dependency];
                own[*dependency] = true;
                for (mine, theirs) in own.iter_mut().zip(before) {
                    changed |= theirs && !*mine;
                    *mine |= theirs;
                }
            }
        }
    }
    reach
}

/// The arrows without those that follow from others.
fn reduced(edges: &[Vec<usize>], reach: &[Vec<bool>]) -> Vec<(usize, usize)> {
    let mut arrows = Vec::new();
    for (to, earlier) in edges.iter().enumerate() {
        for from in earlier {
            let follows = earlier.iter().any(|other| reach[*other][*from]);
            if !follows {
                arrows.push((*from, to));
            }
        }
    }
    arrows
}

/// Undoing goes against the arrows, past the steps that have nothing to undo.
fn undo_arrows(undoable: &[bool], reach: &[Vec<bool>]) -> Vec<(usize, usize)> {
    let mut arrows = Vec::new();
    for later in 0..undoable.len() {
        let before: Vec<usize> = (0..undoable.len())
            .filter(|earlier| undoable[later] && undoable[*earlier] && reach[later][*earlier])
            .collect();
        for earlier in &before {
            if !before.iter().any(|between| reach[*between][*earlier]) {
                arrows.push((later, *earlier));
            }
        }
    }
    arrows
}
