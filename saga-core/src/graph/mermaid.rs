//! The picture as Mermaid, which GitHub and others draw in Markdown.

use super::measure::shortened;
use super::picture::{Card, Kind, Picture, Undo};

/// Longest text in a box, in characters.
const TEXT_MAX: usize = 60;

/// Writes the picture.
#[must_use]
pub fn mermaid(picture: &Picture) -> String {
    let mut out = format!(
        "---\ntitle: \"{}\"\n---\nflowchart TD\n",
        quoted(&picture.title)
    );
    for card in &picture.cards {
        let (open, close) = match &card.kind {
            Kind::Action(_) if card.pivot => ("{{\"", "\"}}"),
            Kind::Action(_) => ("[\"", "\"]"),
            Kind::Signal(_) => (">\"", "\"]"),
            Kind::Sleep(_) => ("([\"", "\"])"),
            Kind::Child(_) => ("[[\"", "\"]]"),
        };
        let name = &card.name;
        out.push_str(&format!("    s_{name}{open}{}{close}\n", label(card)));
        match &card.undo {
            Undo::Action(action) => {
                let action = quoted(action);
                out.push_str(&format!("    u_{name}([\"{action}\"]):::undo\n"));
                out.push_str(&format!("    s_{name} -. undone by .- u_{name}\n"));
            }
            Undo::Residue(because) => {
                let because = quoted(&shortened(because, TEXT_MAX));
                out.push_str(&format!("    u_{name}[/\"stays: {because}\"/]:::residue\n"));
                out.push_str(&format!("    s_{name} -.- u_{name}\n"));
            }
            Undo::NoEffect | Undo::Never => {}
        }
        if card.pivot {
            out.push_str(&format!("    class s_{name} pivot\n"));
        }
    }
    let name = |at: usize| picture.cards[at].name.as_str();
    for (from, to) in &picture.arrows {
        let when = picture.cards[*to].when.as_ref();
        let when = when.map(|when| format!("|\"when {}\"|", quoted(&shortened(when, TEXT_MAX))));
        let when = when.unwrap_or_default();
        out.push_str(&format!(
            "    s_{} -->{when} s_{}\n",
            name(*from),
            name(*to)
        ));
    }
    for (later, earlier) in &picture.undo_arrows {
        out.push_str(&format!(
            "    u_{} -.-> u_{}\n",
            name(*later),
            name(*earlier)
        ));
    }
    out.push_str(
        "    classDef pivot stroke:#218bff,stroke-width:3px\n    \
         classDef undo stroke:#e16f50,stroke-dasharray:5 3\n    \
         classDef residue stroke:#bf8700,stroke-dasharray:2 3\n",
    );
    out
}

/// What stands in a box, in lines.
fn label(card: &Card) -> String {
    let (Kind::Action(does) | Kind::Signal(does) | Kind::Sleep(does) | Kind::Child(does)) =
        &card.kind;
    let mut lines = vec![format!("<b>{}</b>", quoted(&card.name)), quoted(does)];
    if card.each {
        lines.push("for each".to_owned());
    }
    if card.pivot {
        lines.push("pivot".to_owned());
    }
    if matches!(card.undo, Undo::NoEffect) {
        lines.push("no effect".to_owned());
    }
    let notes = card.on_failure.iter().chain(&card.fallback);
    lines.extend(notes.map(|note| quoted(&shortened(note, TEXT_MAX))));
    lines.join("<br/>")
}

fn quoted(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '"' => "#quot;".to_owned(),
            '<' => "#lt;".to_owned(),
            '>' => "#gt;".to_owned(),
            '#' => "#35;".to_owned(),
            c if c.is_control() => " ".to_owned(),
            c => c.to_string(),
        })
        .collect()
}
