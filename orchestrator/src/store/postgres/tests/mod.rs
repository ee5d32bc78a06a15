//! What only shows from inside: transactions that must not pretend.

mod config;
mod unit_of_work;
