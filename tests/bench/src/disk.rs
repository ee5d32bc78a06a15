//! The disk: how long a small write takes until it is durable.

use std::fs::OpenOptions;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

/// PostgreSQL writes its log in pages of this size.
const PAGE_BYTES: usize = 8192;

/// Pages of the file that is written round and round. Like a segment of the log, it has its length
/// before it is written.
const PAGES: usize = 256;

/// Writes a page and waits for the disk, one after the other.
pub(crate) fn fsyncs(folder: &Path, count: usize) -> Result<Vec<Duration>> {
    let path = folder.join("fsync");
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .open(&path)?;
    let page = [0x5a; PAGE_BYTES];
    for _ in 0..PAGES {
        file.write_all(&page)?;
    }
    file.sync_all()?;
    let mut took = Vec::with_capacity(count);
    for number in 0..count {
        let offset = (number % PAGES) * PAGE_BYTES;
        file.seek(SeekFrom::Start(u64::try_from(offset)?))?;
        let began = Instant::now();
        file.write_all(&page)?;
        file.sync_data()?;
        took.push(began.elapsed());
    }
    std::fs::remove_file(path)?;
    Ok(took)
}
