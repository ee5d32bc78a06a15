//! The sagas that the benchmark starts.

use serde_json::{Value, json};

/// Bytes of the input, and of three of four commands, of [`Workload::LargeInput`].
const LARGE_INPUT_BYTES: usize = 2048;

/// Elements of [`Workload::Elements`].
const ELEMENTS: u32 = 1000;

/// What runs, and with what input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workload {
    /// What all others are measured against.
    FourSteps,
    /// The same, with 2 KiB to carry through it.
    LargeInput,
    /// The same four steps 25 times, one after the other.
    HundredSteps,
    /// One step for each of a thousand elements, a hundred at a time.
    Elements,
    /// A time to wait for.
    Sleep,
}

impl Workload {
    pub(crate) const fn definition(self) -> &'static str {
        match self {
            Self::FourSteps | Self::LargeInput => "four-steps",
            Self::HundredSteps => "hundred-steps",
            Self::Elements => "elements",
            Self::Sleep => "sleep",
        }
    }

    /// Steps, or elements of one, that succeed in each saga. A list succeeds once more as a whole.
    pub(crate) fn steps(self) -> f64 {
        match self {
            Self::FourSteps | Self::LargeInput => 4.0,
            Self::HundredSteps => 100.0,
            Self::Elements => f64::from(ELEMENTS) + 1.0,
            Self::Sleep => 1.0,
        }
    }

    /// How many of them a worker is called for.
    pub(crate) fn calls(self) -> f64 {
        match self {
            Self::FourSteps | Self::LargeInput | Self::HundredSteps => self.steps(),
            Self::Elements => f64::from(ELEMENTS),
            Self::Sleep => 0.0,
        }
    }

    /// A request to start a saga with an input that is unlike all others.
    pub(crate) fn body(self, number: impl std::fmt::Display) -> String {
        let input = match self {
            Self::FourSteps | Self::HundredSteps => order(&number, &format!("Customer {number}")),
            Self::LargeInput => {
                let name = format!("Customer {number} ");
                let rest = "x".repeat(LARGE_INPUT_BYTES.saturating_sub(name.len()));
                order(&number, &(name + &rest))
            }
            Self::Elements => {
                let customers: Vec<String> = (1..=ELEMENTS)
                    .map(|element| format!("Customer {number}-{element}"))
                    .collect();
                json!({ "orderId": format!("b-{number}"), "customers": customers })
            }
            Self::Sleep => json!({ "orderId": format!("b-{number}") }),
        };
        json!({ "definition": self.definition(), "input": input }).to_string()
    }
}

fn order(number: &impl std::fmt::Display, customer: &str) -> Value {
    json!({
        "orderId": format!("b-{number}"),
        "customer": customer,
        "plan": "yearly",
        "currency": "EUR",
    })
}
