//! `${…}`: values computed from the saga's input and what its steps answered.

mod cel;
mod compiled;
mod convert;
mod fuel;
mod limits;
mod path;
mod references;
mod scope;
mod template;
#[cfg(test)]
mod tests;

pub use compiled::Expression;
pub use limits::{
    EXPRESSION_BYTES_MAX, EXPRESSION_COMPREHENSIONS_MAX, EXPRESSION_DEPTH_MAX, EXPRESSION_FUEL,
    EXPRESSION_INPUT_WEIGHT_MAX, EXPRESSION_NODES_MAX,
};
pub(crate) use limits::{ProblemKind, find_name};
pub(crate) use references::{Reference, ReferenceRoot};
pub(crate) use scope::View;
pub use scope::{EvalError, Reads, Scope};
pub use template::Template;
pub(crate) use template::{Part, TemplateNode};
