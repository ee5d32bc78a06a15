//! `amends dev --demo`: what somebody sees who tries amends for the first time.

use crate::amends::run;

/// Widest line of the demo.
const COLUMNS: usize = 80;

#[test]
fn the_demo_shows_every_saga_that_ships() {
    let ran = run(&["dev", "--demo", "--exit"], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let wide: Vec<&str> = ran
        .out
        .lines()
        .filter(|line| line.chars().count() > COLUMNS)
        .collect();
    assert!(wide.is_empty(), "{wide:#?}");
    let seen = [
        "order 1.0.0  completed",
        "order 1.0.0  compensated",
        "flight-booking 1.1.0  completed",
        "flight-booking 1.1.0  compensated",
        "subscription-renewal 1.0.0  completed",
        "subscription-renewal 1.0.0  compensated",
        "account-opening 1.0.0  completed",
        "account-opening 1.0.0  compensated",
        "bulk-payout 1.0.0  completed",
        "bulk-payout 1.0.0  compensated",
        "warehouse-transfer 1.0.0  completed",
        "warehouse-transfer 1.0.0  compensated",
        "falls back to prices.list",
        "5 elements: 5 done",
        "5 elements: 1 failed, ",
        "14 sagas on the embedded engine: 7 completed, 7 compensated, 0 unexpected",
    ];
    for words in seen {
        assert!(
            ran.out.contains(words),
            "`{words}` is missing in\n{}",
            ran.out
        );
    }
}

#[test]
fn the_last_line_is_for_programs_too() {
    let ran = run(&["dev", "--demo", "--exit", "-o", "json"], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let summary = serde_json::json!({
        "engine": "embedded", "sagas": 14, "completed": 7, "compensated": 7, "unexpected": 0
    });
    assert_eq!(ran.json(), summary);
}
