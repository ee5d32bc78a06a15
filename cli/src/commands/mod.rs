//! The commands, one file each.

mod bundle;
mod db;
mod definition;
mod demo_worker;
mod dev;
mod explain;
mod explain_code;
mod graph;
mod move_sagas;
mod operate;
mod plan;
mod saga;
mod serve;
mod signal;
mod test;
mod validate;
mod watch;
mod worker;

pub use db::db;
pub use definition::definition;
pub use demo_worker::demo_worker;
pub use dev::dev;
pub use explain_code::explain_code;
pub use graph::graph;
pub use saga::saga;
pub use serve::serve;
pub use signal::SignalArgs;
pub use test::test;
pub use validate::validate;
pub use worker::worker;
