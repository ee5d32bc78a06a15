//! The life of one delivery, from its queue to its acknowledgement.

mod answer;
mod arrivals;
mod batcher;
mod guard;
mod held;
mod lease;
mod pipeline;
mod postponer;
mod replier;
mod request;
mod retrying;
mod run;
mod sent;

pub(crate) use arrivals::Arrival;
pub(crate) use lease::keep_lease;
pub(crate) use pipeline::{Identity, Pipeline};
