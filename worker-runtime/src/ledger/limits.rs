//! The times that both ledgers keep.

use std::time::Duration;

/// How long a claim outlives the last sign of life of its worker, unless the settings say
/// otherwise. A take-over waits that long, so it is short against a saga and long against a pause
/// of the process.
pub(super) const LEASE: Duration = Duration::from_secs(15);

/// How long one waits for another's open transaction before a key counts as in progress.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_millis(200);
