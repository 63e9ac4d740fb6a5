//! A folder that goes away with the demonstration.

use std::path::{Path, PathBuf};
use std::{env, fs, io, process};

/// A new folder, removed when this is dropped.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> io::Result<Self> {
        let path = env::temp_dir().join(format!("driftless-demo-{}", process::id()));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed now is the system's to remove.
        let _ = fs::remove_dir_all(&self.0);
    }
}
