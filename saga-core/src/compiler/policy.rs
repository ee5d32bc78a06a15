//! Retry policies and time limits, merged over what stands above them.

use std::collections::BTreeSet;
use std::time::Duration;

use super::code::Code;
use super::diagnostic::{Report, Span};
use super::fields::{self, Fields};
use super::tree::{Entry, Node};
use crate::definition::{RetryPolicy, Timeouts};
use crate::time::format_span;

/// Highest `maximum_attempts`; 0 says that there is no limit.
pub const ATTEMPTS_MAX: u32 = 1_000_000;

/// Highest `backoff_coefficient`.
pub const COEFFICIENT_MAX: f64 = 100.0;

/// A retry policy: what is written, over `base`.
pub(super) fn retry(node: &Node, base: &RetryPolicy, report: &mut Report<'_>) -> RetryPolicy {
    const KNOWN: [&str; 6] = [
        "initial_interval",
        "backoff_coefficient",
        "maximum_interval",
        "maximum_attempts",
        "jitter",
        "non_retryable_errors",
    ];
    let mut policy = base.clone();
    let Some(fields) = Fields::read(node, "retry", &KNOWN, &[], report) else {
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
    const KNOWN: [&str; 4] = [
        "schedule_to_start",
        "start_to_close",
        "schedule_to_close",
        "heartbeat",
    ];
    let Some(fields) = Fields::read(node, "timeouts", &KNOWN, &[], report) else {
        return base;
    };
    let [
        schedule_to_start,
        start_to_close,
        schedule_to_close,
        heartbeat,
    ] = KNOWN.map(|name| {
        let entry = fields.get(name)?;
        Some((fields::span(entry, report)?, entry.value.span))
    });
    let span = |limit: Option<(Duration, Span)>| limit.map(|(span, _)| span);
    let merged = Timeouts {
        schedule_to_start: span(schedule_to_start).or(base.schedule_to_start),
        start_to_close: span(start_to_close).or(base.start_to_close),
        schedule_to_close: span(schedule_to_close).or(base.schedule_to_close),
        heartbeat: span(heartbeat).or(base.heartbeat),
    };
    let place = |limits: [Option<(Duration, Span)>; 2]| limits.into_iter().flatten().next();
    if let (Some(total), Some(attempt)) = (merged.schedule_to_close, merged.start_to_close)
        && total < attempt
        && let Some((_, at)) = place([schedule_to_close, start_to_close])
    {
        report.error_with(
            Code::AttemptOutlivesStep,
            at,
            format!(
                "schedule_to_close, {}, is shorter than start_to_close, {}",
                format_span(total),
                format_span(attempt)
            ),
            "one attempt must fit into the time of the whole step",
        );
    }
    let never = [
        (
            "heartbeat",
            merged.heartbeat,
            "start_to_close",
            merged.start_to_close,
            heartbeat,
            start_to_close,
        ),
        (
            "schedule_to_start",
            merged.schedule_to_start,
            "schedule_to_close",
            merged.schedule_to_close,
            schedule_to_start,
            schedule_to_close,
        ),
    ];
    for (name, limit, outer_name, outer, own, outer_own) in never {
        if let (Some(limit), Some(outer)) = (limit, outer)
            && limit >= outer
            && let Some((_, at)) = place([own, outer_own])
        {
            report.error_with(
                Code::TimeoutNeverFires,
                at,
                format!(
                    "{name}, {}, can never fire before {outer_name}, {}",
                    format_span(limit),
                    format_span(outer)
                ),
                format!("make {name} shorter or leave it away"),
            );
        }
    }
    merged
}
