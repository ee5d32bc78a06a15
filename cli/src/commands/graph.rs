//! `amends graph`: a definition as a picture.

use saga_core::compiler;
use saga_core::graph::{Picture, dot, mermaid, svg, text};

use crate::config::Settings;
use crate::definition_args::{GraphArgs, GraphFormat};
use crate::failure::{Failure, Outcome};
use crate::{output, sources};

/// Draws a definition on standard output.
pub fn graph(args: &GraphArgs) -> Outcome {
    let file = sources::read_one(&args.file)?;
    let (compiled, source) = compiler::compile_bytes(&file.shown, &file.bytes, None);
    let Some(definition) = &compiled.definition else {
        let colour = Settings::colour();
        let rendered = compiler::render(&compiled.diagnostics, &file.shown, source, colour);
        let message = format!("only a definition without errors can be drawn\n{rendered}");
        return Err(Failure::error(message.trim_end().to_owned()));
    };
    output::text(&drawn(&Picture::of(definition), args.output))
}

/// A picture in one of its forms.
pub(super) fn drawn(picture: &Picture, form: GraphFormat) -> String {
    match form {
        GraphFormat::Svg => svg(picture),
        GraphFormat::Mermaid => mermaid(picture),
        GraphFormat::Dot => dot(picture),
        GraphFormat::Text => text(picture),
    }
}
