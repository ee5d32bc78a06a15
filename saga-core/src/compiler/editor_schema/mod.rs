//! JSON Schemas of the language and of the catalogue, for editors: they complete and underline.
//!
//! Which fields there are comes from the tables that the compiler itself reads with, so a new field
//! is in the schema or a test fails. What only the compiler can prove is left to it.

mod catalogue;
mod parts;
mod saga;
#[cfg(test)]
mod tests;

pub use catalogue::catalogue_schema;
pub use saga::saga_schema;
