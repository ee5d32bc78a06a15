//! Free loopback ports.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use crate::error::StartError;

/// Below the range from which the kernel takes the local ports of outgoing connections, so that
/// none of them occupies a port between our looking and the server's listening.
const FIRST_PORT: u16 = 15_000;
const LAST_PORT: u16 = 30_999;

/// Hands out free ports. Folders start at different places, so that two engines that start at the
/// same time hardly ever reach for the same port.
#[derive(Debug)]
pub(crate) struct Ports {
    next: u16,
    left: u16,
}

impl Ports {
    pub(crate) fn for_folder(folder: &Path) -> Self {
        let mut hasher = DefaultHasher::new();
        folder.hash(&mut hasher);
        let span = u64::from(LAST_PORT - FIRST_PORT) + 1;
        let offset = u16::try_from(hasher.finish() % span).unwrap_or(0);
        Self {
            next: FIRST_PORT + offset,
            left: LAST_PORT - FIRST_PORT,
        }
    }

    /// `wanted` when it is free, otherwise the next free port.
    pub(crate) fn keep_or_take(&mut self, wanted: Option<u16>) -> Result<u16, StartError> {
        match wanted {
            Some(port) if is_free(port) => Ok(port),
            Some(_) | None => self.take(),
        }
    }

    fn take(&mut self) -> Result<u16, StartError> {
        while self.left > 0 {
            let port = self.next;
            self.next = if port == LAST_PORT {
                FIRST_PORT
            } else {
                port + 1
            };
            self.left -= 1;
            if is_free(port) {
                return Ok(port);
            }
        }
        Err(StartError::NoPort {
            first: FIRST_PORT,
            last: LAST_PORT,
        })
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_not_kept() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let used = listener.local_addr().unwrap().port();
        let mut ports = Ports::for_folder(Path::new("/some/folder"));
        let port = ports.keep_or_take(Some(used)).unwrap();
        assert_ne!(port, used);
        assert!((FIRST_PORT..=LAST_PORT).contains(&port));
    }

    #[test]
    fn hands_out_each_port_once() {
        let mut ports = Ports::for_folder(Path::new("/some/other/folder"));
        let first = ports.keep_or_take(None).unwrap();
        let second = ports.keep_or_take(None).unwrap();
        assert_ne!(first, second);
    }
}
