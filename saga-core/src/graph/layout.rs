//! Where the boxes go: steps in layers from top to bottom, arrows around them.
//!
//! The classic of layered drawing in its smallest form: each step one layer below what it waits
//! for, long arrows held apart by places of their own, a few sweeps that put neighbours above each
//! other.

use super::picture::{Picture, Undo};

/// Sweeps through the layers, down and up.
const SWEEPS: usize = 12;

/// Room between two neighbours of a layer.
const GAP: i32 = 30;

/// Half of the room that an arrow takes which passes through a layer.
const LANE: i32 = 12;

/// Widths that depend on the texts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Widths {
    pub(super) step: i32,
    pub(super) undo: i32,
    /// Between a step and its undo.
    pub(super) between: i32,
}

/// Where everything is, in units of the picture.
#[derive(Debug)]
pub(super) struct Layout {
    /// Of each step: the middle of its box.
    pub(super) x: Vec<i32>,
    /// Of each step: its layer, from 0.
    pub(super) layer: Vec<usize>,
    /// How many layers there are.
    pub(super) layers: usize,
    /// For each arrow of the picture, the middles it passes in the layers between its ends.
    pub(super) lanes: Vec<Vec<i32>>,
    /// The width of the whole.
    pub(super) width: i32,
}

/// One place in a layer: a step, or an arrow that passes.
struct Place {
    x: i32,
    left: i32,
    right: i32,
    above: Vec<usize>,
    below: Vec<usize>,
}

/// Places the steps of a picture.
pub(super) fn layout(picture: &Picture, widths: Widths) -> Layout {
    let count = picture.cards.len();
    let layer = layers(count, &picture.arrows);
    let layers = layer.iter().max().map_or(0, |last| last + 1);
    let mut places: Vec<Place> = picture
        .cards
        .iter()
        .map(|card| {
            let beside = match card.undo {
                Undo::Action(_) | Undo::Residue(_) => widths.between + widths.undo,
                Undo::NoEffect | Undo::Never => 0,
            };
            Place {
                x: 0,
                left: widths.step / 2,
                right: widths.step / 2 + beside,
                above: Vec::new(),
                below: Vec::new(),
            }
        })
        .collect();
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); layers];
    for (at, layer) in layer.iter().enumerate() {
        rows[*layer].push(at);
    }
    let mut passing = Vec::with_capacity(picture.arrows.len());
    for (from, to) in &picture.arrows {
        let mut last = *from;
        let mut lane = Vec::new();
        for row in rows.iter_mut().take(layer[*to]).skip(layer[*from] + 1) {
            let at = places.len();
            places.push(Place {
                x: 0,
                left: LANE,
                right: LANE,
                above: Vec::new(),
                below: Vec::new(),
            });
            row.push(at);
            connect(&mut places, last, at);
            lane.push(at);
            last = at;
        }
        connect(&mut places, last, *to);
        passing.push(lane);
    }
    for _ in 0..SWEEPS {
        for row in &mut rows {
            sort(row, &places, |place| &place.above);
            spread(&mut places, row);
        }
        for row in rows.iter_mut().rev() {
            sort(row, &places, |place| &place.below);
            spread(&mut places, row);
        }
    }
    for sweep in 0..SWEEPS {
        for at in 0..layers {
            let at = if sweep % 2 == 0 { at } else { layers - 1 - at };
            settle(&mut places, &rows[at], sweep % 2 == 0);
        }
    }
    finish(&mut places, count, layer, layers, &passing)
}

fn finish(
    places: &mut [Place],
    count: usize,
    layer: Vec<usize>,
    layers: usize,
    passing: &[Vec<usize>],
) -> Layout {
    let left = places.iter().map(|place| place.x - place.left).min();
    let left = left.unwrap_or(0);
    for place in places.iter_mut() {
        place.x -= left;
    }
    let right = places.iter().map(|place| place.x + place.right).max();
    Layout {
        x: places[..count].iter().map(|place| place.x).collect(),
        layer,
        layers,
        lanes: passing
            .iter()
            .map(|lane| lane.iter().map(|at| places[*at].x).collect())
            .collect(),
        width: right.unwrap_or(0),
    }
}

fn connect(places: &mut [Place], above: usize, below: usize) {
    places[above].below.push(below);
    places[below].above.push(above);
}

/// One layer below the lowest of what comes before.
fn layers(count: usize, arrows: &[(usize, usize)]) -> Vec<usize> {
    let mut layer = vec![0; count];
    // A path has at most as many arrows as there are steps.
    for _ in 0..count {
        let mut changed = false;
        for (from, to) in arrows {
            if layer[*to] <= layer[*from] {
                layer[*to] = layer[*from] + 1;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    layer
}

/// The average middle of these places.
fn middle(places: &[Place], of: &[usize]) -> Option<i32> {
    let sum: i32 = of.iter().map(|at| places[*at].x).sum();
    let count = i32::try_from(of.len()).ok().filter(|count| *count > 0)?;
    Some(sum / count)
}

fn sort(row: &mut [usize], places: &[Place], neighbours: impl Fn(&Place) -> &Vec<usize>) {
    row.sort_by_key(|at| {
        let place = &places[*at];
        middle(places, neighbours(place)).unwrap_or(place.x)
    });
}

/// Puts a layer's places beside each other, around the middle.
fn spread(places: &mut [Place], row: &[usize]) {
    let mut x = 0;
    let mut before: Option<usize> = None;
    for at in row {
        x += before.map_or(0, |before| places[before].right + GAP + places[*at].left);
        places[*at].x = x;
        before = Some(*at);
    }
    for at in row {
        places[*at].x -= x / 2;
    }
}

/// Moves the places of a layer towards their neighbours, as far as they do not collide.
fn settle(places: &mut [Place], row: &[usize], downward: bool) {
    let wanted: Vec<i32> = row
        .iter()
        .map(|at| {
            let place = &places[*at];
            let (first, second) = if downward {
                (&place.above, &place.below)
            } else {
                (&place.below, &place.above)
            };
            middle(places, first)
                .or_else(|| middle(places, second))
                .unwrap_or(place.x)
        })
        .collect();
    // From the left and from the right as far as needed, and then in the middle of the two.
    let mut from_left = wanted.clone();
    for at in 1..row.len() {
        let room = places[row[at - 1]].right + GAP + places[row[at]].left;
        from_left[at] = from_left[at].max(from_left[at - 1] + room);
    }
    let mut from_right = wanted;
    for at in (1..row.len()).rev() {
        let room = places[row[at - 1]].right + GAP + places[row[at]].left;
        from_right[at - 1] = from_right[at - 1].min(from_right[at] - room);
    }
    for (at, place) in row.iter().enumerate() {
        places[*place].x = i32::midpoint(from_left[at], from_right[at]);
    }
}
