//! The SHA-256 of an image that was sent, computed when somebody looks: hashing two megabytes costs as much as
//! sending them, and most images of a load test are never asked for.
//!
//! A hash does not keep its file alive. A file that goes, from the cache and from every answer, computes what is
//! still wanted first.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use super::container::File;

/// See the module.
#[derive(Clone)]
pub struct ImageHash(Arc<Cell>);

struct Cell {
    hex: OnceLock<String>,
    file: Weak<File>,
    provenance_part: Vec<u8>,
}

impl ImageHash {
    pub(super) fn of(file: &Arc<File>, provenance_part: &[u8]) -> Self {
        let cell = Arc::new(Cell {
            hex: OnceLock::new(),
            file: Arc::downgrade(file),
            provenance_part: provenance_part.to_vec(),
        });
        file.wanted.add(&cell);
        Self(cell)
    }

    /// The hash in hex. The first call takes its time, some milliseconds for a large file.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self.0.file.upgrade() {
            Some(file) => self.0.settle(&file),
            // The file settled it, or is just doing so.
            None => self.0.hex.wait(),
        }
    }
}

impl fmt::Debug for ImageHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.hex.get() {
            Some(hex) => f.write_str(hex),
            None => f.write_str("(not computed)"),
        }
    }
}

impl Cell {
    fn settle(&self, file: &File) -> &str {
        self.hex.get_or_init(|| file.sha256(&self.provenance_part))
    }
}

/// The hashes of a file that may be asked for yet.
#[derive(Default)]
pub(super) struct Wanted(Mutex<Vec<Weak<Cell>>>);

impl Wanted {
    fn add(&self, cell: &Arc<Cell>) {
        let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if cells.len() == cells.capacity() {
            // What nobody holds any more; so the list is never more than twice as long as it has to be.
            cells.retain(|cell| cell.strong_count() > 0);
        }
        cells.push(Arc::downgrade(cell));
    }

    /// Computes all of them.
    pub(super) fn settle(&self, file: &File) {
        let cells = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for cell in cells.iter().filter_map(Weak::upgrade) {
            cell.settle(file);
        }
    }
}
