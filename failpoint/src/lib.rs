//! Places where a process can be made to die or to stop, for tests of what happens then.
//!
//! A gap between two steps that must not be torn apart, say a commit and the publishing that
//! follows it, calls [`reached`] with a name. Without the feature `enabled` that is an empty
//! function. With it, a process that was started with `AMENDS_FAILPOINT` set ends, or stops, when
//! it comes there:
//!
//! * `abort NAME [COUNT]`: it aborts when it has come there that many times, by default once;
//! * `panic NAME [COUNT]`: the task panics, once;
//! * `stop NAME [COUNT]`: it is stopped as by `SIGSTOP`, until somebody sends `SIGCONT`.

#[cfg(any(feature = "enabled", test))]
mod armed;
#[cfg(any(feature = "enabled", test))]
mod config;

/// The process is at this point.
#[inline]
pub fn reached(name: &str) {
    #[cfg(any(feature = "enabled", test))]
    armed::reached(name);
    #[cfg(not(any(feature = "enabled", test)))]
    let _nothing_is_armed = name;
}
