//! The look of the picture: one stylesheet, for light and for dark backgrounds.
//!
//! Boxes bring their own background, and what stands outside of them is of a middle tone, so that
//! the picture stays legible where the page is dark and the reader's system is not.

/// What the classes of the picture look like.
pub(super) const STYLE: &str = "\
text { font-family: ui-sans-serif, system-ui, 'Segoe UI', Helvetica, Arial, sans-serif; \
font-size: 12px; fill: #1f2328 }
.title { font-size: 16px; font-weight: 600; fill: #768390 }
.outside { font-size: 12px; fill: #768390 }
.name { font-size: 14px; font-weight: 600 }
.code { font-family: ui-monospace, 'SF Mono', Menlo, Consolas, monospace; font-size: 11.5px; \
fill: #57606a }
.note { font-size: 11px; fill: #57606a }
.box { fill: #f6f8fa; stroke: #768390; stroke-width: 1.2 }
.pivot { fill: #ddf4ff; stroke: #218bff; stroke-width: 2.4 }
.after { fill: #f0faff; stroke: #54aeff }
.undo { fill: #fff4f0; stroke: #e16f50; stroke-dasharray: 5 3 }
.residue { fill: #fff8e5; stroke: #bf8700; stroke-dasharray: 2 3 }
.fallback { fill: #f6f8fa; stroke: #768390; stroke-dasharray: 5 3 }
.arrow { fill: none; stroke: #768390; stroke-width: 1.5 }
.back { fill: none; stroke: #e16f50; stroke-width: 1.3; stroke-dasharray: 5 3 }
.tie { fill: none; stroke: #e16f50; stroke-width: 1.1; stroke-dasharray: 2 3 }
.head { fill: #768390 }
.backhead { fill: #e16f50 }
.line { stroke: #218bff; stroke-width: 1.4; stroke-dasharray: 8 5 }
.point { fill: #218bff; font-weight: 600 }
.icon { fill: none; stroke: #57606a; stroke-width: 1.3; stroke-linecap: round; \
stroke-linejoin: round }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.code, .note { fill: #9da7b1 }
.title, .outside { fill: #8b949e }
.box, .fallback { fill: #1c2128; stroke: #768390 }
.pivot { fill: #0f2d4a; stroke: #4493f8 }
.after { fill: #14202e; stroke: #316dca }
.undo { fill: #2b1a16; stroke: #d0694e }
.residue { fill: #2a2111; stroke: #bb8009 }
.icon { stroke: #9da7b1 }
.point { fill: #4493f8 }
}
";
