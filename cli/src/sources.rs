//! Finds and reads definition files.

use std::path::{Path, PathBuf};

use saga_core::compiler::FILE_BYTES_MAX;

use crate::failure::{Failure, Kind};

/// One definition file.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its path as it was given, for messages.
    pub file: String,
    /// Its text.
    pub text: String,
}

/// The examples that come with amends.
pub fn examples() -> Vec<Source> {
    let example = |file: &str, text: &str| Source {
        file: file.to_owned(),
        text: text.to_owned(),
    };
    vec![
        example("sagas/order.yaml", include_str!("../../sagas/order.yaml")),
        example(
            "sagas/flight-booking.yaml",
            include_str!("../../sagas/flight-booking.yaml"),
        ),
        example(
            "sagas/subscription-renewal.yaml",
            include_str!("../../sagas/subscription-renewal.yaml"),
        ),
        example(
            "sagas/account-opening.yaml",
            include_str!("../../sagas/account-opening.yaml"),
        ),
        example(
            "sagas/bulk-payout.yaml",
            include_str!("../../sagas/bulk-payout.yaml"),
        ),
        example(
            "sagas/warehouse-transfer.yaml",
            include_str!("../../sagas/warehouse-transfer.yaml"),
        ),
        example(
            "sagas/stock-move.yaml",
            include_str!("../../sagas/stock-move.yaml"),
        ),
    ]
}

/// Reads files, and the `.yaml` and `.yml` files of folders, in name order. A folder's
/// `operations.yaml` describes workers, not a saga.
///
/// # Errors
/// Names the first path that cannot be read.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    let mut sources = Vec::new();
    for path in paths {
        if path.is_dir() {
            for file in definitions_in(path)? {
                sources.push(read_file(&file)?);
            }
        } else {
            sources.push(read_file(path)?);
        }
    }
    Ok(sources)
}

fn definitions_in(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error: &std::io::Error| {
        Failure::because(
            &format!("cannot read the folder {}", folder.display()),
            error,
        )
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| failed(&error))? {
        let path = entry.map_err(|error| failed(&error))?.path();
        let is_yaml = path
            .extension()
            .is_some_and(|kind| kind == "yaml" || kind == "yml");
        let describes_workers = path
            .file_name()
            .is_some_and(|name| name == "operations.yaml");
        if is_yaml && !describes_workers {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read_file(path: &Path) -> Result<Source, Failure> {
    let shown = path.display();
    let failed = |error: &std::io::Error| Failure::because(&format!("cannot read {shown}"), error);
    let size = std::fs::metadata(path)
        .map_err(|error| failed(&error))?
        .len();
    if size > FILE_BYTES_MAX as u64 {
        let message =
            format!("{shown} has {size} bytes; a definition has at most {FILE_BYTES_MAX}");
        return Err(Failure::error(message));
    }
    let bytes = std::fs::read(path).map_err(|error| failed(&error))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::new(
            Kind::Error,
            format!("{shown} is not UTF-8: byte {at} is wrong"),
        )
    })?;
    Ok(Source {
        file: shown.to_string(),
        text,
    })
}
