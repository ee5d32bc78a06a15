//! Finds and reads definition files.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use saga_core::compiler::FILE_BYTES_MAX;

use crate::failure::Failure;

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

/// A file as it is on disk.
#[derive(Debug, Clone)]
pub struct Raw {
    /// Where it is.
    pub path: PathBuf,
    /// Its path as it was given, for messages.
    pub shown: String,
    /// Its bytes; of a file that is too large, just enough to show that.
    pub bytes: Vec<u8>,
}

/// Reads files, and the `.yaml` and `.yml` files of folders, in name order. A folder's
/// `operations.yaml` describes workers, not a saga.
///
/// # Errors
/// Names the first path that cannot be read.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    read_raw(paths)?.into_iter().map(text).collect()
}

/// Reads one file.
///
/// # Errors
/// When it cannot be read, is too large, or is not UTF-8.
pub fn read_file(path: &Path) -> Result<Source, Failure> {
    text(read_one(path)?)
}

/// The same, without asking whether it is text.
pub fn read_raw(paths: &[PathBuf]) -> Result<Vec<Raw>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            for file in definitions_in(path)? {
                files.push(read_one(&file)?);
            }
        } else {
            files.push(read_one(path)?);
        }
    }
    Ok(files)
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

/// Reads one file.
pub fn read_one(path: &Path) -> Result<Raw, Failure> {
    let shown = path.display().to_string();
    let failed = |error: &std::io::Error| Failure::because(&format!("cannot read {shown}"), error);
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes))
        .map_err(|error| failed(&error))?;
    Ok(Raw {
        path: path.to_owned(),
        shown,
        bytes,
    })
}

fn text(raw: Raw) -> Result<Source, Failure> {
    let shown = raw.shown;
    if raw.bytes.len() > FILE_BYTES_MAX {
        let message = format!("{shown} has more than the {FILE_BYTES_MAX} bytes of a definition");
        return Err(Failure::error(message));
    }
    let text = String::from_utf8(raw.bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::error(format!("{shown} is not UTF-8: byte {at} is wrong"))
    })?;
    Ok(Source { file: shown, text })
}
