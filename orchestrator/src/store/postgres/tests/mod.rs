//! What only shows from inside: sessions and transactions.

mod commit_statement;
mod config;
mod session;
mod unit_of_work;
