//! Definitions that ship, and examples of what the compiler refuses with the words it uses.

use std::fs;
use std::path::{Path, PathBuf};

use saga_core::compiler::{Compiled, compile, render};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    files.sort();
    files
}

fn compile_file(path: &Path) -> (Compiled, String) {
    let source = fs::read_to_string(path).unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    let compiled = compile(name, &source);
    let rendered = render(&compiled.diagnostics, name, &source, false);
    (compiled, rendered)
}

#[test]
fn the_sagas_that_ship_compile_without_a_word() {
    let files = yaml_files(&root().join("../sagas"));
    assert!(files.len() >= 2, "{files:?}");
    for path in files {
        let (compiled, rendered) = compile_file(&path);
        assert_eq!(rendered, "", "{}", path.display());
        assert!(compiled.definition.is_some(), "{}", path.display());
    }
}
