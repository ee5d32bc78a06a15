//! `amends top`: what happens, while it happens. What is shown is a pure function of a state, and
//! the state of what was read and pressed; only the terminal and the API are outside.

mod counters;
mod detail;
mod frame;
mod keys;
mod panes;
mod reading;
mod render;
mod state;
mod terminal;
#[cfg(test)]
mod tests;

pub use detail::Detail;
pub use frame::Frame;
pub use keys::Ask;
pub use reading::{Reader, Reading};
pub use render::render;
pub use state::State;
pub use terminal::Terminal;
