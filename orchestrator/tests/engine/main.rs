//! The engine and its loops over the embedded store and broker: what they do with whatever comes.

#![expect(
    clippy::expect_used,
    reason = "helpers of tests fail the test that asked"
)]

mod bench;
mod children;
mod drain;
mod explain;
mod moves;
mod reconcile;
mod registrations;
mod replay;
mod replies;
mod requests;
mod retention;
mod signals;
mod starts;
mod timers;
