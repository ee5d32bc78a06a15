//! YAML to checked definition.
