//! What is drawn of which definition.

use super::{Card, Kind, Picture, Undo, dot, mermaid, svg, text};
use crate::compiler::compile;

const EVERYTHING: &str = include_str!("../../tests/definitions/good-everything.yaml");
const BOOKING: &str = include_str!("../../../sagas/flight-booking.yaml");

fn picture(source: &str) -> Picture {
    Picture::of(&compile("x.yaml", source).definition.unwrap())
}

#[test]
fn arrows_that_follow_from_others_are_left_out() {
    let booking = picture(BOOKING);
    assert_eq!(booking.arrows, [(0, 3), (1, 3), (2, 3), (3, 4), (4, 5)]);
    assert_eq!(
        booking.undo_arrows,
        [],
        "flight, hotel and car are undone side by side"
    );
    let redundant = picture(
        "saga: s\nversion: 1.0.0\nsteps:\n  - { id: a, action: x.y, no_effect: true }\n  - { id: \
         b, action: x.y, no_effect: true }\n  - { id: c, action: x.y, no_effect: true, \
         depends_on: [a, b] }\n",
    );
    assert_eq!(redundant.arrows, [(0, 1), (1, 2)]);
}

#[test]
fn undoing_passes_steps_without_an_effect() {
    let undo = "compensate: { action: x.z }";
    let source = format!(
        "saga: s\nversion: 1.0.0\nsteps:\n  - {{ id: a, action: x.y, {undo} }}\n  - {{ id: b, \
         action: x.y, no_effect: true }}\n  - {{ id: c, action: x.y, {undo} }}\n"
    );
    assert_eq!(picture(&source).undo_arrows, [(2, 0)]);
}

/// A card for each way a step can be.
fn every_kind() -> Picture {
    let kinds = [
        Kind::Action("a.b".to_owned()),
        Kind::Signal("approved".to_owned()),
        Kind::Sleep("2d".to_owned()),
        Kind::Child("warehouse 1.0.0".to_owned()),
    ];
    let cards = kinds.into_iter().enumerate().map(|(at, kind)| Card {
        name: format!("s{at}"),
        kind,
        each: at == 0,
        when: (at == 1).then(|| "input.a < \"b\" && true".to_owned()),
        undo: [
            Undo::Action("a.undo".to_owned()),
            Undo::NoEffect,
            Undo::Residue("a <letter> & more".to_owned()),
            Undo::Never,
        ][at]
            .clone(),
        pivot: at == 3,
        after_pivot: false,
        on_failure: None,
        fallback: (at == 2).then(|| "else a.c".to_owned()),
    });
    Picture {
        title: "every kind".to_owned(),
        description: None,
        cards: cards.collect(),
        arrows: vec![(0, 1), (1, 2), (0, 3), (2, 3)],
        undo_arrows: Vec::new(),
    }
}

#[test]
fn every_kind_of_step_is_drawn_in_every_form() {
    let every = every_kind();
    for form in [svg(&every), mermaid(&every), dot(&every), text(&every)] {
        for word in ["s0", "approved", "2d", "warehouse", "a.undo", "else a.c"] {
            assert!(form.contains(word), "`{word}` is missing in\n{form}");
        }
    }
    let svg = svg(&every);
    assert!(!svg.contains("<letter>"), "text is escaped\n{svg}");
    assert_eq!(
        svg.matches("<rect class=\"box pivot\"").count(),
        2,
        "a child has two borders"
    );
}

/// Opening and closing tags match, and every attribute is quoted.
#[test]
fn what_is_drawn_is_well_formed() {
    for picture in [picture(BOOKING), picture(EVERYTHING), every_kind()] {
        let svg = svg(&picture);
        let mut open = Vec::new();
        for tag in svg.split('<').skip(1) {
            let (tag, _) = tag.split_once('>').unwrap();
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name), "{tag}");
            } else if !tag.ends_with('/') {
                open.push(tag.split(' ').next().unwrap());
            }
        }
        assert!(open.is_empty(), "{open:?}");
        assert!(!svg.contains("x=\"-"), "{svg}");
    }
}

#[test]
fn boxes_of_a_layer_do_not_touch() {
    let wide = "saga: s\nversion: 1.0.0\nsteps:\n".to_owned()
        + &(0..6)
            .map(|at| {
                format!(
                    "  - {{ id: s{at}, action: x.y, depends_on: [], compensate: {{ action: x.z }} \
                     }}\n"
                )
            })
            .collect::<String>();
    let svg = svg(&picture(&wide));
    let mut spans: Vec<(i32, i32)> = svg
        .lines()
        .filter(|line| line.starts_with("<rect"))
        .map(|line| {
            let number = |name: &str| -> i32 {
                let (_, rest) = line.split_once(&format!(" {name}=\"")).unwrap();
                rest.split_once('"').unwrap().0.parse().unwrap()
            };
            (number("x"), number("x") + number("width"))
        })
        .collect();
    spans.sort_unstable();
    assert_eq!(spans.len(), 12);
    assert!(
        spans.windows(2).all(|pair| pair[0].1 < pair[1].0),
        "{spans:?}"
    );
}
