//! Expressions and templates, computed.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::limits::{
    EXPRESSION_BYTES_MAX, EXPRESSION_DEPTH_MAX, EXPRESSION_INPUT_WEIGHT_MAX, EXPRESSION_NODES_MAX,
};
use super::{Expression, ProblemKind, View};
use crate::definition::DefinitionRef;
use crate::ids::{SagaId, StepKey, StepName};
use crate::input::StepError;
use crate::saga::{Saga, StepState, StepStatus, Steps};
use crate::values::{ValueKey, Values};

/// A saga with two steps behind it: `charge` succeeded, `gift` was skipped.
struct World {
    saga: Saga,
    values: Values,
}

impl World {
    fn new(input: Value) -> Self {
        let reference = DefinitionRef {
            name: "order".into(),
            version: "1.0.0".parse().unwrap(),
        };
        let mut saga = Saga::new(SagaId(Uuid::nil()), reference);
        saga.key = Some("o-1".to_owned());
        saga.labels = BTreeMap::from([("team".to_owned(), "shop".to_owned())]);
        saga.started_at = "2026-11-24T09:30:00Z".parse().unwrap();
        let error = StepError::new("out_of_stock", "none left");
        saga.steps = Steps::from_iter([
            (key("charge"), state(StepStatus::Succeeded, None)),
            (key("gift"), state(StepStatus::Skipped, None)),
            (key("wrap"), state(StepStatus::Failed, Some(error))),
        ]);
        let mut values = Values::default();
        values.insert(ValueKey::Input, Arc::new(input));
        let output = json!({ "chargeId": "ch-1", "fee": 2.5 });
        values.insert(ValueKey::Output(key("charge")), Arc::new(output));
        Self { saga, values }
    }

    fn view(&self) -> View<'_> {
        View::Scope(&self.saga, &self.values, None)
    }

    /// The value, or what went wrong.
    fn eval(&self, text: &str) -> Value {
        let (expression, _) = Expression::compile(text, None).unwrap();
        match expression.find(self.view()) {
            Ok(value) => value.into_owned(),
            Err(error) => json!({ "error": error.message }),
        }
    }
}

fn key(step: &str) -> StepKey {
    StepKey::whole(StepName::new(step))
}

fn state(status: StepStatus, error: Option<StepError>) -> StepState {
    StepState {
        status,
        error: error.map(Box::new),
        ..StepState::done()
    }
}

fn world() -> World {
    World::new(json!({
        "orderId": "o-1",
        "amount": 250,
        "huge": u64::MAX,
        "price": 1.0,
        "gift": null,
        "items": [{ "sku": "a", "n": 2 }, { "sku": "b", "n": 1 }],
        "stock": { "b": 1, "a": 2, "c": 3 },
    }))
}

fn problem(text: &str) -> ProblemKind {
    Expression::compile(text, None).unwrap_err().kind
}

#[test]
fn a_path_is_looked_up() {
    let world = world();
    assert_eq!(world.eval("input.orderId"), json!("o-1"));
    assert_eq!(
        world.eval(" input.items "),
        json!([{ "sku": "a", "n": 2 }, { "sku": "b", "n": 1 }])
    );
    assert_eq!(
        world.eval("input.huge"),
        json!(u64::MAX),
        "the fast path keeps every digit"
    );
    assert_eq!(world.eval("steps.charge.output.chargeId"), json!("ch-1"));
    assert_eq!(world.eval("steps.charge.status"), json!("succeeded"));
    assert_eq!(world.eval("steps.charge.error"), Value::Null);
    assert_eq!(world.eval("steps.wrap.error.code"), json!("out_of_stock"));
    assert_eq!(world.eval("saga.id"), json!(Uuid::nil().to_string()));
    assert_eq!(world.eval("saga.key"), json!("o-1"));
    assert_eq!(
        world.eval("saga.startedAt"),
        json!("2026-11-24T09:30:00.000000Z")
    );
    assert_eq!(world.eval("saga.labels.team"), json!("shop"));
}

#[test]
fn a_missing_value_is_named() {
    let world = world();
    let error = |text: &str| world.eval(text)["error"].as_str().unwrap().to_owned();
    assert_eq!(error("input.custmer"), "`input` has no field `custmer`");
    assert_eq!(
        error("input.orderId.x"),
        "`input.orderId` is text, so it has no field `x`"
    );
    assert_eq!(
        error("steps.charge.output.nope.x"),
        "`steps.charge.output` has no field `nope`"
    );
    assert_eq!(error("input.nope == 1"), "there is no field `nope`");
    assert_eq!(
        error("steps.later.output"),
        "step `later` is pending, its output is not at hand"
    );
}

#[test]
fn the_output_of_a_skipped_step_is_null() {
    assert_eq!(world().eval("steps.gift.output"), Value::Null);
    assert_eq!(world().eval("steps.gift.output == null"), json!(true));
}

#[test]
fn everything_else_is_evaluated() {
    let world = world();
    assert_eq!(world.eval("input.amount * 2 + 1"), json!(501));
    assert_eq!(
        world.eval("input.amount > 100 && input.orderId.startsWith('o')"),
        json!(true)
    );
    assert_eq!(world.eval("input.price"), json!(1.0));
    assert_eq!(world.eval("input.price + 0.5"), json!(1.5));
    assert_eq!(
        world.eval("has(input.nope) ? input.nope : 'none'"),
        json!("none")
    );
    assert_eq!(world.eval("has(steps.charge.output.fee)"), json!(true));
    assert_eq!(
        world.eval("steps.charge.status == 'succeeded'"),
        json!(true)
    );
    assert_eq!(world.eval("input.items.map(i, i.sku)"), json!(["a", "b"]));
    assert_eq!(
        world.eval("input.items.filter(i, i.n > 1)"),
        json!([{ "sku": "a", "n": 2 }])
    );
    assert_eq!(
        world.eval("input.items.exists_one(i, i.n == 1)"),
        json!(true)
    );
    assert_eq!(world.eval("size(input.items)"), json!(2));
    assert_eq!(world.eval("input.items[1].sku"), json!("b"));
    assert_eq!(
        world.eval("{'id': saga.id, 'n': [1, 2.5, null]}.n"),
        json!([1, 2.5, null])
    );
    assert_eq!(world.eval("'b' in input.stock"), json!(true));
    assert_eq!(world.eval("string(input.amount) + '!'"), json!("250!"));
    assert_eq!(world.eval("[1] + [2]"), json!([1, 2]));
}

#[test]
fn a_loop_over_an_object_goes_in_the_order_of_its_names() {
    for _ in 0..20 {
        assert_eq!(
            world().eval("input.stock.map(name, name)"),
            json!(["a", "b", "c"])
        );
    }
}

#[test]
fn what_cannot_be_computed_is_said_without_printing_data() {
    let world = world();
    let error = |text: &str| world.eval(text)["error"].as_str().unwrap().to_owned();
    assert_eq!(error("1 / 0"), "it divides by zero");
    assert_eq!(
        error("9223372036854775807 + 1"),
        "a number became too large"
    );
    assert_eq!(error("input.items[7]"), "the list has no element there");
    assert_eq!(
        error("{1: 2}"),
        "the result has a field whose name is not text"
    );
    assert_eq!(error("1.0 / 0.0"), "the result is not a finite number");
    assert_eq!(
        error("input.amount + input.orderId"),
        "`add` does not work on these values"
    );
    assert!(error("input.huge + 1").contains("larger than the largest integer"));
}

#[test]
fn every_bound_has_its_own_problem() {
    assert_eq!(
        problem(&"1".repeat(EXPRESSION_BYTES_MAX + 1)),
        ProblemKind::TooLong
    );
    let list = format!("[{}]", "1,".repeat(EXPRESSION_NODES_MAX));
    assert_eq!(problem(list.trim_end_matches(",]")), ProblemKind::Syntax);
    let list = format!("[{}1]", "1,".repeat(EXPRESSION_NODES_MAX));
    assert_eq!(problem(&list), ProblemKind::TooManyNodes);
    assert_eq!(
        problem(&format!("input{}", ".a".repeat(EXPRESSION_DEPTH_MAX))),
        ProblemKind::TooDeep
    );
    assert_eq!(
        problem(&format!("{}1", "-(".repeat(500))),
        ProblemKind::TooDeep
    );
    assert_eq!(problem(&vec!["1"; 500].join("+")), ProblemKind::TooDeep);
    let nested = "[1].map(a, [1].map(b, [1].map(c, a)))";
    assert_eq!(problem(nested), ProblemKind::Comprehensions);
    assert!(Expression::compile("[1].map(a, [1].map(b, a)).map(c, c)", None).is_ok());
}

#[test]
fn names_are_checked() {
    assert_eq!(problem("inptu.a"), ProblemKind::UnknownRoot);
    assert_eq!(problem("[1].map(input, input)"), ProblemKind::UnknownRoot);
    assert_eq!(problem("now()"), ProblemKind::UnknownFunction);
    assert_eq!(
        problem("input.a.matches('x')"),
        ProblemKind::UnknownFunction
    );
    assert_eq!(problem("Money{units: 1}"), ProblemKind::UnknownFunction);
    assert_eq!(problem("steps.charge"), ProblemKind::BadReference);
    assert_eq!(problem("steps.charge.result"), ProblemKind::BadReference);
    assert_eq!(problem("steps['charge'].output"), ProblemKind::BadReference);
    assert_eq!(problem("saga.name"), ProblemKind::BadReference);
    assert_eq!(problem(""), ProblemKind::Syntax);
    assert_eq!(problem("a b"), ProblemKind::Syntax);
}

#[test]
fn what_is_read_is_known_before_it_runs() {
    let text = "steps.a.output.x == input.y && has(steps.b.output.z) && steps.c.status == 'failed'";
    let (expression, _) = Expression::compile(text, None).unwrap();
    assert!(expression.reads().input);
    assert_eq!(
        expression.reads().outputs,
        [StepName::new("a"), StepName::new("b")]
    );
}

#[test]
fn an_evaluation_that_runs_away_is_stopped() {
    let many: Vec<u32> = (0..3000).collect();
    let world = World::new(json!({ "many": many, "text": "x".repeat(100_000) }));
    let error = |text: &str| world.eval(text)["error"].as_str().unwrap().to_owned();
    let out_of_fuel = "it takes more work than one expression may";
    assert_eq!(
        error("input.many.map(a, input.many.map(b, a * b))"),
        out_of_fuel
    );
    assert_eq!(error("input.many.map(a, input.text)"), out_of_fuel);
    assert_eq!(error("input.many.map(a, input.text + 'x')"), out_of_fuel);
    assert_eq!(error("input.many.map(a, input.many)"), out_of_fuel);
    assert_eq!(
        world.eval("size(input.many.filter(a, a > 10))"),
        json!(2989)
    );
    let world = World::new(json!({ "text": "x".repeat(EXPRESSION_INPUT_WEIGHT_MAX) }));
    assert!(
        world.eval("size(input.text)")["error"]
            .as_str()
            .unwrap()
            .contains("KiB")
    );
    assert!(
        world.eval("input.text").is_string(),
        "a plain path has no such bound"
    );
}

#[test]
fn the_deepest_expression_fits_a_small_stack() {
    const STACK_BYTES: usize = 1024 * 1024;
    let wrapped = |before: &str, inner: &str, after: &str| {
        (1..=EXPRESSION_DEPTH_MAX)
            .rev()
            .map(|n| [&before.repeat(n), inner, &after.repeat(n)].concat())
            .find(|text| Expression::compile(text, None).is_ok())
            .unwrap()
    };
    let deepest = [
        wrapped("-(", "1", ")"),
        wrapped("[", "1", "]"),
        wrapped("{'a': ", "1", "}"),
        wrapped("string(", "'1'", ")"),
        wrapped("true ? (", "1", ") : 2"),
        wrapped("1 + (", "1", ")"),
        wrapped("", "1", " + 1"),
        wrapped("", "input", ".a"),
        wrapped("", "input", "[0]"),
        wrapped("(false || ", "true", ")"),
        wrapped("[1].map(i, ", "1", ")"),
        wrapped("", "[1]", ".map(i, i)"),
    ];
    let deep_input = (0..120).fold(json!(1), |inner, _| json!([inner]));
    let run = move || {
        for text in &deepest {
            let (expression, _) = Expression::compile(text, None).unwrap();
            let _ = expression.find(world().view());
        }
        let world = World::new(json!({ "deep": deep_input }));
        assert_eq!(world.eval("input.deep == input.deep"), json!(true));
        assert_eq!(world.eval("size([input.deep])"), json!(1));
    };
    std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(run)
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn definitions_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<crate::definition::Definition>();
}

/// JSON as a saga may see it; integers fit into 64 bits with sign.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("finite", |float| float.is_finite())
            .prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[abc]", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn the_fast_path_and_the_evaluator_agree(
        input in any_json(),
        path in prop::collection::vec("[abc]", 0..4),
    ) {
        let world = World::new(input);
        let text = path.iter().fold("input".to_owned(), |text, field| format!("{text}.{field}"));
        let (fast, _) = Expression::compile(&text, None).unwrap();
        let slow = Expression::compile_slow(&text).unwrap();
        let fast = fast.find(world.view()).map(std::borrow::Cow::into_owned);
        let slow = slow.find(world.view()).map(std::borrow::Cow::into_owned);
        prop_assert_eq!(fast.clone().ok(), slow.ok());
    }

    #[test]
    fn any_text_compiles_or_is_refused(text in "\\PC{0,200}") {
        let _ = Expression::compile(&text, None);
    }

    #[test]
    fn what_compiles_can_be_run(text in any_expression()) {
        match Expression::compile(&text, None) {
            Ok((expression, _)) => {
                let _ = expression.find(world().view());
            }
            Err(problem) => prop_assert!(
                !matches!(problem.kind, ProblemKind::Syntax),
                "{text}: {problem:?}"
            ),
        }
    }

    #[test]
    fn fragments_never_panic(parts in prop::collection::vec(fragment(), 1..24)) {
        if let Ok((expression, _)) = Expression::compile(&parts.concat(), None) {
            let _ = expression.find(world().view());
        }
    }
}

/// Expressions that can be read; whether their values fit together is another matter.
fn any_expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "input",
        "input.items",
        "input.stock",
        "input.amount",
        "input.price",
        "input.gift",
        "i",
        "steps.charge.output",
        "steps.gift.output",
        "saga.labels",
        "1",
        "0",
        "-1",
        "2.5",
        "'a'",
        "'0'",
        "null",
        "true",
        "false",
        "9223372036854775807",
        "-9223372036854775808",
        "1e308",
        "[]",
        "{}",
        "b'x'",
        "1u",
        "18446744073709551615u",
    ]);
    leaf.prop_map(str::to_owned)
        .prop_recursive(5, 48, 3, |inner| {
            let operator = prop::sample::select(vec![
                "+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "in",
            ]);
            let function = prop::sample::select(vec!["size", "string", "int", "double", "!", "-"]);
            let method = prop::sample::select(vec!["contains", "startsWith", "endsWith"]);
            let each = prop::sample::select(vec!["map", "filter", "all", "exists", "exists_one"]);
            let two = (inner.clone(), inner.clone());
            prop_oneof![
                (two.clone(), operator).prop_map(|((a, b), op)| format!("({a}) {op} ({b})")),
                (inner.clone(), function).prop_map(|(a, f)| format!("{f}({a})")),
                (two.clone(), method).prop_map(|((a, b), f)| format!("({a}).{f}({b})")),
                (two.clone(), each).prop_map(|((a, b), f)| format!("({a}).{f}(i, {b})")),
                (two.clone(), inner.clone())
                    .prop_map(|((a, b), c)| format!("({a}) ? ({b}) : ({c})")),
                two.clone().prop_map(|(a, b)| format!("({a})[{b}]")),
                two.clone().prop_map(|(a, b)| format!("[{a}, {b}]")),
                two.prop_map(|(a, b)| format!("{{'k': {a}, string({b}): 1}}")),
                inner.clone().prop_map(|a| format!("has(({a}).sku)")),
                inner.prop_map(|a| format!("({a}).sku")),
            ]
        })
}

fn fragment() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "input",
        ".items",
        ".stock",
        ".amount",
        "steps.charge.output",
        "saga.labels",
        "[0]",
        "['a']",
        ".map(i, ",
        ".filter(i, ",
        ".all(i, ",
        "i",
        ")",
        "(",
        "[",
        "]",
        "{",
        "}",
        ":",
        ",",
        " + ",
        " - ",
        " / ",
        " % ",
        " == ",
        " < ",
        " && ",
        " || ",
        " ? ",
        "!",
        "-",
        "1",
        "0",
        "2.5",
        "'a'",
        "null",
        "true",
        "has(",
        "size(",
        "string(",
        "int(",
        "double(",
        " in ",
        "9223372036854775807",
        "b'x'",
        "1u",
        "type",
        "r'\\'",
        "\"\"\"",
        ".contains(",
    ])
}
