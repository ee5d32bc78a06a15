//! The JSON Schemas for editors lie beside the sagas that ship, as the compiler makes them.

use std::fs;
use std::path::Path;

use saga_core::compiler::{catalogue_schema, saga_schema};

use crate::definitions::shipped;

#[test]
fn the_schemas_for_editors_are_up_to_date() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sagas");
    let schemas = [
        ("saga.schema.json", saga_schema()),
        ("operations.schema.json", catalogue_schema()),
    ];
    for (name, schema) in schemas {
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if crate::config::update_expectations() {
            fs::write(folder.join(name), &text).unwrap();
        }
        let found = fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert!(
            found == text,
            "sagas/{name} is out of date; run this test with AMENDS_UPDATE_GOLDEN=1"
        );
    }
}

#[test]
fn shipped_files_name_their_schema() {
    let first = |path: &Path| {
        let text = fs::read_to_string(path).unwrap();
        text.lines().next().unwrap_or_default().to_owned()
    };
    for path in shipped() {
        let wanted = "# yaml-language-server: $schema=saga.schema.json";
        assert_eq!(first(&path), wanted, "{}", path.display());
    }
    let catalogue = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sagas/operations.yaml");
    let wanted = "# yaml-language-server: $schema=operations.schema.json";
    assert_eq!(first(&catalogue), wanted);
}
