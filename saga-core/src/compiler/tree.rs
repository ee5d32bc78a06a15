//! A YAML document as a tree in which everything knows where it is.

use serde_json::{Map, Number, Value};

use super::diagnostic::Span;

/// One value.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) span: Span,
    pub(super) content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    Scalar(Scalar),
    List(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// One field of a mapping.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Span,
    pub(super) value: Node,
}

/// A value that is neither list nor mapping.
#[derive(Debug)]
pub(super) struct Scalar {
    pub(super) text: String,
    /// Written without quotes and not as a block, so that `true` is a boolean.
    pub(super) plain: bool,
    /// Where the text begins in the source, when the source holds it letter by letter.
    pub(super) verbatim: Option<usize>,
}

/// What a scalar means by the rules of YAML 1.2.
#[derive(Debug, PartialEq)]
pub(super) enum Meaning {
    Null,
    Bool(bool),
    Number(Number),
    Text,
    /// `.nan`, `.inf` or a number beyond what JSON can hold.
    NoJson,
}

impl Node {
    pub(super) const fn scalar(&self) -> Option<&Scalar> {
        match &self.content {
            Content::Scalar(scalar) => Some(scalar),
            Content::List(_) | Content::Mapping(_) => None,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        self.scalar()
            .is_some_and(|scalar| scalar.meaning() == Meaning::Null)
    }

    /// What it is, for people.
    pub(super) fn kind(&self) -> &'static str {
        match &self.content {
            Content::List(_) => "a list",
            Content::Mapping(_) => "a mapping",
            Content::Scalar(scalar) => match scalar.meaning() {
                Meaning::Null => "nothing",
                Meaning::Bool(_) => "a boolean",
                Meaning::Number(_) | Meaning::NoJson => "a number",
                Meaning::Text => "text",
            },
        }
    }

    /// The field of that name, with its key.
    pub(super) fn entry(&self, name: &str) -> Option<&Entry> {
        match &self.content {
            Content::Mapping(entries) => entries.iter().find(|entry| entry.key == name),
            Content::List(_) | Content::Scalar(_) => None,
        }
    }

    /// The value of the field of that name.
    pub(super) fn field(&self, name: &str) -> Option<&Self> {
        self.entry(name).map(|entry| &entry.value)
    }

    /// The same value as JSON. What JSON cannot hold reads as null; the reader has reported it.
    pub(super) fn to_json(&self) -> Value {
        match &self.content {
            Content::Scalar(scalar) => scalar.to_json(),
            Content::List(nodes) => Value::Array(nodes.iter().map(Self::to_json).collect()),
            Content::Mapping(entries) => Value::Object(
                entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.value.to_json()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }

    /// The node that a JSON Pointer leads to, or the last one on the way.
    pub(super) fn at_pointer(&self, pointer: &str) -> &Self {
        let mut at = self;
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            let next = match &at.content {
                Content::Mapping(entries) => entries
                    .iter()
                    .find(|entry| entry.key == token)
                    .map(|entry| &entry.value),
                Content::List(nodes) => {
                    token.parse().ok().and_then(|index: usize| nodes.get(index))
                }
                Content::Scalar(_) => None,
            };
            match next {
                Some(node) => at = node,
                None => break,
            }
        }
        at
    }
}

impl Scalar {
    pub(super) fn meaning(&self) -> Meaning {
        if !self.plain {
            return Meaning::Text;
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Meaning::Null,
            "true" | "True" | "TRUE" => Meaning::Bool(true),
            "false" | "False" | "FALSE" => Meaning::Bool(false),
            text => number(text).unwrap_or(Meaning::Text),
        }
    }

    pub(super) fn to_json(&self) -> Value {
        match self.meaning() {
            Meaning::Null | Meaning::NoJson => Value::Null,
            Meaning::Bool(truth) => Value::Bool(truth),
            Meaning::Number(number) => Value::Number(number),
            Meaning::Text => Value::String(self.text.clone()),
        }
    }

    /// Whether it is a boolean of YAML 1.1 that YAML 1.2 reads as text.
    pub(super) fn is_yes_no(&self) -> bool {
        let words = ["yes", "no", "on", "off", "y", "n"];
        self.plain
            && words
                .iter()
                .any(|word| word.eq_ignore_ascii_case(&self.text))
    }
}

fn number(text: &str) -> Option<Meaning> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(
        unsigned,
        ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN"
    ) {
        return Some(Meaning::NoJson);
    }
    let radix = |digits: &str, radix: u32| {
        let known = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
        known.then(|| match u64::from_str_radix(digits, radix) {
            Ok(value) => Meaning::Number(value.into()),
            Err(_) => Meaning::NoJson,
        })
    };
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    let shape = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        || !unsigned.chars().all(shape)
    {
        return None;
    }
    if unsigned.chars().all(|c| c.is_ascii_digit()) {
        let digits = text.strip_prefix('+').unwrap_or(text);
        return Some(match (digits.parse::<i64>(), digits.parse::<u64>()) {
            (Ok(value), _) => Meaning::Number(value.into()),
            (_, Ok(value)) => Meaning::Number(value.into()),
            _ => Meaning::NoJson,
        });
    }
    let value: f64 = text.parse().ok()?;
    Some(Number::from_f64(value).map_or(Meaning::NoJson, Meaning::Number))
}
