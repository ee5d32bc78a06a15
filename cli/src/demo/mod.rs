//! Workers for the sagas that ship as examples, and the books they keep.

mod answers;
mod books;
mod desks;
mod lookups;
mod orders;
mod payments;
mod services;
mod shelf;
mod stock;
#[cfg(test)]
mod tests;
mod worker;

pub use books::{Balance, Books, BooksError};
pub use worker::demo_worker;
