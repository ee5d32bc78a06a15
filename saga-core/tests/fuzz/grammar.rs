//! Definitions made by rule: most of them nearly right, so that every check is reached.

use crate::dice::Dice;

/// Most steps of one made definition.
const STEPS_MAX: usize = 12;

const ACTIONS: [&str; 7] = [
    "orders.place",
    "orders.cancel",
    "payments.charge",
    "payments.refund",
    "post.send",
    "orders",
    "1.2",
];

const VALUES: [&str; 22] = [
    "${input.orderId}",
    "${input.amount}",
    "${input.items}",
    "${input.nothing}",
    "${has(input.note) ? input.note : \"none\"}",
    "text ${input.orderId} and ${input.amount}",
    "${steps.s0.output}",
    "${steps.s1.output.orderId}",
    "${steps.s2.output.chargeId}",
    "${steps.s3.status}",
    "${steps.s4.error.code}",
    "${input.items.map(i, i.sku)}",
    "${input.items.filter(i, i.n > 1).map(j, [j].map(k, k))}",
    "${saga.id}",
    "${saga.labels}",
    "${1 + }",
    "${unknown}",
    "$${literal}",
    "7",
    "true",
    "null",
    "x",
];

const SPANS: [&str; 12] = [
    "1s", "250ms", "1m30s", "30m", "31m", "2h", "3d", "40d", "60d", "0s", "9999d", "soon",
];

/// One definition.
pub(crate) fn definition(dice: &mut Dice) -> String {
    let mut text = "saga: made\nversion: 1.0.0\n".to_owned();
    if dice.once_in(2) {
        text.push_str("key: ${input.orderId}\n");
    }
    if dice.once_in(2) {
        text.push_str(&format!("deadline: {}\n", dice.pick(&SPANS)));
    }
    if dice.once_in(3) {
        text.push_str(&format!("max_lifetime: {}\n", dice.pick(&SPANS)));
    }
    if dice.once_in(2) {
        text.push_str(
            "input:\n  type: object\n  required: [orderId, amount]\n  properties:\n    \
             orderId: { type: string }\n    amount: { type: integer }\n    \
             items: { type: array, items: { type: object } }\n    note: { type: string }\n",
        );
    }
    if dice.once_in(3) {
        text.push_str(&format!("defaults: {{{} }}\n", policies(dice)));
    }
    text.push_str("steps:\n");
    for index in 0..dice.below(STEPS_MAX) {
        text.push_str(&step(dice, index));
    }
    if dice.once_in(2) {
        text.push_str(&format!("output: {}\n", value(dice, 0)));
    }
    text
}

fn step(dice: &mut Dice, index: usize) -> String {
    let mut text = format!("  - id: s{index}\n");
    let kind = match dice.below(12) {
        0 => format!("sleep: {}", dice.pick(&SPANS)),
        1 => format!("wait_for: {{ signal: go, timeout: {} }}", dice.pick(&SPANS)),
        2 => "saga: { name: child, input: { a: 1 } }".to_owned(),
        _ => format!("action: {}", dice.pick(&ACTIONS)),
    };
    let mut fields = vec![kind];
    if dice.once_in(2) {
        fields.push(format!("input: {}", value(dice, 0)));
    }
    if dice.once_in(6) {
        fields.push(format!("when: '{}'", dice.pick(&VALUES)));
    }
    if dice.once_in(8) {
        fields.push("for_each: ${input.items}\n    as: item\n    max_parallel: 3".to_owned());
    }
    if dice.once_in(2) {
        let names: Vec<String> = (0..dice.below(3))
            .map(|_| format!("s{}", dice.below(index.max(1) + 1)))
            .collect();
        fields.push(format!("depends_on: [{}]", names.join(", ")));
    }
    fields.push(effect(dice));
    if dice.once_in(3) {
        fields.push(
            policies(dice)
                .trim_start_matches(' ')
                .replace(", timeouts", "\n    timeouts"),
        );
    }
    if dice.once_in(5) {
        let ways = [
            "compensate",
            "pause",
            "continue",
            "{ output: { a: 1 } }",
            "{ last_good: 10m }",
            "{ action: post.send, input: {} }",
            "fallback",
        ];
        fields.push(format!("on_failure: {}", dice.pick(&ways)));
    }
    if dice.once_in(9) {
        fields.push(format!("priority: {}", dice.below(12)));
    }
    for field in fields {
        text.push_str(&format!("    {field}\n"));
    }
    text
}

fn effect(dice: &mut Dice) -> String {
    match dice.below(6) {
        0 => "no_effect: true".to_owned(),
        1 => "pivot: true".to_owned(),
        2 => "compensate: none\n    because: it cannot be".to_owned(),
        3 => "compensate: none".to_owned(),
        _ => {
            let (action, input) = (*dice.pick(&ACTIONS), value(dice, 1));
            format!(
                "compensate: {{ action: {action}, input: {input},{} }}",
                policies(dice)
            )
        }
    }
}

fn policies(dice: &mut Dice) -> String {
    let (initial, maximum) = (*dice.pick(&SPANS), *dice.pick(&SPANS));
    let (attempt, total) = (*dice.pick(&SPANS), *dice.pick(&SPANS));
    let attempts = dice.pick(&[0, 1, 2, 5, 100, 1_000_000, 2_000_000]);
    let coefficient = dice.pick(&["1.0", "2.0", "0.5", "99.9", "1e9"]);
    format!(
        " retry: {{ initial_interval: {initial}, maximum_interval: {maximum}, maximum_attempts: \
         {attempts}, backoff_coefficient: {coefficient}, non_retryable_errors: [a, card_declined] \
         }}, timeouts: {{ start_to_close: {attempt}, schedule_to_close: {total} }}"
    )
}

/// A value in flow style, so that it fits anywhere.
fn value(dice: &mut Dice, depth: usize) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    match dice.below(if depth > 3 { 1 } else { 4 }) {
        0 | 1 => quoted(dice.pick::<&str>(&VALUES)),
        2 => {
            let items: Vec<String> = (0..dice.below(4)).map(|_| value(dice, depth + 1)).collect();
            format!("[{}]", items.join(", "))
        }
        _ => {
            let names = [
                "orderId", "items", "amount", "express", "note", "sku", "other",
            ];
            let fields: Vec<String> = (0..dice.below(4))
                .map(|_| format!("{}: {}", dice.pick(&names), value(dice, depth + 1)))
                .collect();
            format!("{{ {} }}", fields.join(", "))
        }
    }
}
