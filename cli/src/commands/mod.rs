//! The commands, one file each.

mod db;
mod definition;
mod demo_worker;
mod dev;
mod dlq;
mod doctor;
mod explain_code;
mod graph;
mod move_sagas;
mod operate;
mod queue;
mod reconcile;
mod saga;
mod serve;
mod signal;
mod test;
mod topology;
mod validate;
mod worker;

pub use db::db;
pub use definition::definition;
pub use demo_worker::demo_worker;
pub use dev::dev;
pub use dlq::dlq;
pub use doctor::doctor;
pub use explain_code::explain_code;
pub use graph::graph;
pub use queue::queue;
pub use reconcile::reconcile;
pub use saga::saga;
pub use serve::serve;
pub use signal::SignalArgs;
pub use test::test;
pub use topology::topology;
pub use validate::validate;
pub use worker::worker;
