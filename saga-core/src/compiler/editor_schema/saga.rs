//! The schema of a saga's file.

use serde_json::{Value, json};

use super::super::lower_step::PRIORITY_MAX;
use super::super::policy::{ATTEMPTS_MAX, COEFFICIENT_MAX};
use super::super::{lower, lower_failure, lower_key, lower_kind, lower_step, policy};
use super::parts::{ACTION, DIALECT, VERSION, any, described, object, text};

const SPAN: &str = "^([0-9]+(ms|s|m|h|d))+$";
const SPAN_REF: &str = "#/definitions/span";

/// The schema of a saga's file.
#[must_use]
pub fn saga_schema() -> Value {
    let mut schema = object(&lower::KNOWN, &["saga", "version", "steps"], saga_field);
    schema["$schema"] = DIALECT.into();
    schema["title"] = "A saga of amends".into();
    schema["definitions"] = json!({
        "span": { "type": "string", "pattern": SPAN, "examples": ["250ms", "30s", "1m30s", "2h"] },
        "action": { "type": "string", "pattern": ACTION, "examples": ["payments.charge"] },
        "retry": object(&policy::RETRY, &[], retry_field),
        "timeouts": object(&policy::TIMEOUTS, &[], |name| described(timeout(name), SPAN_REF)),
        "compensate": object(&lower_step::COMPENSATE, &["action"], compensate_field),
        "wait": object(&lower_kind::WAIT, &["signal"], wait_field),
        "child": object(&lower_kind::SAGA, &["name"], child_field),
        "fallback": object(&lower_failure::KNOWN, &[], fallback_field),
        "step": object(&lower_step::KNOWN, &["id"], step_field),
    });
    schema
}

fn saga_field(name: &str) -> Value {
    match name {
        "saga" => json!({
            "description": "The saga's name: lower-case letters, digits and dashes",
            "type": "string",
            "pattern": "^[a-z][a-z0-9-]*$",
            "maxLength": lower::NAME_BYTES_MAX,
        }),
        "version" => json!({
            "description": "Semantic version; a registered version never changes",
            "type": "string",
            "pattern": VERSION,
        }),
        "description" => text("One sentence for people"),
        "key" => text("Business key: starting twice with it returns the same saga"),
        "deadline" => described(
            "For the way forward; when it passes the saga compensates, after the pivot it alerts",
            SPAN_REF,
        ),
        "max_lifetime" => described(
            "After that the saga rests paused; 30d when absent",
            SPAN_REF,
        ),
        "labels" => json!({
            "description": "Labels that every saga of this definition carries",
            "type": "object",
            "additionalProperties": { "type": ["string", "number", "boolean"] },
        }),
        "input" => json!({
            "description": "JSON Schema (2020-12) of the start payload",
            "type": ["object", "boolean"],
        }),
        "defaults" => {
            let mut defaults = object(&lower::DEFAULTS, &[], policy_field);
            defaults["description"] = "What steps and compensations inherit".into();
            defaults
        }
        "steps" => json!({
            "description": "One after the other, unless depends_on says otherwise",
            "type": "array",
            "minItems": 1,
            "maxItems": lower::STEPS_MAX,
            "items": { "$ref": "#/definitions/step" },
        }),
        "output" => any("The saga's answer"),
        "id_reuse_policy" => json!({
            "description": "What a start with the key of a saga that has ended leads to",
            "enum": lower_key::REUSE.map(|(word, _)| word),
        }),
        "id_conflict_policy" => json!({
            "description": "What a start with the key of a running saga leads to",
            "enum": lower_key::CONFLICT.map(|(word, _)| word),
        }),
        _ => json!({}),
    }
}

fn policy_field(name: &str) -> Value {
    match name {
        "retry" => described(
            "How often and when it is tried again",
            "#/definitions/retry",
        ),
        "timeouts" => described("How long it may take", "#/definitions/timeouts"),
        _ => json!({}),
    }
}

fn compensate_field(name: &str) -> Value {
    match name {
        "action" => described(
            "pool.operation that undoes the step",
            "#/definitions/action",
        ),
        "input" => any("What it is given; it may read the step's own output"),
        other => policy_field(other),
    }
}

/// Which kind of step it is, and whether it runs once for each element.
fn kind_field(name: &str) -> Value {
    match name {
        "wait_for" => described("Waits for a signal", "#/definitions/wait"),
        "sleep" => json!({
            "description": "Waits a time; may be computed",
            "type": "string",
        }),
        "saga" => described("Runs another saga", "#/definitions/child"),
        "for_each" => json!({
            "description": "One expression that computes a list; the step runs for each element",
            "type": "string",
            "pattern": "^\\s*\\$\\{[\\s\\S]*\\}\\s*$",
        }),
        "as" => json!({
            "description": "What expressions call an element; item when absent",
            "type": "string",
            "pattern": "^[a-z][A-Za-z0-9_]*$",
            "not": { "enum": ["input", "saga", "steps"] },
        }),
        "max_parallel" => json!({
            "description": "Elements under way at once; 10 when absent",
            "type": "integer",
            "minimum": 1,
            "maximum": lower_kind::PARALLEL_MAX,
        }),
        other => policy_field(other),
    }
}

fn wait_field(name: &str) -> Value {
    match name {
        "signal" => json!({
            "description": "The signal's name",
            "type": "string",
            "pattern": "^[A-Za-z][A-Za-z0-9_.-]*$",
            "maxLength": lower_kind::SIGNAL_NAME_BYTES_MAX,
        }),
        "timeout" => described(
            "How long it waits at most; without limit when absent",
            SPAN_REF,
        ),
        "on_timeout" => json!({
            "description": "What happens when no signal came in time; fail when absent",
            "oneOf": [
                { "enum": ["fail", "continue"] },
                {
                    "type": "object",
                    "required": ["output"],
                    "additionalProperties": false,
                    "properties": { "output": any("What the step answers then") },
                },
            ],
        }),
        _ => json!({}),
    }
}

fn child_field(name: &str) -> Value {
    match name {
        "name" => json!({
            "description": "The other saga's name",
            "type": "string",
            "pattern": "^[a-z][a-z0-9-]*$",
        }),
        "version" => json!({
            "description": "Its version; the highest usable one when absent",
            "type": "string",
            "pattern": VERSION,
        }),
        "input" => any("What it is started with"),
        _ => json!({}),
    }
}

fn fallback_field(name: &str) -> Value {
    match name {
        "output" => any("What its dependents read instead"),
        "last_good" => described(
            "Go on with the newest output of this operation for the same input, no older than this",
            SPAN_REF,
        ),
        "action" => described(
            "pool.operation that is done instead",
            "#/definitions/action",
        ),
        other => step_field(other),
    }
}

fn step_field(name: &str) -> Value {
    match name {
        "id" => json!({
            "description": "How expressions call the step",
            "type": "string",
            "pattern": "^[a-z][A-Za-z0-9_]*$",
            "maxLength": lower::NAME_BYTES_MAX,
            "not": { "enum": ["input", "saga", "steps"] },
        }),
        "action" => described(
            "pool.operation: which workers do it",
            "#/definitions/action",
        ),
        "input" => any("What it is given; ${…} is computed"),
        "when" => json!({
            "description": "One expression; false skips the step",
            "type": "string",
            "pattern": "^\\s*\\$\\{[\\s\\S]*\\}\\s*$",
        }),
        "depends_on" => json!({
            "description": "Steps that must finish first; [] starts at once; absent: the one before",
            "type": "array",
            "uniqueItems": true,
            "items": { "type": "string" },
        }),
        "compensate" => json!({
            "description": "What undoes the step; none, with because, when nothing can",
            "oneOf": [{ "const": "none" }, { "$ref": "#/definitions/compensate" }],
        }),
        "because" => text("Why the step cannot be undone; goes with compensate: none"),
        "no_effect" => json!({
            "description": "The step changes nothing",
            "const": true,
        }),
        "pivot" => json!({
            "description": "The point of no return: once it has succeeded, the saga goes forward",
            "type": "boolean",
        }),
        "on_failure" => json!({
            "description": "What happens when it fails for good; compensate when absent",
            "oneOf": [
                { "enum": lower_failure::WORDS },
                { "$ref": "#/definitions/fallback" },
            ],
        }),
        "priority" => json!({
            "description": "Orders the work of one queue, higher first",
            "type": "integer",
            "minimum": 0,
            "maximum": PRIORITY_MAX,
        }),
        other => kind_field(other),
    }
}

fn retry_field(name: &str) -> Value {
    match name {
        "initial_interval" => described("Delay before the second attempt; 1s", SPAN_REF),
        "maximum_interval" => described("No delay is longer; 1m", SPAN_REF),
        "backoff_coefficient" => json!({
            "description": "Each further delay is this many times longer; 2.0",
            "type": "number",
            "minimum": 1,
            "maximum": COEFFICIENT_MAX,
        }),
        "maximum_attempts" => json!({
            "description": "Attempts in all; 0 has no limit; 5",
            "type": "integer",
            "minimum": 0,
            "maximum": ATTEMPTS_MAX,
        }),
        "jitter" => json!({
            "description": "Delays vary by this share in both directions; 0.2",
            "type": "number",
            "minimum": 0,
            "maximum": 1,
        }),
        "non_retryable_errors" => json!({
            "description": "Error codes that are not worth another attempt",
            "type": "array",
            "items": { "type": ["string", "number"] },
        }),
        _ => json!({}),
    }
}

fn timeout(name: &str) -> &'static str {
    match name {
        "schedule_to_start" => "From dispatch until a worker begins",
        "start_to_close" => "One attempt, from the handler's start to its end",
        "schedule_to_close" => "All attempts, from the first dispatch",
        "heartbeat" => "Longest silence of a running handler",
        _ => "",
    }
}
