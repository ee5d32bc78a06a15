//! The binary as its users meet it: output, errors and exit codes.

#![expect(
    clippy::expect_used,
    reason = "helpers of tests fail the test that asked"
)]

mod amends;
mod api;
mod bad_input;
mod definitions;
mod demo;
mod looking;
mod mending;
mod moves;
mod sagas;
mod signals;
mod top;
mod trial;
mod workers;
