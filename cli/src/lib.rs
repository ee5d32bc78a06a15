//! What the `amends` command is made of.

pub mod demo;
