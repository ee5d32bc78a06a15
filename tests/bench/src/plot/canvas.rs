//! What charts are drawn on: text, bars and lines, with one look.

use std::fmt::Write as _;

/// The colours of series, and of what they are held against. Their tone is such that they show on a
/// light and on a dark page; so do letters and lines.
pub(super) const OURS: &str = "#3b8eea";
pub(super) const YARDSTICK: &str = "#8a949e";
pub(super) const SERIES: [&str; 5] = ["#3b8eea", "#d9703f", "#3fa35b", "#b08a1e", "#a06ad0"];
const INK: &str = "#75808c";

/// An SVG in the making.
#[derive(Debug)]
pub(super) struct Canvas {
    width: f64,
    height: f64,
    body: String,
}

/// Which end of a text its place is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Canvas {
    pub(super) fn new(width: f64, height: f64, title: &str) -> Self {
        let mut canvas = Self {
            width,
            height,
            body: String::new(),
        };
        canvas.write(&format!(
            "<text x=\"16\" y=\"28\" font-size=\"16\" font-weight=\"600\">{}</text>",
            escaped(title)
        ));
        canvas
    }

    pub(super) fn text(&mut self, x: f64, y: f64, anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escaped(text);
        self.write(&format!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
        ));
    }

    pub(super) fn bar(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), colour: &str) {
        self.write(&format!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"2\" \
             fill=\"{colour}\"/>"
        ));
    }

    /// A thin line of the grid.
    pub(super) fn grid(&mut self, from: (f64, f64), to: (f64, f64)) {
        self.write(&format!(
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{INK}\" \
             stroke-opacity=\"0.35\"/>",
            from.0, from.1, to.0, to.1
        ));
    }

    /// A line through these points.
    pub(super) fn line(&mut self, points: &[(f64, f64)], colour: &str) {
        let mut places = String::new();
        for (x, y) in points {
            let _into_a_string = write!(places, "{x:.1},{y:.1} ");
        }
        self.write(&format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" \
             stroke-linejoin=\"round\"/>",
            places.trim_end()
        ));
    }

    pub(super) fn svg(self) -> String {
        let Self {
            width,
            height,
            body,
        } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
             width=\"{width:.0}\" height=\"{height:.0}\" fill=\"{INK}\" font-size=\"13\" \
             font-family=\"ui-sans-serif, system-ui, 'Segoe UI', Helvetica, Arial, sans-serif\">\n\
             {body}</svg>\n"
        )
    }

    fn write(&mut self, element: &str) {
        self.body.push_str(element);
        self.body.push('\n');
    }
}

/// The distance of grid lines: 1, 2 or 5 times a power of ten, five of them at most.
pub(super) fn distance(highest: f64) -> f64 {
    if !(highest.is_finite() && highest > 0.0) {
        return 1.0;
    }
    let power = 10_f64.powf((highest / 5.0).log10().floor());
    let fits = |times: &f64| highest / (times * power) <= 5.0;
    [1.0, 2.0, 5.0].into_iter().find(fits).unwrap_or(10.0) * power
}

/// A number with no more digits than its size deserves, thousands apart.
pub(super) fn number(value: f64) -> String {
    if value.abs() < 10.0 && value.fract() != 0.0 {
        return format!("{value:.2}");
    }
    if value.abs() < 100.0 && value.fract() != 0.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits.as_str()),
    };
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{sign}{text}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grid_lines_are_at_round_numbers_and_few() {
        let found = [0.7, 9.0, 11.0, 240.0, 5_800.0].map(distance);
        assert_eq!(found, [0.2, 2.0, 5.0, 50.0, 2_000.0]);
        assert_eq!(distance(f64::NAN), 1.0);
        assert_eq!(distance(0.0), 1.0);
    }

    #[test]
    fn numbers_are_as_exact_as_they_are_small() {
        let found = [0.456, 16.24, 165.3, 10_434.0, 1_000_000.0].map(number);
        assert_eq!(found, ["0.46", "16.2", "165", "10,434", "1,000,000"]);
    }

    #[test]
    fn what_would_be_markup_is_text() {
        let mut canvas = Canvas::new(10.0, 10.0, "a < b");
        canvas.text(0.0, 0.0, Anchor::Start, "R&D");
        let svg = canvas.svg();
        assert!(svg.contains("a &lt; b") && svg.contains("R&amp;D"), "{svg}");
    }
}
