//! Charts in SVG.

mod bars;
mod canvas;
mod lines;

pub(crate) use bars::Bars;
pub(crate) use lines::Lines;
