//! What the syntax tree of an expression refers to.

use std::collections::BTreeSet;

use ::cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, operators};

use super::limits::{EXPRESSION_COMPREHENSIONS_MAX, Problem, ProblemKind};

/// The functions and operators an expression may call; macros are expanded before this is asked.
const FUNCTIONS: [&str; 26] = [
    operators::CONDITIONAL,
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::SUBSTRACT,
    operators::ADD,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::GREATER_EQUALS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::LESS,
    operators::NEGATE,
    operators::INDEX,
    operators::NOT_STRICTLY_FALSE,
    operators::IN,
    "contains",
    "double",
    "endsWith",
    "int",
    "size",
    "startsWith",
    "string",
];

/// What people may call by name, macros included.
const CALLABLE: [&str; 13] = [
    "all",
    "contains",
    "double",
    "endsWith",
    "exists",
    "exists_one",
    "filter",
    "has",
    "int",
    "map",
    "size",
    "startsWith",
    "string",
];

/// One thing outside the expression that it reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reference {
    pub(crate) root: ReferenceRoot,
    /// Fields selected on it.
    pub(crate) fields: Vec<String>,
    /// It only asks whether the last field is there.
    pub(crate) tested: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ReferenceRoot {
    Input,
    /// The element of a `for_each` step, by the name that the step gives it.
    Item(String),
    Output(String),
    Status(String),
    Error(String),
    SagaId,
    SagaKey,
    SagaStartedAt,
    SagaLabels,
}

impl ReferenceRoot {
    /// The step it belongs to.
    pub(crate) fn step(&self) -> Option<&str> {
        match self {
            Self::Output(step) | Self::Status(step) | Self::Error(step) => Some(step),
            Self::Input
            | Self::Item(_)
            | Self::SagaId
            | Self::SagaKey
            | Self::SagaStartedAt
            | Self::SagaLabels => None,
        }
    }

    /// The step whose output it is.
    pub(crate) fn output_of(&self) -> Option<&str> {
        if let Self::Output(step) = self {
            Some(step)
        } else {
            None
        }
    }

    /// How people write it.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Input => "input".to_owned(),
            Self::Item(name) => name.clone(),
            Self::Output(step) => format!("steps.{step}.output"),
            Self::Status(step) => format!("steps.{step}.status"),
            Self::Error(step) => format!("steps.{step}.error"),
            Self::SagaId => "saga.id".to_owned(),
            Self::SagaKey => "saga.key".to_owned(),
            Self::SagaStartedAt => "saga.startedAt".to_owned(),
            Self::SagaLabels => "saga.labels".to_owned(),
        }
    }
}

impl Reference {
    /// How people write it.
    pub(crate) fn text(&self) -> String {
        let mut text = self.root.text();
        for field in &self.fields {
            text.push('.');
            text.push_str(field);
        }
        text
    }
}

/// Everything a syntax tree refers to, or what is wrong with it.
pub(super) fn collect(
    text: &str,
    expr: &IdedExpr,
    item: Option<&str>,
) -> Result<BTreeSet<Reference>, Problem> {
    let mut walk = Walk {
        text,
        item,
        found: BTreeSet::new(),
        bound: Vec::new(),
        comprehensions: 0,
    };
    walk.expr(expr)?;
    Ok(walk.found)
}

/// The chain of names that an expression spells, root first, and whether its end is only tested.
pub(super) fn chain(expr: &IdedExpr) -> Option<(Vec<&str>, bool)> {
    let mut names = Vec::new();
    let mut tested = false;
    let mut at = expr;
    while let Expr::Select(select) = &at.expr {
        if select.test && !names.is_empty() {
            return None;
        }
        tested |= select.test;
        names.push(select.field.as_str());
        at = &select.operand;
    }
    let Expr::Ident(root) = &at.expr else {
        return None;
    };
    names.push(root);
    names.reverse();
    Some((names, tested))
}

struct Walk<'a> {
    text: &'a str,
    /// What a `for_each` step calls its element.
    item: Option<&'a str>,
    found: BTreeSet<Reference>,
    bound: Vec<&'a str>,
    comprehensions: usize,
}

impl<'a> Walk<'a> {
    fn expr(&mut self, expr: &'a IdedExpr) -> Result<(), Problem> {
        if let Some((names, tested)) = chain(expr) {
            return self.chain(&names, tested);
        }
        match &expr.expr {
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::List(list) => list
                .elements
                .iter()
                .try_for_each(|element| self.expr(element)),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => {
                    self.expr(&entry.key)?;
                    self.expr(&entry.value)
                }
                EntryExpr::StructField(_) => Err(self.no_struct("")),
            }),
            Expr::Struct(shape) => Err(self.no_struct(&shape.type_name)),
            Expr::Select(select) => self.expr(&select.operand),
            Expr::Literal(_) | Expr::Ident(_) => Ok(()),
            Expr::Unspecified => Err(Problem::new(
                ProblemKind::Syntax,
                "something is missing in this expression",
            )),
        }
    }

    fn no_struct(&self, name: &str) -> Problem {
        Problem::new(
            ProblemKind::UnknownFunction,
            format!("`{name}` is no type to build"),
        )
        .at(self.text, name)
        .help("build an object with `{\"field\": value}`")
    }

    fn call(&mut self, call: &'a CallExpr) -> Result<(), Problem> {
        let name = call.func_name.as_str();
        if !FUNCTIONS.contains(&name) {
            let help = match crate::compiler::closest(name, CALLABLE) {
                Some(close) => format!("did you mean `{close}`?"),
                None => format!("an expression may call {}", CALLABLE.join(", ")),
            };
            return Err(Problem::new(
                ProblemKind::UnknownFunction,
                format!("there is no function `{name}`"),
            )
            .at(self.text, name)
            .help(help));
        }
        if let Some(target) = &call.target {
            self.expr(target)?;
        }
        call.args.iter().try_for_each(|arg| self.expr(arg))
    }

    fn comprehension(&mut self, inner: &'a ComprehensionExpr) -> Result<(), Problem> {
        let name = inner.iter_var.as_str();
        if ["input", "steps", "saga"].contains(&name) {
            return Err(Problem::new(
                ProblemKind::UnknownRoot,
                format!("`{name}` cannot name an element, it has a meaning of its own"),
            )
            .help("use another name, such as `item`"));
        }
        self.expr(&inner.iter_range)?;
        if self.comprehensions == EXPRESSION_COMPREHENSIONS_MAX {
            return Err(Problem::new(
                ProblemKind::Comprehensions,
                format!(
                    "more than {EXPRESSION_COMPREHENSIONS_MAX} of map, filter, all and exists \
                     inside each other"
                ),
            )
            .help("compute the inner list in a step of its own"));
        }
        self.comprehensions += 1;
        self.bound.push(name);
        self.expr(&inner.accu_init)?;
        self.expr(&inner.loop_cond)?;
        self.expr(&inner.loop_step)?;
        self.expr(&inner.result)?;
        self.bound.pop();
        self.comprehensions -= 1;
        Ok(())
    }

    fn chain(&mut self, names: &[&str], tested: bool) -> Result<(), Problem> {
        let Some((first, rest)) = names.split_first() else {
            return Ok(());
        };
        if first.starts_with('@') || self.bound.contains(first) {
            return Ok(());
        }
        let (root, fields) = match *first {
            "input" => (ReferenceRoot::Input, rest),
            "steps" => self.step(rest)?,
            "saga" => self.saga(rest)?,
            name if self.item == Some(name) => (ReferenceRoot::Item(name.to_owned()), rest),
            other => return Err(self.unknown_root(other)),
        };
        let fields = fields.iter().map(|field| (*field).to_owned()).collect();
        self.found.insert(Reference {
            root,
            fields,
            tested,
        });
        Ok(())
    }

    fn step<'n>(&self, rest: &'n [&'n str]) -> Result<(ReferenceRoot, &'n [&'n str]), Problem> {
        let bad = |message: String, part: &str| {
            Problem::new(ProblemKind::BadReference, message).at(self.text, part)
        };
        let [step, field, fields @ ..] = rest else {
            let part = rest
                .first()
                .map_or("steps".to_owned(), |step| format!("steps.{step}"));
            return Err(bad(format!("`{part}` is not a value"), &part)
                .help("write steps.<id>.output, steps.<id>.status or steps.<id>.error"));
        };
        let root = match *field {
            "output" => ReferenceRoot::Output((*step).to_owned()),
            "status" => ReferenceRoot::Status((*step).to_owned()),
            "error" => ReferenceRoot::Error((*step).to_owned()),
            other => {
                let help = match crate::compiler::closest(other, ["output", "status", "error"]) {
                    Some(close) => format!("did you mean `{close}`?"),
                    None => format!("its fields are `steps.{step}.output.{other}`, perhaps"),
                };
                let part = format!("steps.{step}.{other}");
                let message = format!("a step has `output`, `status` and `error`, no `{other}`");
                return Err(bad(message, &part).help(help));
            }
        };
        Ok((root, fields))
    }

    fn saga<'n>(&self, rest: &'n [&'n str]) -> Result<(ReferenceRoot, &'n [&'n str]), Problem> {
        let help = "saga has id, key, startedAt and labels";
        let Some((field, fields)) = rest.split_first() else {
            return Err(
                Problem::new(ProblemKind::BadReference, "`saga` alone is not a value")
                    .at(self.text, "saga")
                    .help(help),
            );
        };
        let root = match *field {
            "id" => ReferenceRoot::SagaId,
            "key" => ReferenceRoot::SagaKey,
            "startedAt" => ReferenceRoot::SagaStartedAt,
            "labels" => ReferenceRoot::SagaLabels,
            other => {
                let part = format!("saga.{other}");
                let problem = Problem::new(
                    ProblemKind::BadReference,
                    format!("`saga` has no field `{other}`"),
                );
                return Err(problem.at(self.text, &part).help(help));
            }
        };
        Ok((root, fields))
    }

    fn unknown_root(&self, name: &str) -> Problem {
        let name = name.trim_start_matches('.');
        let roots = ["input", "steps", "saga"].into_iter().chain(self.item);
        let help = match (crate::compiler::closest(name, roots), self.item) {
            (Some(close), _) => format!("did you mean `{close}`?"),
            (None, None) => "an expression sees `input`, `steps` and `saga`".to_owned(),
            (None, Some(item)) => {
                format!("an expression sees `{item}`, `input`, `steps` and `saga` here")
            }
        };
        Problem::new(
            ProblemKind::UnknownRoot,
            format!("`{name}` is not known here"),
        )
        .at(self.text, name)
        .help(help)
    }
}
