//! The binary as its users meet it: output, errors and exit codes.

#![expect(
    clippy::expect_used,
    reason = "helpers of tests fail the test that asked"
)]

mod amends;
mod api;
mod bad_input;
mod bulk;
mod config;
mod definitions;
mod demo;
mod help;
mod inside;
mod looking;
mod mending;
mod moves;
mod sagas;
mod security;
mod signals;
mod snapshot;
mod snapshots;
mod top;
mod trial;
mod workers;
