//! What a scenario found: lines for people, figures for programs.

use serde_json::{Map, Value};

/// A table and a line of JSON, in the making.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    lines: Vec<(String, String)>,
    figures: Map<String, Value>,
    charts: Vec<Chart>,
}

/// A picture, and the name of its file without the ending.
pub(crate) type Chart = (&'static str, String);

impl Findings {
    /// A line of the table.
    pub(crate) fn line(&mut self, name: &str, value: impl Into<String>) {
        self.lines.push((name.to_owned(), value.into()));
    }

    /// A figure for programs; the unit is in the name.
    pub(crate) fn figure(&mut self, name: &str, value: impl Into<Value>) {
        self.figures.insert(name.to_owned(), value.into());
    }

    /// What is asked of a figure, and whether it is so.
    pub(crate) fn goal(&mut self, asked: &str, held: bool) {
        let verdict = if held { "held" } else { "missed" };
        self.line(&format!("goal: {asked}"), verdict);
        self.figures
            .entry("goals")
            .or_insert_with(|| Value::Object(Map::new()))[asked] = held.into();
    }

    /// A picture in SVG.
    pub(crate) fn chart(&mut self, name: &'static str, svg: String) {
        self.charts.push((name, svg));
    }

    pub(crate) fn charts(&self) -> &[Chart] {
        &self.charts
    }

    pub(crate) fn table(&self) -> String {
        let line = |(name, value): &(String, String)| format!("{name:<34} {value}\n");
        self.lines.iter().map(line).collect()
    }

    pub(crate) fn json(&self) -> Value {
        Value::Object(self.figures.clone())
    }
}
