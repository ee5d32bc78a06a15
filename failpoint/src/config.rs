//! The point to arm, from the environment.

use crate::armed::Armed;

const VARIABLE: &str = "AMENDS_FAILPOINT";

/// The armed point, if there is one. A test that armed a point that cannot be read must not pass
/// by accident, so that ends the process.
#[expect(clippy::disallowed_methods, reason = "this is the config.rs that may")]
pub(crate) fn armed() -> Option<Armed> {
    let text = std::env::var(VARIABLE).ok()?;
    let armed = Armed::parse(&text);
    assert!(
        armed.is_some(),
        "{VARIABLE}={text} is not `abort NAME [COUNT]`, or the same with panic or stop"
    );
    armed
}
