//! `${…}` inside YAML values.

use std::ops::Range;

use super::code::Code;
use super::diagnostic::{Report, Span};
use super::tree::{Content, Entry, Node, Scalar};
use crate::expression::{
    Expression, Part, ProblemKind, Reference, ReferenceRoot, Template, TemplateNode,
};

/// Scalars longer than this are marked as a whole when they are written with escapes.
const SEARCHED_BYTES_MAX: usize = 16 * 1024;

/// One thing an expression refers to, and where it is written.
#[derive(Debug)]
pub(super) struct Use {
    pub(super) reference: Reference,
    pub(super) span: Span,
    /// The same expression asks first whether this is there.
    pub(super) guarded: bool,
}

/// A value that may hold expressions anywhere; `item` is what a `for_each` step calls its element.
pub(super) fn template(
    node: &Node,
    item: Option<&str>,
    uses: &mut Vec<Use>,
    report: &mut Report<'_>,
) -> Template {
    Template::new(lower(node, item, uses, report))
}

/// Exactly one expression, as `when` and `for_each` want it.
pub(super) fn expression(
    entry: &Entry,
    uses: &mut Vec<Use>,
    report: &mut Report<'_>,
) -> Option<Expression> {
    let node = &entry.value;
    let whole = node.scalar().map(|scalar| (scalar, split(&scalar.text)));
    if let Some((scalar, Ok(pieces))) = whole
        && let [Piece::Code(range)] = pieces.as_slice()
    {
        return compile((node, scalar), range, None, uses, report);
    }
    report.error_with(
        Code::BadExpression,
        node.span,
        "this must be one expression",
        match entry.key.as_str() {
            "for_each" => "write `for_each: ${input.items}`",
            _ => "write `when: ${input.amount > 100}`",
        },
    );
    None
}

/// Whether a value holds `${` anywhere; for places where expressions mean nothing.
pub(super) fn refuse(node: &Node, place: &str, report: &mut Report<'_>) {
    match &node.content {
        Content::Scalar(scalar) => {
            if scalar.text.contains("${") {
                report.error(
                    Code::ExpressionNotAllowed,
                    node.span,
                    format!("{place} cannot hold expressions"),
                );
            }
        }
        Content::List(nodes) => nodes.iter().for_each(|node| refuse(node, place, report)),
        Content::Mapping(entries) => {
            entries
                .iter()
                .for_each(|entry| refuse(&entry.value, place, report));
        }
    }
}

fn lower(
    node: &Node,
    item: Option<&str>,
    uses: &mut Vec<Use>,
    report: &mut Report<'_>,
) -> TemplateNode {
    match &node.content {
        Content::Scalar(scalar) => text((node, scalar), item, uses, report),
        Content::List(nodes) => {
            let nodes = nodes.iter().map(|node| lower(node, item, uses, report));
            TemplateNode::List(nodes.collect())
        }
        Content::Mapping(entries) => TemplateNode::Object(
            entries
                .iter()
                .map(|entry| {
                    if entry.key.contains("${") {
                        report.error_with(
                            Code::ExpressionNotAllowed,
                            entry.key_span,
                            "the name of a field cannot hold an expression",
                            "build the whole object: ${{\"a\": input.b}}",
                        );
                    }
                    (entry.key.clone(), lower(&entry.value, item, uses, report))
                })
                .collect(),
        ),
    }
}

fn text(
    (node, scalar): (&Node, &Scalar),
    item: Option<&str>,
    uses: &mut Vec<Use>,
    report: &mut Report<'_>,
) -> TemplateNode {
    let broken = || TemplateNode::Literal(serde_json::Value::Null);
    if !scalar.text.contains("${") {
        return TemplateNode::Literal(scalar.to_json());
    }
    let pieces = match split(&scalar.text) {
        Ok(pieces) => pieces,
        Err(start) => {
            report.error_with(
                Code::OpenExpression,
                within(node, scalar, &(start..scalar.text.trim_end().len()), report),
                "this `${` is never closed",
                "add the `}`, or write `$${` for the two characters themselves",
            );
            return broken();
        }
    };
    if let [Piece::Code(range)] = pieces.as_slice() {
        return match compile((node, scalar), range, item, uses, report) {
            Some(expression) => TemplateNode::Whole(Box::new(expression)),
            None => broken(),
        };
    }
    let mut parts = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => parts.push(Part::Text(text)),
            Piece::Code(range) => {
                let expression = compile((node, scalar), &range, item, uses, report);
                parts.extend(expression.map(Part::Expression));
            }
        }
    }
    match parts.as_slice() {
        [Part::Text(text)] => TemplateNode::Literal(text.as_str().into()),
        _ => TemplateNode::Text(parts),
    }
}

/// Compiles the `${…}` at these bytes of the scalar's text.
fn compile(
    (node, scalar): (&Node, &Scalar),
    range: &Range<usize>,
    item: Option<&str>,
    uses: &mut Vec<Use>,
    report: &mut Report<'_>,
) -> Option<Expression> {
    if !report.admits_expression(node.span) {
        return None;
    }
    let code = &scalar.text[range.start + 2..range.end - 1];
    let place = |at: Option<Range<usize>>, report: &Report<'_>| match at {
        Some(at) => {
            let first = range.start + 2;
            within(node, scalar, &(first + at.start..first + at.end), report)
        }
        None => within(node, scalar, range, report),
    };
    match Expression::compile(code, item) {
        Ok((expression, references)) => {
            let tested = references.iter().any(|reference| reference.tested);
            // The steps whose status the expression looks at.
            let looked_at: Vec<ReferenceRoot> = references
                .iter()
                .map(|reference| &reference.root)
                .filter(|root| matches!(root, ReferenceRoot::Status(_)))
                .cloned()
                .collect();
            for reference in references {
                let step = reference.root.step();
                let guarded = tested || looked_at.iter().any(|status| status.step() == step);
                let at = crate::expression::find_name(code, &reference.text());
                uses.push(Use {
                    span: place(at, report),
                    reference,
                    guarded,
                });
            }
            Some(expression)
        }
        Err(problem) => {
            let span = place(problem.at.clone(), report);
            let code = code_of(problem.kind);
            match problem.help {
                Some(help) => report.error_with(code, span, problem.message, help),
                None => report.error(code, span, problem.message),
            }
            None
        }
    }
}

const fn code_of(kind: ProblemKind) -> Code {
    match kind {
        ProblemKind::Syntax => Code::BadExpression,
        ProblemKind::TooLong => Code::ExpressionTooLong,
        ProblemKind::TooManyNodes => Code::ExpressionTooLarge,
        ProblemKind::TooDeep => Code::ExpressionTooDeep,
        ProblemKind::Comprehensions => Code::NestedComprehensions,
        ProblemKind::UnknownRoot => Code::UnknownRoot,
        ProblemKind::UnknownFunction => Code::UnknownFunction,
        ProblemKind::BadReference => Code::BadReference,
    }
}

/// Where these bytes of the scalar's text are in the source. In a scalar with escapes or over
/// several lines that is the first place that reads the same, or else the whole scalar.
fn within(node: &Node, scalar: &Scalar, range: &Range<usize>, report: &Report<'_>) -> Span {
    let wanted = &scalar.text[range.clone()];
    let source = report.text(node.span);
    let start = match scalar.verbatim {
        Some(first) => Some(first + range.start),
        None if source.len() > SEARCHED_BYTES_MAX => None,
        None => source.find(wanted).map(|at| node.span.start + at),
    };
    start.map_or(node.span, |start| report.span(start, start + wanted.len()))
}

#[derive(Debug, PartialEq)]
enum Piece {
    Text(String),
    /// The bytes of one `${…}`, delimiters included.
    Code(Range<usize>),
}

/// Cuts text into literal stretches and expressions; the error is where an open `${` begins.
fn split(text: &str) -> Result<Vec<Piece>, usize> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut at = 0;
    while let Some(found) = text[at..].find("${").map(|found| at + found) {
        literal.push_str(&text[at..found]);
        if literal.ends_with('$') {
            literal.push('{');
            at = found + 2;
            continue;
        }
        let end = closing(text, found + 2).ok_or(found)?;
        if !literal.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut literal)));
        }
        pieces.push(Piece::Code(found..end));
        at = end;
    }
    literal.push_str(&text[at..]);
    if !literal.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Text(literal));
    }
    Ok(pieces)
}

/// The byte after the brace that closes an expression; braces inside it and in its strings do not.
fn closing(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut depth = 1_usize;
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b'"' | b'\'' => at = string_end(bytes, at)?,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// The last byte of the string literal that begins at `start`.
fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let quote = *bytes.get(start)?;
    let raw = start > 0 && matches!(bytes[start - 1], b'r' | b'R');
    let triple = bytes[start..].starts_with(&[quote; 3]);
    let fence = if triple { 3 } else { 1 };
    let mut at = start + fence;
    while at < bytes.len() {
        if bytes[at] == b'\\' && !raw {
            at += 2;
        } else if bytes[at..].starts_with(&[quote; 3][..fence]) {
            return Some(at + fence - 1);
        } else {
            at += 1;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Piece, split};

    fn shown(text: &str) -> Vec<String> {
        let show = |piece: Piece| match piece {
            Piece::Text(literal) => literal,
            Piece::Code(range) => format!("<{}>", &text[range]),
        };
        split(text).map_or_else(
            |at| vec![format!("open at {at}")],
            |p| p.into_iter().map(show).collect(),
        )
    }

    #[test]
    fn text_is_cut_at_its_expressions() {
        assert_eq!(shown("plain"), ["plain"]);
        assert_eq!(shown(""), [""]);
        assert_eq!(shown("${a}"), ["<${a}>"]);
        assert_eq!(shown("x ${a} y ${b}"), ["x ", "<${a}>", " y ", "<${b}>"]);
        assert_eq!(shown("$${a} ${b}"), ["${a} ", "<${b}>"]);
        assert_eq!(shown("cost: $5 {x}"), ["cost: $5 {x}"]);
    }

    #[test]
    fn braces_inside_an_expression_do_not_end_it() {
        assert_eq!(shown(r#"${{"a": {"b": 1}}}"#), [r#"<${{"a": {"b": 1}}}>"#]);
        assert_eq!(shown(r#"${"}" + '}'}!"#), [r#"<${"}" + '}'}>"#, "!"]);
        assert_eq!(shown(r#"${"\"}"}"#), [r#"<${"\"}"}>"#]);
        assert_eq!(shown(r#"${r"\"}"#), [r#"<${r"\"}>"#]);
        assert_eq!(shown("${'''it's }'''}"), ["<${'''it's }'''}>"]);
    }

    #[test]
    fn an_open_expression_is_found() {
        assert_eq!(shown("x ${a"), ["open at 2"]);
        assert_eq!(shown(r#"${"a}"#), ["open at 0"]);
    }
}
