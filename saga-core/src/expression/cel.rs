//! Everything beyond a plain path: parsed, bounded and evaluated as CEL.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use ::cel::common::ast::{EntryExpr, Expr, IdedExpr};
use ::cel::parser::PrattParser;
use ::cel::{Context, Env, ExecutionError};
use serde_json::Value;

use super::convert::{Field, Importer, export, object};
use super::fuel::{self, Fuel};
use super::limits::{
    EXPRESSION_BYTES_MAX, EXPRESSION_DEPTH_MAX, EXPRESSION_NODES_MAX, Problem, ProblemKind,
};
use super::path::Root;
use super::references::{Reference, ReferenceRoot};
use super::scope::View;

/// Built once: it holds some hundred overloads and never changes.
static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(fuel::environment()));

/// Parses one expression within the bounds.
pub(super) fn parse(text: &str) -> Result<IdedExpr, Problem> {
    if text.len() > EXPRESSION_BYTES_MAX {
        return Err(Problem::new(
            ProblemKind::TooLong,
            format!("this expression is longer than {EXPRESSION_BYTES_MAX} bytes"),
        )
        .help("compute parts of it in a worker and read them from its output"));
    }
    if text.trim().is_empty() {
        return Err(Problem::new(
            ProblemKind::Syntax,
            "there is nothing between `${` and `}`",
        ));
    }
    let depth = u16::try_from(EXPRESSION_DEPTH_MAX).unwrap_or(u16::MAX);
    let expr = PrattParser::new()
        .max_recursion_depth(depth)
        .max_expression_node_count(EXPRESSION_NODES_MAX)
        .parse(text)
        .map_err(|errors| syntax(text, &errors))?;
    bound(&expr)?;
    Ok(expr)
}

fn syntax(text: &str, errors: &::cel::ParseErrors) -> Problem {
    let Some(first) = errors.errors.first() else {
        return Problem::new(ProblemKind::Syntax, "this is not an expression");
    };
    let message = readable(&first.msg);
    if errors
        .errors
        .iter()
        .any(|error| error.msg.contains("recursion"))
    {
        return too_deep();
    }
    if errors
        .errors
        .iter()
        .any(|error| error.msg.contains("expression count"))
    {
        return too_many_nodes();
    }
    let line = usize::try_from(first.pos.0 - 1).unwrap_or(0);
    let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let start = before + usize::try_from(first.pos.1 - 1).unwrap_or(0);
    let mut problem = Problem::new(ProblemKind::Syntax, format!("cannot read this: {message}"));
    if first.pos.0 > 0 && start < text.len() && text.is_char_boundary(start) {
        let end = text[start..]
            .char_indices()
            .nth(1)
            .map_or(text.len(), |(next, _)| start + next);
        problem.at = Some(start..end);
    }
    problem
}

/// The parser's words without its jargon.
fn readable(message: &str) -> String {
    let message = message
        .trim_start_matches("Syntax error: ")
        .replace("'<EOF>'", "the end");
    let parts = message
        .strip_prefix("mismatched input ")
        .and_then(|m| m.split_once(" expecting "));
    match parts {
        Some((found, "<EOF>")) => format!("{found} does not fit here"),
        Some((found, expected)) => format!("expected {expected}, found {found}"),
        None => message,
    }
}

fn too_deep() -> Problem {
    Problem::new(
        ProblemKind::TooDeep,
        format!("this expression is nested deeper than {EXPRESSION_DEPTH_MAX}"),
    )
}

fn too_many_nodes() -> Problem {
    Problem::new(
        ProblemKind::TooManyNodes,
        format!("this expression has more than {EXPRESSION_NODES_MAX} parts"),
    )
}

/// Counts nodes and depth without recursion, because nothing is known about the tree yet.
fn bound(expr: &IdedExpr) -> Result<(), Problem> {
    let mut nodes = 0;
    let mut open = vec![(expr, 1)];
    while let Some((at, depth)) = open.pop() {
        nodes += 1;
        if nodes > EXPRESSION_NODES_MAX {
            return Err(too_many_nodes());
        }
        if depth > EXPRESSION_DEPTH_MAX {
            return Err(too_deep());
        }
        let mut push = |child| open.push((child, depth + 1));
        match &at.expr {
            Expr::Call(call) => call
                .target
                .iter()
                .map(AsRef::as_ref)
                .chain(&call.args)
                .for_each(push),
            Expr::Comprehension(inner) => {
                push(&inner.iter_range);
                push(&inner.accu_init);
                push(&inner.loop_cond);
                push(&inner.loop_step);
                push(&inner.result);
            }
            Expr::List(list) => list.elements.iter().for_each(push),
            Expr::Map(map) => map.entries.iter().for_each(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => {
                    push(&entry.key);
                    push(&entry.value);
                }
                EntryExpr::StructField(field) => push(&field.value),
            }),
            Expr::Struct(shape) => shape.entries.iter().for_each(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => push(&entry.value),
                EntryExpr::StructField(field) => push(&field.value),
            }),
            Expr::Select(select) => push(&select.operand),
            Expr::Literal(_) | Expr::Ident(_) | Expr::Unspecified => {}
        }
    }
    Ok(())
}

/// A compiled expression and what it must be given.
#[derive(Debug)]
pub(super) struct Program {
    expr: IdedExpr,
    roots: Vec<Used>,
}

/// One root that is read, and which of its fields.
#[derive(Debug)]
struct Used {
    name: ReferenceRoot,
    root: Root,
    fields: Option<BTreeSet<String>>,
}

impl Program {
    pub(super) fn new(mut expr: IdedExpr, references: &BTreeSet<Reference>) -> Self {
        fuel::meter(&mut expr);
        let mut used: BTreeMap<ReferenceRoot, Option<BTreeSet<String>>> = BTreeMap::new();
        for reference in references {
            let fields = used
                .entry(reference.root.clone())
                .or_insert_with(|| Some(BTreeSet::new()));
            match (reference.fields.first(), fields.as_mut()) {
                (Some(field), Some(fields)) => {
                    fields.insert(field.clone());
                }
                (None, _) => *fields = None,
                (Some(_), None) => {}
            }
        }
        let roots = used
            .into_iter()
            .map(|(name, fields)| Used {
                root: Root::new(&name),
                name,
                fields,
            })
            .collect();
        Self { expr, roots }
    }

    pub(super) fn run(&self, view: View<'_>) -> Result<Value, String> {
        let values: Vec<Cow<'_, Value>> = self
            .roots
            .iter()
            .map(|used| used.root.find(view))
            .collect::<Result<_, _>>()?;
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        self.bind(&values, &mut context)?;
        // Not `resolve_val`: that one is inlined into this crate, and without optimization its
        // frames are too large for the stack of a thread.
        let result = context
            .resolve(&self.expr)
            .map_err(|error| describe(&error))?;
        export(&result)
    }

    fn bind<'v>(
        &'v self,
        values: &'v [Cow<'_, Value>],
        context: &mut Context<'_, 'v>,
    ) -> Result<(), String> {
        let mut importer = Importer::new();
        let mut saga = Vec::new();
        let mut steps: BTreeMap<&str, Vec<Field<'v>>> = BTreeMap::new();
        for (used, value) in self.roots.iter().zip(values) {
            let value = match (value.as_ref(), &used.fields) {
                (Value::Object(all), Some(wanted)) => {
                    importer.fields(all, |name| wanted.contains(name))?
                }
                (value, _) => importer.value(value)?,
            };
            match &used.name {
                ReferenceRoot::Input => context.add_variable_as_val("input", value),
                ReferenceRoot::Item(name) => context.add_variable_as_val(name, value),
                ReferenceRoot::Output(step) => {
                    steps.entry(step).or_default().push(("output", value))
                }
                ReferenceRoot::Status(step) => {
                    steps.entry(step).or_default().push(("status", value))
                }
                ReferenceRoot::Error(step) => steps.entry(step).or_default().push(("error", value)),
                ReferenceRoot::SagaId => saga.push(("id", value)),
                ReferenceRoot::SagaKey => saga.push(("key", value)),
                ReferenceRoot::SagaStartedAt => saga.push(("startedAt", value)),
                ReferenceRoot::SagaLabels => saga.push(("labels", value)),
            }
        }
        let steps = steps
            .into_iter()
            .map(|(step, fields)| (step, object(fields)))
            .collect();
        context.add_variable_as_val("steps", object(steps));
        context.add_variable_as_val("saga", object(saga));
        context.add_variable_as_val(fuel::VARIABLE, Box::new(Fuel::full()));
        Ok(())
    }
}

/// The evaluator's errors print whole values, in hash order; these do not.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the enum is not ours and not closed"
)]
fn describe(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(name) => format!("there is no field `{name}`"),
        ExecutionError::NoSuchOverload(overload) => format!(
            "`{}` does not work on {}",
            spoken(overload.function()),
            overload.argument_types().join(" and ")
        ),
        ExecutionError::UnexpectedType { got, want } => {
            format!("it needs {want} where it has {got}")
        }
        ExecutionError::IndexOutOfBounds(_) => "the list has no element there".to_owned(),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "it divides by zero".to_owned()
        }
        ExecutionError::Overflow(..) => "a number became too large".to_owned(),
        ExecutionError::DuplicateKey(_) => "it builds an object with a field twice".to_owned(),
        ExecutionError::ValuesNotComparable(..) => "it compares what cannot be compared".to_owned(),
        ExecutionError::UnsupportedBinaryOperator(operator, ..) => {
            format!("`{operator}` does not work on these values")
        }
        ExecutionError::FunctionError { message, .. } if message == fuel::EXHAUSTED => {
            "it takes more work than one expression may".to_owned()
        }
        ExecutionError::FunctionError { function, .. } => {
            format!("`{function}` cannot handle its argument")
        }
        _ => "its values do not fit together".to_owned(),
    }
}

/// An operator as people write it.
fn spoken(function: &str) -> String {
    match function {
        "@add" => "+".to_owned(),
        "_[_]" => "[…]".to_owned(),
        "_._" => ".".to_owned(),
        "_?_:_" => "?:".to_owned(),
        other => other.trim_matches(['_', '@']).to_owned(),
    }
}
