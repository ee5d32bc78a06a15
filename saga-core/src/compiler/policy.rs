//! Retry policies and time limits, merged over what stands above them.

use std::collections::BTreeSet;
use std::time::Duration;

use super::code::Code;
use super::diagnostic::{Report, Span};
use super::fields::{self, Fields};
use super::lower::Defaults;
use super::tree::{Entry, Node};
use crate::definition::{RetryPolicy, Timeouts};
use crate::time::format_span;

/// Highest `maximum_attempts`; 0 says that there is no limit.
pub const ATTEMPTS_MAX: u32 = 1_000_000;

/// Highest `backoff_coefficient`.
pub const COEFFICIENT_MAX: f64 = 100.0;

pub(super) const RETRY: [&str; 6] = [
    "initial_interval",
    "backoff_coefficient",
    "maximum_interval",
    "maximum_attempts",
    "jitter",
    "non_retryable_errors",
];
pub(super) const TIMEOUTS: [&str; 4] = [
    "schedule_to_start",
    "start_to_close",
    "schedule_to_close",
    "heartbeat",
];

/// The retry policy and the time limits of one mapping, over `base`.
pub(super) fn both(
    fields: &Fields<'_>,
    base: &Defaults,
    report: &mut Report<'_>,
) -> (RetryPolicy, Timeouts) {
    let entries = [fields.get("retry"), fields.get("timeouts")];
    let policy = match entries[0] {
        Some(entry) => retry(&entry.value, &base.retry, report),
        None => base.retry.clone(),
    };
    let limits = match entries[1] {
        Some(entry) => timeouts(&entry.value, base.timeouts, report),
        None => base.timeouts,
    };
    let first_delay = policy.initial_interval.mul_f64(1.0 - policy.jitter);
    let written = entries.into_iter().flatten().next();
    if let (Some(total), Some(entry)) = (limits.schedule_to_close, written)
        && policy.maximum_attempts != 1
        && first_delay >= total
    {
        report.warning(
            Code::RetryNeverFires,
            entry.key_span,
            format!(
                "the first retry, after {}, comes later than schedule_to_close, {}",
                format_span(policy.initial_interval),
                format_span(total)
            ),
            "shorten initial_interval, raise schedule_to_close or set maximum_attempts to 1",
        );
    }
    (policy, limits)
}

/// A retry policy: what is written, over `base`.
pub(super) fn retry(node: &Node, base: &RetryPolicy, report: &mut Report<'_>) -> RetryPolicy {
    let mut policy = base.clone();
    let Some(fields) = Fields::read(node, "retry", &RETRY, report) else {
        return policy;
    };
    let initial = fields.get("initial_interval");
    let maximum = fields.get("maximum_interval");
    if let Some(span) = initial.and_then(|entry| fields::span(entry, report)) {
        policy.initial_interval = span;
    }
    if let Some(span) = maximum.and_then(|entry| fields::span(entry, report)) {
        policy.maximum_interval = span;
    }
    if let Some(entry) = fields.get("maximum_attempts")
        && let Some(count) = fields::count(entry, ATTEMPTS_MAX, report)
    {
        policy.maximum_attempts = count;
    }
    if let Some(value) = fields
        .get("backoff_coefficient")
        .and_then(|e| coefficient(e, report))
    {
        policy.backoff_coefficient = value;
    }
    if let Some(value) = fields.get("jitter").and_then(|entry| jitter(entry, report)) {
        policy.jitter = value;
    }
    if let Some(codes) = fields
        .get("non_retryable_errors")
        .and_then(|e| error_codes(e, report))
    {
        policy.non_retryable_errors = codes;
    }
    if policy.initial_interval > policy.maximum_interval
        && let Some(entry) = initial.or(maximum)
    {
        report.error_with(
            Code::IntervalsCrossed,
            entry.value.span,
            format!(
                "the first delay, {}, is longer than maximum_interval, {}",
                format_span(policy.initial_interval),
                format_span(policy.maximum_interval)
            ),
            "raise maximum_interval or lower initial_interval",
        );
    }
    policy
}

fn coefficient(entry: &Entry, report: &mut Report<'_>) -> Option<f64> {
    let value = fields::float(entry, report)?;
    if value < 1.0 {
        report.error_with(
            Code::ShrinkingBackoff,
            entry.value.span,
            "with a coefficient below 1 every delay is shorter than the one before",
            "use 1.0 for equal delays, 2.0 to double them",
        );
        return None;
    }
    if value > COEFFICIENT_MAX {
        let message = format!("`backoff_coefficient` must be at most {COEFFICIENT_MAX}");
        report.error(Code::OutOfRange, entry.value.span, message);
        return None;
    }
    Some(value)
}

fn jitter(entry: &Entry, report: &mut Report<'_>) -> Option<f64> {
    let value = fields::float(entry, report)?;
    if (0.0..=1.0).contains(&value) {
        return Some(value);
    }
    report.error_with(
        Code::BadJitter,
        entry.value.span,
        "jitter is a share of the delay, from 0.0 to 1.0",
        "0.2 varies each delay by up to a fifth in both directions",
    );
    None
}

fn error_codes(entry: &Entry, report: &mut Report<'_>) -> Option<BTreeSet<String>> {
    let mut codes = BTreeSet::new();
    for node in fields::list(entry, report)? {
        match node.scalar() {
            Some(scalar) if !scalar.text.is_empty() && !node.is_null() => {
                codes.insert(scalar.text.clone());
            }
            _ => fields::wrong_type(node, "an error code must be text", report),
        }
    }
    Some(codes)
}

/// Time limits: what is written, over `base`.
pub(super) fn timeouts(node: &Node, base: Timeouts, report: &mut Report<'_>) -> Timeouts {
    let Some(fields) = Fields::read(node, "timeouts", &TIMEOUTS, report) else {
        return base;
    };
    let mut limit = |name: &'static str, base: Option<Duration>| {
        let entry = fields.get(name);
        let written = entry.and_then(|entry| fields::span(entry, report));
        Limit {
            name,
            span: written.or(base),
            at: written.and(entry.map(|entry| entry.value.span)),
        }
    };
    let to_start = limit("schedule_to_start", base.schedule_to_start);
    let attempt = limit("start_to_close", base.start_to_close);
    let total = limit("schedule_to_close", base.schedule_to_close);
    let heartbeat = limit("heartbeat", base.heartbeat);
    if let Some((total_span, attempt_span, at)) = total.against(&attempt)
        && total_span < attempt_span
    {
        report.error_with(
            Code::AttemptOutlivesStep,
            at,
            format!(
                "schedule_to_close, {}, is shorter than start_to_close, {}",
                format_span(total_span),
                format_span(attempt_span)
            ),
            "one attempt must fit into the time of the whole step",
        );
    }
    never_fires(&heartbeat, &attempt, report);
    never_fires(&to_start, &total, report);
    Timeouts {
        schedule_to_start: to_start.span,
        start_to_close: attempt.span,
        schedule_to_close: total.span,
        heartbeat: heartbeat.span,
    }
}

/// One time limit, and where it is written when it is written here.
struct Limit {
    name: &'static str,
    span: Option<Duration>,
    at: Option<Span>,
}

impl Limit {
    /// Both limits and where to point, when both are set and one of them is written here.
    fn against(&self, other: &Self) -> Option<(Duration, Duration, Span)> {
        Some((self.span?, other.span?, self.at.or(other.at)?))
    }
}

fn never_fires(inner: &Limit, outer: &Limit, report: &mut Report<'_>) {
    if let Some((limit, end, at)) = inner.against(outer)
        && limit >= end
    {
        report.error_with(
            Code::TimeoutNeverFires,
            at,
            format!(
                "{}, {}, can never fire before {}, {}",
                inner.name,
                format_span(limit),
                outer.name,
                format_span(end)
            ),
            format!("make {} shorter or leave it away", inner.name),
        );
    }
}
