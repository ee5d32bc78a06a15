//! The pictures in `docs/` show the sagas that ship, as they are.

use std::fs;
use std::path::Path;

use saga_core::graph::{Picture, svg};

use crate::definitions::{compile_file, shipped};

#[test]
fn the_pictures_show_the_sagas_that_ship() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let mut stale = Vec::new();
    for path in shipped() {
        let (compiled, rendered) = compile_file(&path);
        assert_eq!(rendered, "", "{}", path.display());
        let drawn = svg(&Picture::of(&compiled.definition.unwrap()));
        let name = Path::new(path.file_name().unwrap()).with_extension("svg");
        let picture = docs.join(&name);
        if crate::config::update_expectations() {
            fs::write(&picture, &drawn).unwrap();
        }
        if fs::read_to_string(&picture).unwrap_or_default() != drawn {
            stale.push(name);
        }
    }
    assert!(
        stale.is_empty(),
        "out of date in docs/: {stale:?}; run this test with AMENDS_UPDATE_GOLDEN=1"
    );
}
