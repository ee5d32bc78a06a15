//! YAML text to a tree, within bounds.

use std::collections::BTreeMap;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError};

use super::code::Code;
use super::diagnostic::{Report, Span};
use super::tree::{Content, Entry, Meaning, Node, Scalar};

/// Largest definition file, in bytes.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;

/// Deepest nesting of lists and mappings.
pub const NESTING_MAX: usize = 64;

/// Most values in one file.
pub const NODES_MAX: usize = 50_000;

/// Reads the one document of a file. Problems that leave the rest readable do not stop it.
pub(super) fn parse(source: &str, report: &mut Report<'_>) -> Option<Node> {
    if source.len() > FILE_BYTES_MAX {
        refuse_size(report);
        return None;
    }
    let options = granit_parser::options! {
        emit_unresolved_aliases: true,
        emit_anchor_events: true,
        emit_comments: false,
        flow_nesting_limit: NESTING_MAX + 1,
        block_nesting_limit: NESTING_MAX + 1,
    };
    let mut builder = Builder {
        source,
        open: Vec::new(),
        root: None,
        nodes: 0,
        documents: 0,
    };
    for next in Parser::new_from_str_with_options(source, options) {
        let more = match next {
            Ok((event, span)) => {
                let range = span.byte_range().unwrap_or(0..0);
                if let Some(tag) = span.tag_span().and_then(|tag| tag.byte_range()) {
                    report.error_with(
                        Code::Tag,
                        report.span(tag.start, tag.end),
                        "YAML tags are not supported",
                        "leave the tag away",
                    );
                }
                builder.event(event, report.span(range.start, range.end), report)
            }
            Err(error) => {
                syntax_error(source, &error, report);
                false
            }
        };
        if !more {
            return None;
        }
    }
    if builder.root.is_none() {
        report.error_with(
            Code::NotAMapping,
            report.span(0, 0),
            "the file is empty",
            "a definition begins with `saga: <name>`",
        );
    }
    builder.root
}

pub(super) fn refuse_size(report: &mut Report<'_>) {
    let message = format!("the file is larger than {} KiB", FILE_BYTES_MAX / 1024);
    let help = "a definition is code; data belongs into the input of a saga";
    report.error_with(Code::FileTooLarge, report.span(0, 0), message, help);
}

fn syntax_error(source: &str, error: &ScanError, report: &mut Report<'_>) {
    let at = source.floor_char_boundary(error.marker().byte_offset().unwrap_or(0));
    let end = source[at..]
        .chars()
        .next()
        .map_or(at, |c| at + c.len_utf8());
    let span = report.span(at, end);
    let kind = error.kind();
    if matches!(
        kind,
        ErrorKind::TabNotAllowed | ErrorKind::TabInBlockIndentation
    ) {
        let help = "YAML is indented with spaces only";
        report.error_with(Code::Tab, span, "a tab indents this line", help);
    } else if *kind == ErrorKind::RecursionLimitExceeded {
        report.error(Code::TooDeep, span, too_deep());
    } else {
        let message = format!("this is not YAML: {kind}");
        let line = source[..at].rfind('\n').map_or(0, |found| found + 1);
        if source[line..]
            .lines()
            .next()
            .is_some_and(|line| line.contains("${"))
        {
            let help = "put the expression in quotes: inside {…} and […], and where it holds `: `";
            report.error_with(Code::BadYaml, span, message, help);
        } else {
            report.error(Code::BadYaml, span, message);
        }
    }
}

fn too_deep() -> String {
    format!("lists and mappings are nested deeper than {NESTING_MAX}")
}

/// Puts nodes together from events, without recursion.
struct Builder<'s> {
    source: &'s str,
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
    documents: usize,
}

/// A list or mapping whose end has not come yet.
struct Open {
    span: Span,
    content: Content,
    keys: BTreeMap<String, Span>,
    key: Option<Key>,
}

/// A field whose value has not come yet; without a name when it is a repeated or unreadable one.
struct Key {
    name: Option<String>,
    span: Span,
}

impl Builder<'_> {
    /// Takes in one event; false ends the reading.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the other events carry no values"
    )]
    fn event(&mut self, event: Event<'_>, span: Span, report: &mut Report<'_>) -> bool {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    report.error_with(
                        Code::SeveralDocuments,
                        span,
                        "a second document begins here",
                        "write one saga per file",
                    );
                    return false;
                }
                true
            }
            Event::Anchor(_, name) => {
                refuse_anchor(&format!("&{name}"), span, report);
                !report.is_full()
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                refuse_anchor(&self.source[span.start..span.end], span, report);
                !report.is_full() && self.scalar("null".to_owned(), true, span, report)
            }
            Event::Scalar(text, style, _, _) => {
                let plain = style == ScalarStyle::Plain;
                self.scalar(text.into_owned(), plain, span, report)
            }
            Event::SequenceStart(..) => self.start(Content::List(Vec::new()), span, report),
            Event::MappingStart(..) => self.start(Content::Mapping(Vec::new()), span, report),
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    let end = span.end.max(open.span.end);
                    let span = Span { end, ..open.span };
                    self.add(
                        Node {
                            span,
                            content: open.content,
                        },
                        report,
                    );
                }
                true
            }
            _ => true,
        }
    }

    fn scalar(&mut self, text: String, plain: bool, span: Span, report: &mut Report<'_>) -> bool {
        let written = &self.source[span.start..span.end];
        let quoted = written.len() >= 2 && (written.starts_with('"') || written.starts_with('\''));
        let inside = if quoted {
            &written[1..written.len() - 1]
        } else {
            written
        };
        let verbatim = (inside == text).then_some(span.start + usize::from(quoted));
        let scalar = Scalar {
            text,
            plain,
            verbatim,
        };
        if scalar.meaning() == Meaning::NoJson {
            report.error_with(
                Code::NotANumber,
                span,
                format!("`{}` is a number that JSON cannot hold", scalar.text),
                "put it in quotes if it is meant as text",
            );
        }
        self.count(span, report) && {
            self.add(
                Node {
                    span,
                    content: Content::Scalar(scalar),
                },
                report,
            );
            true
        }
    }

    fn start(&mut self, content: Content, span: Span, report: &mut Report<'_>) -> bool {
        if self.open.len() >= NESTING_MAX {
            report.error(Code::TooDeep, span, too_deep());
            return false;
        }
        self.open.push(Open {
            span,
            content,
            keys: BTreeMap::new(),
            key: None,
        });
        self.count(span, report)
    }

    fn count(&mut self, span: Span, report: &mut Report<'_>) -> bool {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            let message = format!("the file has more than {NODES_MAX} values");
            report.error(Code::TooManyNodes, span, message);
        }
        self.nodes <= NODES_MAX
    }

    /// Puts a finished node where it belongs: a key, a value, an element or the root.
    fn add(&mut self, node: Node, report: &mut Report<'_>) {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        open.span.end = open.span.end.max(node.span.end);
        match &mut open.content {
            Content::List(nodes) => nodes.push(node),
            Content::Mapping(entries) => match open.key.take() {
                None => open.key = Some(read_key(&mut open.keys, node, report)),
                Some(Key {
                    name: Some(key),
                    span,
                }) => {
                    entries.push(Entry {
                        key,
                        key_span: span,
                        value: node,
                    });
                }
                Some(Key { name: None, .. }) => {}
            },
            Content::Scalar(_) => {}
        }
    }
}

fn read_key(keys: &mut BTreeMap<String, Span>, node: Node, report: &mut Report<'_>) -> Key {
    let span = node.span;
    let Content::Scalar(scalar) = node.content else {
        report.error(Code::KeyNotText, span, "the name of a field must be text");
        return Key { name: None, span };
    };
    if let Some(first) = keys.get(&scalar.text) {
        report.error_with(
            Code::DuplicateKey,
            span,
            format!("`{}` is written twice in this mapping", scalar.text),
            format!("the first is in line {}; keep one of them", first.line),
        );
        return Key { name: None, span };
    }
    keys.insert(scalar.text.clone(), span);
    Key {
        name: Some(scalar.text),
        span,
    }
}

fn refuse_anchor(text: &str, span: Span, report: &mut Report<'_>) {
    report.error_with(
        Code::Anchor,
        span,
        format!("`{text}`: anchors and aliases are not supported"),
        "write the value out, or put it under `defaults`",
    );
}
