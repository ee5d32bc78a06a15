//! Bars, one under the other: names to the left, figures to the right, so that neither overlaps.

use super::canvas::{Anchor, Canvas, OURS, YARDSTICK, number};

const WIDTH: f64 = 760.0;
const LEFT: f64 = 250.0;
const RIGHT: f64 = 110.0;
const TOP: f64 = 46.0;
const ROW: f64 = 28.0;
const THICKNESS: f64 = 18.0;
const BOTTOM: f64 = 14.0;

/// A chart of bars.
#[derive(Debug, Default)]
pub(crate) struct Bars {
    title: String,
    unit: &'static str,
    bars: Vec<(String, f64, &'static str)>,
}

impl Bars {
    /// The unit stands behind each figure.
    pub(crate) fn new(title: &str, unit: &'static str) -> Self {
        Self {
            title: title.to_owned(),
            unit,
            bars: Vec::new(),
        }
    }

    /// What amends did.
    pub(crate) fn ours(mut self, name: &str, value: f64) -> Self {
        self.bars.push((name.to_owned(), value, OURS));
        self
    }

    /// What it is held against.
    pub(crate) fn yardstick(mut self, name: &str, value: f64) -> Self {
        self.bars.push((name.to_owned(), value, YARDSTICK));
        self
    }

    pub(crate) fn svg(&self) -> String {
        let rows: f64 = self.bars.iter().map(|_| ROW).sum();
        let mut canvas = Canvas::new(WIDTH, TOP + rows + BOTTOM, &self.title);
        let values = self.bars.iter().map(|(_, value, _)| *value);
        let highest = values.filter(|it| it.is_finite()).fold(0.0, f64::max);
        let mut top = TOP;
        for (name, value, colour) in &self.bars {
            let baseline = top + THICKNESS - 4.5;
            canvas.text(LEFT - 10.0, baseline, Anchor::End, name);
            let (share, figure) = if value.is_finite() && highest > 0.0 {
                (value / highest, format!("{}{}", number(*value), self.unit))
            } else {
                (0.0, "not measured".to_owned())
            };
            let length = (WIDTH - LEFT - RIGHT) * share;
            canvas.bar((LEFT, top), (length, THICKNESS), colour);
            canvas.text(LEFT + length + 8.0, baseline, Anchor::Start, &figure);
            top += ROW;
        }
        canvas.svg()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_fills_its_place_and_others_their_share() {
        let svg = Bars::new("steps", "/s")
            .yardstick("ping-pong", 10_000.0)
            .ours("amends", 2_500.0)
            .ours("never played", f64::NAN)
            .svg();
        assert!(svg.contains("width=\"400.0\""), "{svg}");
        assert!(svg.contains("width=\"100.0\""), "{svg}");
        assert!(
            svg.contains(">2,500/s<") && svg.contains(">not measured<"),
            "{svg}"
        );
    }
}
