//! What the command line asks for.

/// How it is called.
pub(crate) const USAGE: &str = "\
usage: cargo xtask growth [--sagas N] [--days N] [--json]
";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Set the server up; it has to be started again after that.
    Prepare,
    /// Measure.
    Measure(Sizes),
}

/// How much is stored.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    /// Sagas at the first measurement.
    pub(crate) few: u32,
    /// Sagas at the second.
    pub(crate) many: u32,
    /// Days over which they have started.
    pub(crate) days: u32,
    /// Print one JSON document, not tables.
    pub(crate) json: bool,
}

impl Request {
    /// Reads the arguments; `None` when they are not understood.
    pub(crate) fn parse(args: &[String]) -> Option<Self> {
        let mut sizes = Sizes {
            few: 1_000,
            many: 1_000_000,
            days: 30,
            json: false,
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--prepare" => return Some(Self::Prepare),
                "--sagas" => sizes.many = args.next()?.parse().ok()?,
                "--days" => sizes.days = args.next()?.parse().ok()?,
                "--json" => sizes.json = true,
                // Cargo says this to every benchmark.
                "--bench" => {}
                _ => return None,
            }
        }
        (sizes.many > sizes.few && sizes.days > 0).then_some(Self::Measure(sizes))
    }
}
