//! What every code means, for `explain-code`.

use super::code::Code;

/// The story of one code.
#[derive(Debug, Clone, Copy)]
pub struct Explained {
    /// The code.
    pub code: Code,
    /// What is wrong, in one line.
    pub title: &'static str,
    /// Why it matters and what to do.
    pub text: &'static str,
}

/// Every code, in order.
pub const ALL: &[Explained] = &[];
