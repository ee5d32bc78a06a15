//! `amends openapi`: the document of the HTTP API.

use serde_json::Value;

use crate::args::OpenapiArgs;
use crate::failure::{Failure, Outcome};
use crate::output;

/// Prints it.
pub fn openapi(args: &OpenapiArgs) -> Outcome {
    let text = orchestrator::http::openapi();
    let document: Value = serde_json::from_str(text)
        .map_err(|error| Failure::because("the document cannot be read", &error))?;
    output::document(args.output, &document, |_| text.to_owned())
}
