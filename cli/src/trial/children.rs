//! Finds the sagas that a saga runs, in the folder of its file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use saga_core::compiler::compile;
use saga_core::definition::Definition;

use super::script::runs;
use crate::failure::Failure;
use crate::sources;

/// The sagas that a saga runs, and those that they run, each once.
///
/// # Errors
/// Names a saga that no file of the folder defines, or the folder when it cannot be read.
pub fn children(definition: &Definition, file: &Path) -> Result<Vec<Arc<Definition>>, Failure> {
    let mut wanted: Vec<_> = runs(definition).into_iter().collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        Some(_) | None => PathBuf::from("."),
    };
    let neighbours: Vec<Arc<Definition>> = sources::read(std::slice::from_ref(&folder))?
        .iter()
        .filter_map(|source| compile(&source.file, &source.text).definition)
        .map(Arc::new)
        .collect();
    let mut found: Vec<Arc<Definition>> = Vec::new();
    while let Some((name, version)) = wanted.pop() {
        let mut named = neighbours.iter().filter(|it| {
            let it = &it.reference;
            it.name == name
                && version
                    .as_ref()
                    .is_none_or(|version| *version == it.version)
        });
        let Some(first) = named.next() else {
            let version = version.map_or_else(String::new, |version| format!(" {version}"));
            let message = format!(
                "{} runs the saga {name}{version}, which no file in {} defines",
                definition.reference,
                folder.display()
            );
            return Err(Failure::error(message)
                .help("put its definition beside the file, and see that it compiles"));
        };
        for child in std::iter::once(first).chain(named) {
            if found.iter().all(|known| known.reference != child.reference) {
                found.push(Arc::clone(child));
                wanted.extend(runs(child));
            }
        }
    }
    Ok(found)
}
