//! What a message is here, who may send it, and when it counts as sent or received.

mod access;
pub mod broker;
pub mod envelope;
pub mod gather;
pub mod headers;
pub mod inspection;
pub mod memory;
pub mod message;
pub mod rabbit;
pub mod receipt;
pub mod topology;
