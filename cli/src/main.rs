//! The `amends` command.

fn main() {}
