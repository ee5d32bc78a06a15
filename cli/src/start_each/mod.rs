//! Starts a saga for each line of a file.

mod report;
mod starts;
#[cfg(test)]
mod tests;

pub use starts::start_each;
