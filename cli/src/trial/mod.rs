//! `amends test`: a definition on the embedded engine, in virtual time, through every failure that
//! a step can have.

mod audit;
mod books;
mod broker;
mod caller;
mod canned;
mod case;
mod children;
mod crew;
mod end;
mod fault;
mod guess;
mod legal;
mod matrix;
mod mock;
mod plan;
mod report;
mod sample;
mod script;
mod table;
#[cfg(test)]
mod tests;

pub use canned::{Canned, Known};
pub use children::children;
pub use fault::{Fault, Planted, Wanted};
pub use matrix::run;
pub use report::{CaseReport, Report, Skipped};
pub use sample::{Unsampled, sample};
pub use script::Script;
pub use table::{chronicle, table};
