//! What a saga costs and how long it can take, as `amends validate --load` shows it.

use std::time::Duration;

use saga_core::definition::{Budget, CallBudget, Cost, Definition, Load};
use saga_core::time::format_span;
use serde::Serialize;

/// The worst case and the load of one definition. What is absent has no limit.
#[derive(Debug, Serialize)]
pub struct LoadView {
    forward: CostView,
    undone: CostView,
    #[serde(skip_serializing_if = "Option::is_none")]
    forward_seconds_max: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undo_seconds_max: Option<f64>,
    steps: Vec<StepView>,
}

/// Of one saga that runs this way.
#[derive(Debug, Serialize)]
struct CostView {
    rows: usize,
    ledger_rows: usize,
    messages: usize,
    stored_bytes: usize,
    message_bytes: usize,
}

#[derive(Debug, Serialize)]
struct StepView {
    step: String,
    action: CallView,
    #[serde(skip_serializing_if = "Option::is_none")]
    undo: Option<CallView>,
}

#[derive(Debug, Serialize)]
struct CallView {
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts_max: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deliveries_max: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_max: Option<f64>,
}

impl LoadView {
    /// What the core says about a definition.
    pub fn of(definition: &Definition) -> Self {
        let (budget, load) = (Budget::of(definition), Load::of(definition));
        let seconds = |span: Option<Duration>| span.map(|span| span.as_secs_f64());
        Self {
            forward: CostView::of(&load.forward),
            undone: CostView::of(&load.undone),
            forward_seconds_max: seconds(budget.forward),
            undo_seconds_max: seconds(budget.undo),
            steps: budget
                .steps
                .iter()
                .map(|step| StepView {
                    step: step.step.to_string(),
                    action: CallView::of(&step.action),
                    undo: step.undo.as_ref().map(CallView::of),
                })
                .collect(),
        }
    }
}

impl CostView {
    const fn of(cost: &Cost) -> Self {
        Self {
            rows: cost.rows,
            ledger_rows: cost.ledger_rows,
            messages: cost.messages,
            stored_bytes: cost.stored_bytes,
            message_bytes: cost.message_bytes,
        }
    }
}

impl CallView {
    fn of(call: &CallBudget) -> Self {
        Self {
            attempts_max: call.attempts,
            deliveries_max: call.deliveries,
            seconds_max: call.wall_time.map(|span| span.as_secs_f64()),
        }
    }
}

/// The same for people.
pub fn told(definition: &Definition) -> String {
    let (budget, load) = (Budget::of(definition), Load::of(definition));
    let mut text = String::new();
    for (name, cost) in [("completed", load.forward), ("undone", load.undone)] {
        text.push_str(&format!(
            "  a saga that is {name}: {} rows, {} ledger rows, {} messages, about {} stored and {} \
             sent\n",
            cost.rows,
            cost.ledger_rows,
            cost.messages,
            kibibytes(cost.stored_bytes),
            kibibytes(cost.message_bytes)
        ));
    }
    text.push_str(&format!(
        "  at worst, with workers at hand: {} forward, {} to undo\n",
        span(budget.forward),
        span(budget.undo)
    ));
    let names = budget.steps.iter().map(|step| step.step.as_str().len());
    let width = names.max().unwrap_or(0);
    for step in &budget.steps {
        let name = step.step.as_str();
        text.push_str(&format!("    {name:<width$}  {}", call(&step.action)));
        if let Some(undo) = &step.undo {
            text.push_str(&format!("; undo {}", call(undo)));
        }
        text.push('\n');
    }
    text
}

fn call(budget: &CallBudget) -> String {
    let attempts = match budget.attempts {
        Some(1) => "1 attempt".to_owned(),
        Some(attempts) => format!("{attempts} attempts"),
        None => "attempts without limit".to_owned(),
    };
    format!("{attempts}, {}", span(budget.wall_time))
}

fn span(span: Option<Duration>) -> String {
    // Fractions of a second say nothing about a worst case.
    let whole = |span: Duration| {
        let up = u64::from(span.subsec_millis() >= 500 || span.as_secs() == 0);
        Duration::from_secs(span.as_secs().saturating_add(up))
    };
    span.map_or_else(
        || "no limit".to_owned(),
        |span| {
            if span.is_zero() {
                "0s".to_owned()
            } else {
                format_span(whole(span))
            }
        },
    )
}

fn kibibytes(bytes: usize) -> String {
    const KIBIBYTE: usize = 1024;
    format!("{} KiB", bytes.div_ceil(KIBIBYTE))
}
