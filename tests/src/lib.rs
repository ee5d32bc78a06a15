//! What tests of the whole system share: a deployment of real processes over real servers.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a harness that cannot do its work fails the test that asked"
)]

pub mod config;
pub mod database;
pub mod deployment;
pub mod http;
pub mod middleman;
pub mod orders;
pub mod process;
pub mod proxy;
pub mod rabbit;
pub mod waiting;
