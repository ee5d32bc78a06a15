//! The picture in words, for a terminal.

use super::picture::{Kind, Picture, Undo};

/// Writes the picture: a line for each step, and what it follows.
#[must_use]
pub fn text(picture: &Picture) -> String {
    let mut rows = vec![["STEP", "AFTER", "DOES", "UNDONE BY", ""].map(str::to_owned)];
    for (at, card) in picture.cards.iter().enumerate() {
        let before = picture.arrows.iter().filter(|(_, to)| *to == at);
        let before: Vec<&str> = before
            .map(|(from, _)| picture.cards[*from].name.as_str())
            .collect();
        let does = match &card.kind {
            Kind::Action(action) => action.clone(),
            Kind::Signal(signal) => format!("waits: {signal}"),
            Kind::Sleep(span) => format!("sleeps: {span}"),
            Kind::Child(saga) => format!("saga: {saga}"),
        };
        let undo = match &card.undo {
            Undo::Action(action) => action.clone(),
            Undo::Residue(because) => format!("stays: {because}"),
            Undo::NoEffect => "no effect".to_owned(),
            Undo::Never => String::new(),
        };
        let mut notes = Vec::new();
        if card.pivot {
            notes.push("pivot".to_owned());
        }
        if card.each {
            notes.push("for each".to_owned());
        }
        notes.extend(card.when.iter().map(|when| format!("when {when}")));
        notes.extend(card.on_failure.clone());
        notes.extend(card.fallback.clone());
        rows.push([
            card.name.clone(),
            before.join(", "),
            does,
            undo,
            notes.join("; "),
        ]);
    }
    let mut widths = [0; 5];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = format!("{}\n", picture.title);
    if let Some(description) = &picture.description {
        out.push_str(&format!("{description}\n"));
    }
    out.push('\n');
    for row in &rows {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        out.push_str(cells.join("  ").trim_end());
        out.push('\n');
    }
    out
}
