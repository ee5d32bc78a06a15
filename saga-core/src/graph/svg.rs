//! The picture as SVG, complete in itself.

use std::fmt::Write as _;

use super::layout::{Layout, Widths, layout};
use super::measure::{TEXT_MAX, estimate, notes, shortened, widths};
use super::palette::STYLE;
use super::picture::{Card, Kind, Picture, Undo};

const MARGIN: i32 = 24;
const HEAD: i32 = 62;
const FOOT: i32 = 36;
const BOX: i32 = 58;
const UNDO: i32 = 40;
const NOTE: i32 = 15;
/// Between the boxes of two layers.
const BETWEEN: i32 = 44;
/// The line of the point of no return takes room of its own.
const LINE: i32 = 34;

/// Draws the picture.
#[must_use]
pub fn svg(picture: &Picture) -> String {
    Drawing::new(picture).draw()
}

struct Drawing<'p> {
    picture: &'p Picture,
    layout: Layout,
    widths: Widths,
    /// Upper edge of each layer's boxes.
    tops: Vec<i32>,
    /// Where the point of no return is drawn, when there is exactly one.
    line: Option<i32>,
    width: i32,
    height: i32,
    out: String,
}

impl<'p> Drawing<'p> {
    fn new(picture: &'p Picture) -> Self {
        let widths = widths(picture);
        let layout = layout(picture, widths);
        let notes = |layer: usize| {
            let cards = picture.cards.iter().zip(&layout.layer);
            let counts = cards
                .filter(|(_, at)| **at == layer)
                .map(|(card, _)| notes(card).len());
            i32::try_from(counts.max().unwrap_or(0)).unwrap_or(0)
        };
        let pivots: Vec<usize> = (0..picture.cards.len())
            .filter(|at| picture.cards[*at].pivot)
            .collect();
        let divided = match pivots.as_slice() {
            [one] => Some(layout.layer[*one]).filter(|layer| layer + 1 < layout.layers),
            _ => None,
        };
        let (mut tops, mut line) = (Vec::new(), None);
        let mut y = MARGIN + HEAD;
        for layer in 0..layout.layers {
            tops.push(y);
            y += BOX + notes(layer) * NOTE;
            if divided == Some(layer) {
                line = Some(y + BETWEEN / 2 + LINE / 2 - 4);
                y += LINE;
            }
            y += BETWEEN;
        }
        let title = estimate(picture.title.chars().count(), 9);
        let described = picture.description.as_deref().unwrap_or_default();
        let described = estimate(described.chars().count(), 6);
        let width = layout.width.max(title).max(described.min(760)) + MARGIN * 2;
        Self {
            picture,
            widths,
            tops,
            line,
            width,
            height: y - BETWEEN + FOOT + MARGIN,
            layout,
            out: String::new(),
        }
    }

    fn draw(mut self) -> String {
        let (width, height) = (self.width, self.height);
        self.put(&format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" height=\"{height}\" role=\"img\">"
        ));
        let title = escaped(&self.picture.title);
        self.put(&format!("<title>{title}</title>"));
        self.put(&format!("<style>\n{STYLE}</style>"));
        self.put(
            "<defs><marker id=\"f\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" \
             markerHeight=\"8\" orient=\"auto\"><path class=\"head\" d=\"M0 0 8 4 0 8z\"/></marker>\
             <marker id=\"b\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" \
             markerHeight=\"8\" orient=\"auto\"><path class=\"backhead\" d=\"M0 0 8 4 0 8z\"/>\
             </marker></defs>",
        );
        self.text("title", MARGIN, MARGIN + 12, &self.picture.title, false);
        if let Some(description) = &self.picture.description {
            let room = usize::try_from((width - MARGIN * 2) / 6).unwrap_or(0);
            let description = shortened(description, room.max(TEXT_MAX));
            self.text("outside", MARGIN, MARGIN + 34, &description, false);
        }
        self.no_return();
        for at in 0..self.picture.arrows.len() {
            self.arrow(at);
        }
        for (later, earlier) in &self.picture.undo_arrows {
            self.undo_arrow(*later, *earlier);
        }
        for at in 0..self.picture.cards.len() {
            self.card(at);
        }
        self.legend();
        self.put("</svg>");
        self.out
    }

    fn put(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    fn text(&mut self, class: &str, x: i32, y: i32, text: &str, middle: bool) {
        let anchor = if middle {
            " text-anchor=\"middle\""
        } else {
            ""
        };
        let text = escaped(text);
        self.put(&format!(
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\"{anchor}>{text}</text>"
        ));
    }

    fn rect(&mut self, class: &str, at: (i32, i32), size: (i32, i32), round: i32) {
        let ((x, y), (width, height)) = (at, size);
        self.put(&format!(
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" \
             rx=\"{round}\"/>"
        ));
    }

    /// Middle of a step's box.
    fn x(&self, at: usize) -> i32 {
        self.layout.x[at] + (self.width - self.layout.width) / 2
    }

    fn top(&self, at: usize) -> i32 {
        self.tops[self.layout.layer[at]]
    }

    /// Where arrows leave a card: below its notes.
    fn bottom(&self, at: usize) -> i32 {
        let notes = notes(&self.picture.cards[at]).len();
        self.top(at)
            + BOX
            + i32::try_from(notes).unwrap_or(0) * NOTE
            + if notes > 0 { 4 } else { 0 }
    }

    fn undo_x(&self, at: usize) -> i32 {
        self.x(at) + self.widths.step / 2 + self.widths.between
    }

    fn undo_top(&self, at: usize) -> i32 {
        self.top(at) + (BOX - UNDO) / 2
    }

    fn no_return(&mut self) {
        let Some(y) = self.line else { return };
        let end = self.width - MARGIN;
        self.put(&format!(
            "<line class=\"line\" x1=\"{MARGIN}\" y1=\"{y}\" x2=\"{end}\" y2=\"{y}\"/>"
        ));
        self.put(&format!(
            "<text class=\"outside point\" x=\"{end}\" y=\"{}\" text-anchor=\"end\">point of no \
             return: below, only forward</text>",
            y - 7
        ));
    }

    /// From below a card to above another, through its places in the layers between.
    fn arrow(&mut self, index: usize) {
        let (from, to) = self.picture.arrows[index];
        let (mut x, mut y) = (self.x(from), self.bottom(from));
        let mut path = format!("M{x} {y}");
        let shift = (self.width - self.layout.width) / 2;
        let lanes = self.layout.lanes[index].clone();
        for (offset, lane) in lanes.iter().enumerate() {
            let layer = self.layout.layer[from] + 1 + offset;
            let (lane, top) = (*lane + shift, self.tops[layer]);
            curve(&mut path, (x, y), (lane, top));
            let end = self.tops[layer] + BOX;
            let _infallible = write!(path, " L{lane} {end}");
            (x, y) = (lane, end);
        }
        curve(&mut path, (x, y), (self.x(to), self.top(to) - 2));
        self.put(&format!(
            "<path class=\"arrow\" d=\"{path}\" marker-end=\"url(#f)\"/>"
        ));
    }

    fn undo_arrow(&mut self, later: usize, earlier: usize) {
        let middle = self.widths.undo / 2;
        let from = (self.undo_x(later) + middle, self.undo_top(later));
        let to = (
            self.undo_x(earlier) + middle,
            self.undo_top(earlier) + UNDO + 2,
        );
        let mut path = format!("M{} {}", from.0, from.1);
        curve(&mut path, from, to);
        self.put(&format!(
            "<path class=\"back\" d=\"{path}\" marker-end=\"url(#b)\"/>"
        ));
    }

    fn card(&mut self, at: usize) {
        let card = self.picture.cards[at].clone();
        let (x, top) = (self.x(at), self.top(at));
        let (left, width) = (x - self.widths.step / 2, self.widths.step);
        let class = if card.pivot {
            "box pivot"
        } else if card.after_pivot {
            "box after"
        } else {
            "box"
        };
        if card.each {
            self.rect(class, (left + 8, top - 8), (width, BOX), 8);
            self.rect(class, (left + 4, top - 4), (width, BOX), 8);
        }
        self.rect(class, (left, top), (width, BOX), 8);
        if matches!(card.kind, Kind::Child(_)) {
            self.rect(class, (left + 4, top + 4), (width - 8, BOX - 8), 6);
        }
        self.icon(&card.kind, (left + 16, top + 16));
        let does = match &card.kind {
            Kind::Action(text) | Kind::Signal(text) | Kind::Sleep(text) | Kind::Child(text) => text,
        };
        let room = usize::try_from(width / 8).unwrap_or(0);
        self.text("name", x, top + 25, &shortened(&card.name, room), true);
        self.text("code", x, top + 43, &shortened(does, room + 2), true);
        for (index, note) in notes(&card).iter().enumerate() {
            let down = i32::try_from(index).unwrap_or(0) * NOTE;
            let y = top + BOX + 13 + down;
            // The fallback comes last.
            if card.fallback.is_some() && index + 1 == notes(&card).len() {
                let wide = estimate(note.chars().count(), 6) + 20;
                self.rect("box fallback", (x - wide / 2, y - 11), (wide, NOTE), 7);
                self.text("note", x, y, note, true);
            } else {
                self.text("note outside", x, y, note, true);
            }
        }
        self.beside(at, &card);
    }

    /// What undoes the step, or stays of it, to its right.
    fn beside(&mut self, at: usize, card: &Card) {
        let (class, text) = match &card.undo {
            Undo::Action(action) => ("box undo", action.clone()),
            Undo::Residue(because) => ("box residue", format!("stays: {because}")),
            Undo::NoEffect | Undo::Never => return,
        };
        let (left, top, width) = (self.undo_x(at), self.undo_top(at), self.widths.undo);
        let (from, y) = (self.x(at) + self.widths.step / 2, top + UNDO / 2);
        self.put(&format!("<path class=\"tie\" d=\"M{from} {y} H{left}\"/>"));
        self.rect(class, (left, top), (width, UNDO), 20);
        let room = usize::try_from((width - 24) / 7).unwrap_or(0);
        let (x, y) = (left + width / 2, top + UNDO / 2 + 4);
        self.text("code", x, y, &shortened(&text, room), true);
    }

    fn icon(&mut self, kind: &Kind, at: (i32, i32)) {
        let (x, y) = at;
        let shape = match kind {
            Kind::Action(_) | Kind::Child(_) => return,
            // A flag.
            Kind::Signal(_) => format!("M{x} {} V{} h9 l-2 3 2 3 h-9", y + 7, y - 6),
            // A clock.
            Kind::Sleep(_) => format!(
                "M{} {y} a6 6 0 1 0 12 0 a6 6 0 1 0 -12 0 M{x} {} V{y} h3",
                x - 6,
                y - 3
            ),
        };
        self.put(&format!("<path class=\"icon\" d=\"{shape}\"/>"));
    }

    fn legend(&mut self) {
        let y = self.height - MARGIN;
        let (mut x, middle) = (MARGIN, y - 4);
        self.put(&format!(
            "<path class=\"arrow\" d=\"M{x} {middle} H{}\" marker-end=\"url(#f)\"/>",
            x + 30
        ));
        self.text("outside", x + 38, y, "then", false);
        if self
            .picture
            .cards
            .iter()
            .any(|card| matches!(card.undo, Undo::Action(_)))
        {
            x += 90;
            self.put(&format!(
                "<path class=\"back\" d=\"M{x} {middle} H{}\" marker-end=\"url(#b)\"/>",
                x + 30
            ));
            self.text(
                "outside",
                x + 38,
                y,
                "undone, when a later step fails",
                false,
            );
        }
    }
}

fn curve(path: &mut String, from: (i32, i32), to: (i32, i32)) {
    if from.0 == to.0 {
        let _infallible = write!(path, " L{} {}", to.0, to.1);
        return;
    }
    let bend = (to.1 - from.1) / 2;
    let _infallible = write!(
        path,
        " C{} {} {} {} {} {}",
        from.0,
        from.1 + bend,
        to.0,
        to.1 - bend,
        to.0,
        to.1
    );
}

fn escaped(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '&' => "&amp;".to_owned(),
            '"' => "&quot;".to_owned(),
            c if c.is_control() => " ".to_owned(),
            c => c.to_string(),
        })
        .collect()
}
