//! A definition as a picture: which steps follow which, and what undoes them.

mod dot;
mod layout;
mod measure;
mod mermaid;
mod palette;
mod picture;
mod svg;
#[cfg(test)]
mod tests;
mod text;

pub use dot::dot;
pub use mermaid::mermaid;
pub use picture::{Card, Kind, Picture, Undo};
pub use svg::svg;
pub use text::text;
