//! A value with expressions in it.

use serde_json::{Map, Value};

use super::compiled::Expression;
use super::scope::{EvalError, Reads, Scope, View};

/// A value with expressions in it.
#[derive(Debug)]
pub struct Template {
    reads: Reads,
    root: TemplateNode,
}

/// One value of a template.
#[derive(Debug)]
pub(crate) enum TemplateNode {
    /// It has no expressions.
    Literal(Value),
    /// One whole `${…}`, which keeps its type.
    Whole(Box<Expression>),
    /// Text with expressions in between.
    Text(Vec<Part>),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

/// One stretch of an interpolated text.
#[derive(Debug)]
pub(crate) enum Part {
    Text(String),
    Expression(Expression),
}

impl Template {
    /// A template of these nodes; parts without expressions are computed now.
    pub(crate) fn new(root: TemplateNode) -> Self {
        let mut reads = Reads::default();
        let root = root.folded(&mut reads);
        Self { reads, root }
    }

    /// What it reads.
    #[must_use]
    pub const fn reads(&self) -> &Reads {
        &self.reads
    }

    /// The value as it is written, expressions as `${…}`.
    #[must_use]
    pub fn written(&self) -> Value {
        self.root.written()
    }

    /// Bytes of what is written out in it, as JSON.
    #[must_use]
    pub fn literal_bytes(&self) -> usize {
        self.root.literal_bytes()
    }

    /// Its value in this scope.
    pub fn render(&self, scope: &Scope<'_>) -> Result<Value, EvalError> {
        self.root.render(View::from(scope))
    }

    /// Its value where nothing but a saga's input is known.
    pub(crate) fn render_with(&self, view: View<'_>) -> Result<Value, EvalError> {
        self.root.render(view)
    }
}

impl TemplateNode {
    fn folded(self, reads: &mut Reads) -> Self {
        match self {
            Self::Literal(value) => Self::Literal(value),
            Self::Whole(expression) => {
                reads.add(expression.reads());
                Self::Whole(expression)
            }
            Self::Text(parts) => {
                for part in &parts {
                    if let Part::Expression(expression) = part {
                        reads.add(expression.reads());
                    }
                }
                Self::Text(parts)
            }
            Self::List(nodes) => {
                let nodes: Vec<Self> = nodes.into_iter().map(|node| node.folded(reads)).collect();
                match nodes
                    .iter()
                    .map(Self::literal)
                    .collect::<Option<Vec<Value>>>()
                {
                    Some(values) => Self::Literal(Value::Array(values)),
                    None => Self::List(nodes),
                }
            }
            Self::Object(fields) => {
                let fields: Vec<(String, Self)> = fields
                    .into_iter()
                    .map(|(name, node)| (name, node.folded(reads)))
                    .collect();
                let literal = |(name, node): &(String, Self)| Some((name.clone(), node.literal()?));
                match fields
                    .iter()
                    .map(literal)
                    .collect::<Option<Map<String, Value>>>()
                {
                    Some(values) => Self::Literal(Value::Object(values)),
                    None => Self::Object(fields),
                }
            }
        }
    }

    fn written(&self) -> Value {
        match self {
            Self::Literal(value) => value.clone(),
            Self::Whole(expression) => Value::from(shown(expression)),
            Self::Text(parts) => parts
                .iter()
                .map(|part| match part {
                    Part::Text(text) => text.clone(),
                    Part::Expression(expression) => shown(expression),
                })
                .collect::<String>()
                .into(),
            Self::List(nodes) => nodes.iter().map(Self::written).collect(),
            Self::Object(fields) => fields
                .iter()
                .map(|(name, node)| (name.clone(), node.written()))
                .collect(),
        }
    }

    fn literal_bytes(&self) -> usize {
        match self {
            Self::Literal(value) => value.to_string().len(),
            Self::Whole(_) => 0,
            Self::Text(parts) => parts
                .iter()
                .map(|part| match part {
                    Part::Text(text) => text.len(),
                    Part::Expression(_) => 0,
                })
                .sum(),
            Self::List(nodes) => nodes.iter().map(|node| node.literal_bytes() + 1).sum(),
            Self::Object(fields) => fields
                .iter()
                .map(|(name, node)| name.len() + 4 + node.literal_bytes())
                .sum(),
        }
    }

    fn literal(&self) -> Option<Value> {
        match self {
            Self::Literal(value) => Some(value.clone()),
            Self::Whole(_) | Self::Text(_) | Self::List(_) | Self::Object(_) => None,
        }
    }

    fn render(&self, view: View<'_>) -> Result<Value, EvalError> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Whole(expression) => Ok(expression.find(view)?.into_owned()),
            Self::Text(parts) => text(parts, view),
            Self::List(nodes) => nodes.iter().map(|node| node.render(view)).collect(),
            Self::Object(fields) => fields
                .iter()
                .map(|(name, node)| Ok((name.clone(), node.render(view)?)))
                .collect(),
        }
    }
}

fn shown(expression: &Expression) -> String {
    format!("${{{}}}", expression.text())
}

/// Strings go in as they are, everything else as compact JSON.
fn text(parts: &[Part], view: View<'_>) -> Result<Value, EvalError> {
    let mut text = String::new();
    for part in parts {
        match part {
            Part::Text(literal) => text.push_str(literal),
            Part::Expression(expression) => {
                let value = expression.find(view)?;
                match value.as_str() {
                    Some(value) => text.push_str(value),
                    None => text.push_str(&value.to_string()),
                }
            }
        }
    }
    Ok(Value::String(text))
}
