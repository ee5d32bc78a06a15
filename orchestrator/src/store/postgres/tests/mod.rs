//! What only shows from inside: sessions and transactions.

mod config;
mod days;
mod session;
mod unit_of_work;
