//! Whether a host is this machine.

use std::net::IpAddr;

/// Whether the host of a URL or of a header is this machine, so that nobody else can listen.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    let address = host.parse::<IpAddr>();
    address.is_ok_and(|address| address.is_loopback()) || host.eq_ignore_ascii_case("localhost")
}
