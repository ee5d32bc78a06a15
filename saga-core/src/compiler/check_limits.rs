//! Time limits and retries against what the broker allows and against the end of the saga.

use std::collections::BTreeMap;
use std::time::Duration;

use super::check_effects::pivot_before;
use super::check_graph::Graph;
use super::check_operations::steps;
use super::code::Code;
use super::compile::MAX_LIFETIME_DEFAULT;
use super::diagnostic::{Report, Span};
use super::draft::{Draft, DraftCompensate, Shape};
use super::tree::Node;
use crate::definition::{RetryPolicy, Timeouts, attempts_within};
use crate::time::format_span;

/// How long RabbitMQ waits for a consumer to acknowledge, unless it is told otherwise.
pub const CONSUMER_TIMEOUT: Duration = Duration::from_mins(30);

/// The longest a queue can hold a message: the broker counts milliseconds in 32 bits.
pub const BROKER_DELAY_MAX: Duration = Duration::from_millis(u32::MAX as u64);

/// Reports limits that another limit makes meaningless, and those that the broker does not keep.
pub(super) fn check(root: &Node, draft: &Draft, graph: &Graph, report: &mut Report<'_>) {
    let nodes: BTreeMap<&str, &Node> = steps(root)
        .into_iter()
        .filter_map(|step| Some((step.id?, step.node)))
        .collect();
    let lifetime = draft
        .max_lifetime
        .map_or(MAX_LIFETIME_DEFAULT, |(span, _)| span);
    for (position, step) in draft.steps.iter().enumerate() {
        let node = step.id.as_deref().and_then(|id| nodes.get(id));
        let Some(node) = node.filter(|_| step.shape == Shape::Action && !report.is_full()) else {
            continue;
        };
        // What follows the pivot is not turned back by a deadline, and the pivot is settled first.
        let turned_back = !step.is_pivot() && pivot_before(position, &draft.steps, graph).is_none();
        let deadline = draft.deadline.filter(|_| turned_back && !graph.cyclic);
        let limits = Limits {
            root,
            node,
            retry: &step.retry,
            timeouts: &step.timeouts,
        };
        limits.check(deadline.map(|(span, _)| span), lifetime, report);
        undo(root, node, &step.compensate, lifetime, report);
        if let Some(fallback) = step.fallback()
            && let Some(node) = node.field("on_failure")
        {
            let limits = Limits {
                root,
                node,
                retry: &fallback.retry,
                timeouts: &fallback.timeouts,
            };
            limits.check(deadline.map(|(span, _)| span), lifetime, report);
            undo(root, node, &fallback.compensate, lifetime, report);
        }
    }
}

fn undo(
    root: &Node,
    holder: &Node,
    compensate: &DraftCompensate,
    lifetime: Duration,
    report: &mut Report<'_>,
) {
    if let DraftCompensate::Undo(Some(undo), _) = compensate
        && let Some(node) = holder.field("compensate")
    {
        let limits = Limits {
            root,
            node,
            retry: &undo.retry,
            timeouts: &undo.timeouts,
        };
        limits.check(None, lifetime, report);
    }
}

/// The policy and limits of one action or undo, and where they are written.
struct Limits<'d> {
    root: &'d Node,
    node: &'d Node,
    retry: &'d RetryPolicy,
    timeouts: &'d Timeouts,
}

impl Limits<'_> {
    fn check(&self, deadline: Option<Duration>, lifetime: Duration, report: &mut Report<'_>) {
        self.consumer(report);
        self.broker(report);
        self.attempts(report);
        let limit = self.timeouts.schedule_to_close;
        let Some((limit, at)) = limit.zip(self.written("timeouts", "schedule_to_close")) else {
            return;
        };
        let ends = [("the deadline", deadline), ("max_lifetime", Some(lifetime))];
        let first = ends
            .into_iter()
            .filter_map(|(name, end)| Some((name, end?)))
            .find(|(_, end)| limit > *end);
        if let Some((name, end)) = first {
            report.warning(
                Code::LimitBehindEnd,
                at,
                format!(
                    "schedule_to_close, {}, is longer than {name}, {}",
                    format_span(limit),
                    format_span(end)
                ),
                format!("{name} comes first; make the limit shorter or {name} longer"),
            );
        }
    }

    fn consumer(&self, report: &mut Report<'_>) {
        let limit = self.timeouts.start_to_close;
        if let Some((limit, at)) = limit.zip(self.written("timeouts", "start_to_close"))
            && limit > CONSUMER_TIMEOUT
        {
            report.warning(
                Code::OutlivesConsumer,
                at,
                format!(
                    "an attempt may take {}, the broker takes it away after {}",
                    format_span(limit),
                    format_span(CONSUMER_TIMEOUT)
                ),
                "split the step, or start the work here and wait for its end in a later step",
            );
        }
    }

    fn broker(&self, report: &mut Report<'_>) {
        let delays = [
            ("initial_interval", self.retry.initial_interval),
            ("maximum_interval", self.retry.maximum_interval),
        ];
        for (name, delay) in delays {
            if delay > BROKER_DELAY_MAX
                && let Some(at) = self.written("retry", name)
            {
                report.error_with(
                    Code::DelayOverBroker,
                    at,
                    format!(
                        "{name}, {}, is longer than any queue holds a message",
                        format_span(delay)
                    ),
                    "delays go up to 49d",
                );
            }
        }
    }

    fn attempts(&self, report: &mut Report<'_>) {
        let Some(limit) = self.timeouts.schedule_to_close else {
            return;
        };
        let allowed = self.retry.maximum_attempts;
        let fitting = attempts_within(self.retry, limit);
        // That not even the second fits is told where the policy is read.
        if fitting < 2 || allowed <= fitting {
            return;
        }
        // Nobody was misled by a number that nobody wrote.
        let Some(attempts) = self.written("retry", "maximum_attempts") else {
            return;
        };
        let here = |group: &str, name: &str| Some(self.node.field(group)?.field(name)?.span);
        let at = here("retry", "maximum_attempts")
            .or_else(|| here("timeouts", "schedule_to_close"))
            .unwrap_or(attempts);
        report.warning(
            Code::AttemptsNeverCome,
            at,
            format!(
                "of {allowed} attempts at most {fitting} fit into schedule_to_close, {}",
                format_span(limit)
            ),
            "lower maximum_attempts, shorten the delays or raise schedule_to_close",
        );
    }

    /// Where a field is written: here, or else under `defaults`.
    fn written(&self, group: &str, name: &str) -> Option<Span> {
        let inside = |node: &Node| Some(node.field(group)?.field(name)?.span);
        inside(self.node).or_else(|| self.root.field("defaults").and_then(inside))
    }
}
