//! Every byte that the engine writes goes through here, so that one gate can make any of those steps fail.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Create,
    Write,
    Truncate,
    Sync,
    Rename,
    Remove,
    SyncFolder,
}

/// Called before each step; an error is what the step then reports. Tests use it to fail the n-th step.
pub type Gate = Arc<dyn Fn(Step, &Path) -> io::Result<()> + Send + Sync>;

/// The engine's data folder.
#[derive(Clone)]
pub struct Disk {
    root: Arc<PathBuf>,
    gate: Option<Gate>,
}

impl Disk {
    pub fn new(root: PathBuf, gate: Option<Gate>) -> Self {
        Disk { root: Arc::new(root), gate }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn pass(&self, step: Step, path: &Path) -> io::Result<()> {
        self.gate.as_ref().map_or(Ok(()), |gate| gate(step, path))
    }

    /// Creates or empties a file, and the folders above it.
    pub fn create(&self, name: &str) -> io::Result<DiskFile> {
        let path = self.path(name);
        self.ensure_folder(path.parent().unwrap_or(&self.root))?;
        self.pass(Step::Create, &path)?;
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path)?;
        Ok(DiskFile { file, path, disk: self.clone(), length: 0 })
    }

    /// Makes a folder durable together with its entry in the folder above.
    pub fn ensure_folder(&self, folder: &Path) -> io::Result<()> {
        if folder.is_dir() {
            return Ok(());
        }
        if let Some(parent) = folder.parent() {
            self.ensure_folder(parent)?;
        }
        self.pass(Step::Create, folder)?;
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        folder.parent().map_or(Ok(()), |parent| self.sync_folder(parent))
    }

    pub fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.pass(Step::SyncFolder, folder)?;
        File::open(folder)?.sync_all()
    }

    pub fn sync_folder_of(&self, name: &str) -> io::Result<()> {
        self.sync_folder(self.path(name).parent().unwrap_or(&self.root))
    }

    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let to = self.path(to);
        self.pass(Step::Rename, &to)?;
        fs::rename(self.path(from), to)
    }

    /// A file that is gone already is fine.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        let path = self.path(name);
        self.pass(Step::Remove, &path)?;
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Replaces a small file as a whole: after a crash it holds the old or the new bytes.
    pub fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary = format!("{name}.tmp");
        let mut file = self.create(&temporary)?;
        file.write_all(bytes)?;
        file.sync()?;
        self.rename(&temporary, name)?;
        self.sync_folder_of(name)
    }

    pub fn open(&self, name: &str) -> io::Result<File> {
        File::open(self.path(name))
    }

    pub fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.path(name))
    }

    pub fn length(&self, name: &str) -> io::Result<u64> {
        Ok(fs::metadata(self.path(name))?.len())
    }

    /// Names of all files below `folder`, relative to the root. An absent folder is an empty one.
    pub fn files_below(&self, folder: &str) -> io::Result<Vec<String>> {
        let mut found = Vec::new();
        let mut pending = vec![self.path(folder)];
        while let Some(path) = pending.pop() {
            let entries = match fs::read_dir(&path) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            for entry in entries {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    pending.push(entry.path());
                } else if let Some(name) = entry.path().strip_prefix(&*self.root).ok().and_then(Path::to_str) {
                    found.push(name.to_owned());
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// Moves a damaged file out of the way, for a person to look at.
    pub fn set_aside(&self, name: &str) -> io::Result<()> {
        let flat = name.replace('/', "_");
        self.ensure_folder(&self.path("quarantine"))?;
        self.rename(name, &format!("quarantine/{flat}"))?;
        self.sync_folder(&self.path("quarantine"))
    }
}

/// A file being written at its end.
pub struct DiskFile {
    file: File,
    path: PathBuf,
    disk: Disk,
    length: u64,
}

impl DiskFile {
    pub fn sync(&self) -> io::Result<()> {
        self.disk.pass(Step::Sync, &self.path)?;
        self.file.sync_data()
    }

    /// Drops everything after `length`, as if it had never been written.
    pub fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.disk.pass(Step::Truncate, &self.path)?;
        self.file.set_len(length)?;
        self.length = length;
        Ok(())
    }
}

impl Write for DiskFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Err(error) = self.disk.pass(Step::Write, &self.path) {
            // A real disk often takes part of the bytes before it fails.
            let _ = self.file.write_at(&bytes[..bytes.len() / 2], self.length);
            return Err(error);
        }
        let written = self.file.write_at(bytes, self.length)?;
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether somewhere below this error the disk was full.
pub fn is_full(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(is_full_io))
}

fn is_full_io(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
