//! A frame from a state.

use saga_core::time::Timestamp;

use super::frame::{Frame, Style};
use super::panes;
use super::state::{Prompt, State, View};

/// Lines below what is looked at: a notice or a prompt, and the keys.
const FOOT_LINES: usize = 2;

/// What a terminal of this size shows.
#[must_use]
pub fn render(state: &State, now: Timestamp, width: usize, height: usize) -> Frame {
    let mut frame = Frame::default();
    head(&mut frame, state, now);
    let room = height.saturating_sub(frame.lines.len() + FOOT_LINES);
    match &state.view {
        View::Overview => panes::overview(&mut frame, state, now, room),
        View::Saga { id, seen, scrolled } => {
            frame.push(Style::Head, format!("saga {id}"));
            match seen {
                None => frame.push(Style::Dim, "looking …"),
                Some(Err(why)) => frame.push(Style::Bad, format!("unknown: {why}")),
                Some(Ok(detail)) => {
                    let lines = detail
                        .lines
                        .iter()
                        .skip(*scrolled)
                        .take(room.saturating_sub(1));
                    lines.for_each(|line| frame.push(Style::Plain, line.clone()));
                }
            }
        }
    }
    frame = frame.fit(width, height.saturating_sub(FOOT_LINES));
    foot(&mut frame, state);
    frame.fit(width, height)
}

fn head(frame: &mut Frame, state: &State, now: Timestamp) {
    let clock = now.to_string();
    let clock = clock.get(11..19).unwrap_or_default();
    frame.push(
        Style::Head,
        format!("amends top  {}  {clock} UTC", state.server),
    );
    if let Some((since, why)) = &state.away {
        let since = since.to_string();
        let since = since.get(11..19).unwrap_or_default();
        let old = match state.last {
            Some(_) => "; what is below is from before",
            None => "",
        };
        frame.push(Style::Bad, format!("AWAY since {since}{old}"));
        frame.push(Style::Dim, why.clone());
    }
}

fn foot(frame: &mut Frame, state: &State) {
    match (&state.prompt, &state.notice) {
        (Some(prompt), _) => frame.push(Style::Chosen, asks(prompt)),
        (None, Some(notice)) => frame.push(Style::Bad, notice.clone()),
        (None, None) => frame.push(Style::Plain, ""),
    }
    let keys = match (&state.prompt, &state.view) {
        (Some(_), _) => "Enter do it   Esc leave it",
        (None, View::Overview) => {
            "q quit  ↑↓ choose  Enter look into  c cancel  p pause  u resume  r retry"
        }
        (None, View::Saga { .. }) => {
            "q quit  Esc back  ↑↓ scroll  c cancel  p pause  u resume  r retry its step"
        }
    };
    frame.push(Style::Dim, keys);
}

fn asks(prompt: &Prompt) -> String {
    let step = prompt
        .step
        .as_ref()
        .map_or_else(String::new, |step| format!(" {step} of"));
    let tail = prompt.saga.get(prompt.saga.len().saturating_sub(8)..);
    let saga = tail.unwrap_or(&prompt.saga);
    let verb = prompt.verb.as_str();
    format!("{verb}{step} …{saga}, reason: {}_", prompt.reason)
}
