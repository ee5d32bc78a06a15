//! Which step waits for which: names resolved, no cycle.

use std::collections::BTreeMap;

use super::code::Code;
use super::diagnostic::Report;
use super::draft::DraftStep;
use super::suggest::closest;

/// The steps as a graph of positions.
#[derive(Debug)]
pub(super) struct Graph {
    /// For each step, those it waits for.
    pub(super) depends_on: Vec<Vec<usize>>,
    /// For each step, those that wait for it.
    pub(super) dependents: Vec<Vec<usize>>,
    /// For each step, whether each other one has finished before it starts.
    before: Vec<Vec<bool>>,
    /// A cycle was found; nothing follows from the order of its steps.
    pub(super) cyclic: bool,
}

impl Graph {
    /// Whether `earlier` has certainly finished before `later` starts.
    pub(super) fn is_before(&self, earlier: usize, later: usize) -> bool {
        self.before[later][earlier]
    }
}

/// Positions of the steps by id; of steps with the same id, the first.
pub(super) fn positions(steps: &[DraftStep]) -> BTreeMap<&str, usize> {
    let mut positions = BTreeMap::new();
    for (position, step) in steps.iter().enumerate() {
        if let Some(id) = &step.id {
            positions.entry(id.as_str()).or_insert(position);
        }
    }
    positions
}

/// Resolves the dependencies and reports what is wrong with them.
pub(super) fn check(steps: &[DraftStep], report: &mut Report<'_>) -> Graph {
    let positions = positions(steps);
    for (position, step) in steps.iter().enumerate() {
        if let Some(id) = &step.id
            && let Some(first) = positions.get(id.as_str())
            && *first != position
        {
            report.error_with(
                Code::DuplicateStep,
                step.span,
                format!("there is already a step `{id}`"),
                format!("the first is in line {}", steps[*first].span.line),
            );
        }
    }
    let depends_on: Vec<Vec<usize>> = steps
        .iter()
        .enumerate()
        .map(|(position, step)| dependencies(position, step, &positions, report))
        .collect();
    let mut dependents = vec![Vec::new(); steps.len()];
    for (position, earlier) in depends_on.iter().enumerate() {
        for dependency in earlier {
            dependents[*dependency].push(position);
        }
    }
    let order = order(&depends_on, &dependents);
    let cyclic = order.len() < steps.len();
    if cyclic {
        report_cycle(steps, &depends_on, &order, report);
    }
    let mut before = vec![vec![false; steps.len()]; steps.len()];
    for position in order {
        for dependency in &depends_on[position] {
            let earlier = before[*dependency].clone();
            for (known, earlier) in before[position].iter_mut().zip(earlier) {
                *known |= earlier;
            }
            before[position][*dependency] = true;
        }
    }
    Graph {
        depends_on,
        dependents,
        before,
        cyclic,
    }
}

fn dependencies(
    position: usize,
    step: &DraftStep,
    positions: &BTreeMap<&str, usize>,
    report: &mut Report<'_>,
) -> Vec<usize> {
    let Some(names) = &step.depends_on else {
        return position.checked_sub(1).into_iter().collect();
    };
    let mut found = Vec::new();
    for (name, span) in names {
        if report.is_full() {
            break;
        }
        match positions.get(name.as_str()) {
            None => {
                let others = positions
                    .keys()
                    .copied()
                    .filter(|id| Some(*id) != step.id.as_deref());
                let help = match closest(name, others) {
                    Some(close) => format!("did you mean `{close}`?"),
                    None => "`depends_on` lists ids of steps of this saga".to_owned(),
                };
                let message = format!("there is no step `{name}`");
                report.error_with(Code::UnknownDependency, *span, message, help);
            }
            Some(dependency) if *dependency == position => {
                let message = format!("step `{name}` waits for itself");
                report.error(Code::SelfDependency, *span, message);
            }
            Some(dependency) if found.contains(dependency) => {
                let message = format!("`{name}` is listed twice");
                report.error(Code::DuplicateDependency, *span, message);
            }
            Some(dependency) => found.push(*dependency),
        }
    }
    found
}

/// The steps in an order in which each comes after what it waits for; those on or behind a cycle
/// are missing.
fn order(depends_on: &[Vec<usize>], dependents: &[Vec<usize>]) -> Vec<usize> {
    let mut waiting: Vec<usize> = depends_on.iter().map(Vec::len).collect();
    let mut order: Vec<usize> = (0..waiting.len())
        .filter(|step| waiting[*step] == 0)
        .collect();
    let mut next = 0;
    while let Some(step) = order.get(next).copied() {
        next += 1;
        for dependent in &dependents[step] {
            waiting[*dependent] -= 1;
            if waiting[*dependent] == 0 {
                order.push(*dependent);
            }
        }
    }
    order
}

/// Every step that is not in `order` waits for another such step, so following them closes a loop.
fn report_cycle(
    steps: &[DraftStep],
    depends_on: &[Vec<usize>],
    order: &[usize],
    report: &mut Report<'_>,
) {
    let is_stuck = |step: &usize| !order.contains(step);
    let Some(first) = (0..steps.len()).find(is_stuck) else {
        return;
    };
    let mut path = vec![first];
    let mut at = first;
    let start = loop {
        let Some(next) = depends_on[at].iter().copied().find(is_stuck) else {
            return;
        };
        if let Some(start) = path.iter().position(|step| *step == next) {
            break start;
        }
        path.push(next);
        at = next;
    };
    let ring = &path[start..];
    let names: Vec<&str> = ring
        .iter()
        .chain(&ring[..1])
        .map(|step| steps[*step].shown())
        .collect();
    let target = steps[ring[ring.len().min(2) - 1]].shown();
    let written = steps[ring[0]]
        .depends_on
        .iter()
        .flatten()
        .find(|(name, _)| name == target);
    let span = written.map_or(steps[ring[0]].span, |(_, span)| *span);
    let help = if written.is_some() {
        "take one of these dependencies away"
    } else {
        "a step without depends_on waits for the one written before it"
    };
    let message = format!("these steps wait for each other: {}", names.join(" -> "));
    report.error_with(Code::Cycle, span, message, help);
}
