//! What is written in the picture, and how much room that takes.

use super::layout::Widths;
use super::picture::{Card, Kind, Picture, Undo};

const STEP_MIN: i32 = 170;
const STEP_MAX: i32 = 250;
const UNDO_MIN: i32 = 120;
const UNDO_MAX: i32 = 200;
/// Longest text beside or in a box, in characters.
pub(super) const TEXT_MAX: usize = 32;

/// Lines under a card.
pub(super) fn notes(card: &Card) -> Vec<String> {
    let mut notes = Vec::new();
    let mut add = |note: String| notes.push(shortened(&note, TEXT_MAX));
    if let Some(when) = &card.when {
        add(format!("when {when}"));
    }
    let waits = matches!(card.kind, Kind::Signal(_) | Kind::Sleep(_));
    if matches!(card.undo, Undo::NoEffect) && !waits {
        add("no effect".to_owned());
    }
    if card.pivot {
        add("pivot".to_owned());
    } else if card.after_pivot && matches!(card.undo, Undo::Never) && card.on_failure.is_none() {
        add("retried until it succeeds".to_owned());
    }
    if let Some(on_failure) = &card.on_failure {
        add(on_failure.clone());
    }
    if let Some(fallback) = &card.fallback {
        add(fallback.clone());
    }
    notes
}

/// The widths that these texts need.
pub(super) fn widths(picture: &Picture) -> Widths {
    let (mut step, mut undo) = (STEP_MIN, UNDO_MIN);
    for card in &picture.cards {
        let does = match &card.kind {
            Kind::Action(text) | Kind::Signal(text) | Kind::Sleep(text) | Kind::Child(text) => text,
        };
        let icon = match card.kind {
            Kind::Action(_) | Kind::Child(_) => 30,
            Kind::Signal(_) | Kind::Sleep(_) => 60,
        };
        let texts = estimate(card.name.chars().count(), 9).max(estimate(does.chars().count(), 7));
        let notes = notes(card);
        let notes = notes.iter().map(|note| estimate(note.chars().count(), 6));
        step = step.max(texts + icon).max(notes.max().unwrap_or(0));
        match &card.undo {
            Undo::Action(text) | Undo::Residue(text) => {
                undo = undo.max(estimate(text.chars().count(), 7) + 32);
            }
            Undo::NoEffect | Undo::Never => {}
        }
    }
    Widths {
        // Even, so that the middle is a whole number.
        step: step.min(STEP_MAX) / 2 * 2,
        undo: undo.min(UNDO_MAX) / 2 * 2,
        between: 22,
    }
}

/// The width of a text, without a font to ask.
pub(super) fn estimate(characters: usize, each: i32) -> i32 {
    i32::try_from(characters).unwrap_or(i32::MAX / 16).min(400) * each
}

/// The text, or its beginning.
pub(super) fn shortened(text: &str, characters: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(characters) {
        None => line,
        Some(_) => {
            let kept: String = line.chars().take(characters.saturating_sub(1)).collect();
            format!("{}…", kept.trim_end())
        }
    }
}
