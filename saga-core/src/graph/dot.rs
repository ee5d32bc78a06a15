//! The picture as DOT, for Graphviz.

use super::measure::shortened;
use super::picture::{Kind, Picture, Undo};

/// Longest text in a box, in characters.
const TEXT_MAX: usize = 60;

/// Writes the picture.
#[must_use]
pub fn dot(picture: &Picture) -> String {
    let mut out = format!(
        "digraph saga {{\n    label={};\n    labelloc=t;\n    rankdir=TB;\n    \
         node [shape=box, style=rounded, fontname=\"Helvetica\"];\n    edge [color=\"#768390\"];\n",
        quoted(&picture.title)
    );
    for card in &picture.cards {
        let (Kind::Action(does) | Kind::Signal(does) | Kind::Sleep(does) | Kind::Child(does)) =
            &card.kind;
        let mut lines = vec![card.name.clone(), does.clone()];
        lines.extend(card.when.iter().map(|when| format!("when {when}")));
        if matches!(card.undo, Undo::NoEffect) {
            lines.push("no effect".to_owned());
        }
        if card.each {
            lines.push("for each".to_owned());
        }
        lines.extend(card.on_failure.iter().chain(&card.fallback).cloned());
        let lines: Vec<String> = lines.iter().map(|line| shortened(line, TEXT_MAX)).collect();
        let mut look = String::new();
        if card.pivot {
            look.push_str(", shape=octagon, style=bold, color=\"#218bff\"");
        }
        if matches!(card.kind, Kind::Child(_)) || card.each {
            look.push_str(", peripheries=2");
        }
        let name = quoted(&card.name);
        out.push_str(&format!(
            "    {name} [label={}{look}];\n",
            quoted(&lines.join("\n"))
        ));
        let undo = quoted(&format!("undo {}", card.name));
        let (label, colour) = match &card.undo {
            Undo::Action(action) => (action.clone(), "#e16f50"),
            Undo::Residue(because) => (format!("stays: {because}"), "#bf8700"),
            Undo::NoEffect | Undo::Never => continue,
        };
        let label = quoted(&shortened(&label, TEXT_MAX));
        out.push_str(&format!(
            "    {undo} [label={label}, style=\"rounded,dashed\", color=\"{colour}\"];\n    \
             {name} -> {undo} [style=dotted, arrowhead=none, constraint=false, \
             color=\"{colour}\"];\n    {{ rank=same; {name}; {undo}; }}\n"
        ));
    }
    let name = |at: usize| quoted(&picture.cards[at].name);
    let undo = |at: usize| quoted(&format!("undo {}", picture.cards[at].name));
    for (from, to) in &picture.arrows {
        out.push_str(&format!("    {} -> {};\n", name(*from), name(*to)));
    }
    for (later, earlier) in &picture.undo_arrows {
        out.push_str(&format!(
            "    {} -> {} [style=dashed, constraint=false, color=\"#e16f50\"];\n",
            undo(*later),
            undo(*earlier)
        ));
    }
    out.push_str("}\n");
    out
}

fn quoted(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| match c {
            '"' => "\\\"".to_owned(),
            '\\' => "\\\\".to_owned(),
            '\n' => "\\n".to_owned(),
            c if c.is_control() => " ".to_owned(),
            c => c.to_string(),
        })
        .collect();
    format!("\"{text}\"")
}
