//! The API as callers meet it: over HTTP, on the embedded store and broker.
//!
//! `cfg(test)` tells clippy that all of this is test code.

#[cfg(test)]
mod access;
#[cfg(test)]
mod batch;
#[cfg(test)]
mod overload;
#[cfg(test)]
mod provider;
#[cfg(test)]
mod records;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod server;
#[cfg(test)]
mod silence;
#[cfg(test)]
mod tokens;
