//! What a key means.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::state::{Prompt, State, View};
use crate::client::encode;

/// Characters of a reason that can be typed.
const REASON_CHARS_MAX: usize = 200;

/// What is to be done outside because of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// End.
    Quit,
    /// Look into this saga.
    Look(String),
    /// Change a saga.
    Act(Act),
}

/// A change of a saga.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    pub(super) saga: String,
    pub(super) verb: Verb,
    /// For a retry.
    pub(super) step: Option<String>,
    pub(super) reason: String,
}

/// What can be asked of a saga here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Cancel,
    Pause,
    Resume,
    Retry,
}

impl Verb {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Retry => "retry",
        }
    }
}

impl Act {
    /// Where the API takes it.
    pub(super) fn path(&self) -> String {
        let verb = self.verb.as_str();
        match &self.step {
            Some(step) => format!("/v1/sagas/{}/steps/{}/{verb}", self.saga, encode(step)),
            None => format!("/v1/sagas/{}/{verb}", self.saga),
        }
    }
}

/// Takes a key; says what is to be done outside.
pub(super) fn press(state: &mut State, key: KeyEvent) -> Option<Ask> {
    if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
        return Some(Ask::Quit);
    }
    state.notice = None;
    if let Some(prompt) = state.prompt.take() {
        return answer(state, prompt, key.code);
    }
    match key.code {
        KeyCode::Char('q') => return Some(Ask::Quit),
        KeyCode::Esc | KeyCode::Backspace | KeyCode::Left => state.view = View::Overview,
        KeyCode::Up | KeyCode::Char('k') => state.step_up(1),
        KeyCode::Down | KeyCode::Char('j') => state.step_down(1),
        KeyCode::PageUp => state.step_up(10),
        KeyCode::PageDown => state.step_down(10),
        KeyCode::Enter | KeyCode::Right => return state.look_into().map(Ask::Look),
        KeyCode::Char('c') => ask_why(state, Verb::Cancel),
        KeyCode::Char('p') => ask_why(state, Verb::Pause),
        KeyCode::Char('u') => ask_why(state, Verb::Resume),
        KeyCode::Char('r') => ask_why(state, Verb::Retry),
        _ => {}
    }
    None
}

fn ask_why(state: &mut State, verb: Verb) {
    let Some((saga, step)) = state.chosen() else {
        state.notice = Some("there is no saga to choose".to_owned());
        return;
    };
    if verb == Verb::Retry && step.is_none() {
        let hint = "which step? look into the saga with Enter; only a cause that names one helps";
        state.notice = Some(hint.to_owned());
        return;
    }
    state.prompt = Some(Prompt {
        step: step.filter(|_| verb == Verb::Retry),
        saga,
        verb,
        reason: String::new(),
    });
}

/// A key while a reason is typed.
fn answer(state: &mut State, mut prompt: Prompt, key: KeyCode) -> Option<Ask> {
    match key {
        KeyCode::Esc => {
            state.notice = Some("nothing was done".to_owned());
            return None;
        }
        KeyCode::Enter if !prompt.reason.trim().is_empty() => {
            return Some(Ask::Act(Act {
                saga: prompt.saga,
                verb: prompt.verb,
                step: prompt.step,
                reason: prompt.reason,
            }));
        }
        KeyCode::Backspace => {
            prompt.reason.pop();
        }
        KeyCode::Char(typed) if prompt.reason.chars().count() < REASON_CHARS_MAX => {
            prompt.reason.push(typed);
        }
        _ => {}
    }
    state.prompt = Some(prompt);
    None
}
