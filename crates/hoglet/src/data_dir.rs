//! The one folder that holds everything, used by one process at a time.

use anyhow::{Context, Result, bail};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

const FORMAT: &str = "hoglet data directory, format 1\n";

/// An opened data directory. Dropping it lets another process in.
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Creates the folder when missing, checks its format, and takes its lock.
    pub fn open(path: &Path) -> Result<DataDir> {
        std::fs::create_dir_all(path).with_context(|| format!("creating the data directory {}", path.display()))?;
        let lock = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path.join("lock"))
            .with_context(|| format!("opening the lock of {}", path.display()))?;
        // SAFETY: the descriptor belongs to `lock`, which lives as long as the call.
        if unsafe { libc::flock(lock.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } != 0 {
            bail!("the data directory {} is in use by another hoglet process; stop it, or give --data-dir another folder", path.display());
        }
        let format = path.join("FORMAT");
        match std::fs::read_to_string(&format) {
            Ok(text) if text == FORMAT => {}
            Ok(text) => bail!(
                "{} holds '{}', which this version of hoglet does not know; was it written by a newer one?",
                format.display(),
                text.trim()
            ),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                std::fs::write(&format, FORMAT).with_context(|| format!("writing {}", format.display()))?
            }
            Err(error) => return Err(error).with_context(|| format!("reading {}", format.display())),
        }
        Ok(DataDir { path: path.to_owned(), _lock: lock })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Free bytes on the disk that holds the folder.
    pub fn free_bytes(&self) -> Option<u64> {
        free_bytes(&self.path)
    }
}

pub fn free_bytes(path: &Path) -> Option<u64> {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(path.as_os_str().as_bytes()).ok()?;
    let mut stat: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: `path` is a C string and `stat` is writable memory of the right type.
    (unsafe { libc::statvfs(path.as_ptr(), &mut stat) } == 0).then(|| stat.f_bavail as u64 * stat.f_frsize as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_process_is_kept_out() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataDir::open(dir.path()).unwrap();
        let error = DataDir::open(dir.path()).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("in use"), "{error}");
        drop(first);
        DataDir::open(dir.path()).unwrap();
    }

    #[test]
    fn a_newer_format_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("FORMAT"), "hoglet data directory, format 9\n").unwrap();
        assert!(DataDir::open(dir.path()).is_err());
    }
}
