//! What this crate reads from the environment: the search path, and nothing else.

use std::ffi::OsString;

/// Directories searched when `PATH` is not set, and after those of `PATH` when it is: an ordinary
/// user's search path lacks the administrator's directories.
const USUAL_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The search path for programs, as a colon-separated list.
pub(crate) fn search_path() -> OsString {
    match std::env::var_os("PATH") {
        Some(mut path) if !path.is_empty() => {
            path.push(":");
            path.push(USUAL_PATH);
            path
        }
        _ => USUAL_PATH.into(),
    }
}
