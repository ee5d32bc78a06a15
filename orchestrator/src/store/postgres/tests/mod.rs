//! What only shows from inside: sessions and transactions.

mod commit_statement;
mod config;
mod days;
mod session;
mod stores;
mod unit_of_work;
