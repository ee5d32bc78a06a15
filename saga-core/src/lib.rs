//! Every decision of amends, and nothing else: no clock, no database, no broker, no logging.

#![warn(missing_docs, clippy::wildcard_enum_match_arm)]

pub mod catalogue;
pub mod compiler;
pub mod decide;
pub mod decision;
pub mod definition;
pub mod delivery;
pub mod event;
pub mod evolve;
pub mod explain;
pub mod expression;
pub mod graph;
pub mod ids;
pub mod in_flight;
pub mod input;
pub mod operator;
pub mod plan;
pub mod refusal;
pub mod resend;
pub mod saga;
pub mod schema;
pub mod time;
pub mod values;
