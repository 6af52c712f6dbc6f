//! The few file operations that the log needs, with a place to make them fail.
//!
//! [`Disk::real`] goes straight to the operating system. [`Disk::with_faults`] does so too, but asks a [`Faults`] plan
//! before each operation, and remembers what has not been synced so that a power cut can be played back afterwards.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Op {
    Create,
    Write,
    SyncData,
    SyncDir,
    Rename,
    Remove,
    Truncate,
}

#[derive(Clone, Default)]
pub struct Disk {
    faults: Option<Arc<Faults>>,
}

impl Disk {
    pub fn real() -> Self {
        Disk::default()
    }

    pub fn with_faults(faults: Arc<Faults>) -> Self {
        Disk { faults: Some(faults) }
    }

    fn ask(&self, op: Op) -> io::Result<()> {
        self.faults.as_ref().map_or(Ok(()), |faults| faults.before(op))
    }

    /// A new file; an existing one is an error.
    pub fn create(&self, path: &Path) -> io::Result<DiskFile> {
        self.ask(Op::Create)?;
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        if let Some(faults) = &self.faults {
            faults.state.lock().unsynced_names.push(NameChange::Created(path.to_owned()));
        }
        Ok(DiskFile { file, path: path.to_owned(), disk: self.clone() })
    }

    pub fn open(&self, path: &Path) -> io::Result<DiskFile> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(DiskFile { file, path: path.to_owned(), disk: self.clone() })
    }

    /// Replaces `to`, atomically.
    pub fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.ask(Op::Rename)?;
        let replaced = self.faults.as_ref().and_then(|_| std::fs::read(to).ok());
        std::fs::rename(from, to)?;
        if let Some(faults) = &self.faults {
            faults.state.lock().renamed(from, to, replaced);
        }
        Ok(())
    }

    pub fn remove(&self, path: &Path) -> io::Result<()> {
        self.ask(Op::Remove)?;
        std::fs::remove_file(path)
    }

    /// Makes names created, renamed or removed in `dir` survive a power cut.
    pub fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.ask(Op::SyncDir)?;
        File::open(dir)?.sync_all()?;
        if let Some(faults) = &self.faults {
            faults.state.lock().unsynced_names.retain(|change| change.path().parent() != Some(dir));
        }
        Ok(())
    }
}

pub struct DiskFile {
    file: File,
    path: PathBuf,
    disk: Disk,
}

impl DiskFile {
    /// Writes everything at `position`. One writer at a time; readers may read meanwhile.
    pub fn write_all_at(&self, position: u64, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
        let total: usize = slices.iter().map(|slice| slice.len()).sum();
        if let Some(faults) = &self.disk.faults {
            let old = self.read_up_to(position, total)?;
            faults.state.lock().wrote(&self.path, position, total, old);
        }
        let asked = self.disk.ask(Op::Write);
        let mut file = &self.file;
        file.seek(SeekFrom::Start(position))?;
        if let Err(error) = asked {
            // A real disk fills up in the middle of a write.
            let first = slices.first().map(|slice| &slice[..slice.len() / 2]).unwrap_or_default();
            file.write_all(first)?;
            return Err(error);
        }
        while !slices.is_empty() {
            match file.write_vectored(slices) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut slices, written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    pub fn sync_data(&self) -> io::Result<()> {
        self.disk.ask(Op::SyncData)?;
        self.file.sync_data()?;
        if let Some(faults) = &self.disk.faults {
            faults.state.lock().unsynced_bytes.remove(&self.path);
        }
        Ok(())
    }

    pub fn truncate(&self, length: u64) -> io::Result<()> {
        self.disk.ask(Op::Truncate)?;
        self.file.set_len(length)
    }

    /// Up to `length` bytes; fewer at the end of the file.
    pub fn read_up_to(&self, position: u64, length: usize) -> io::Result<Vec<u8>> {
        let available = self.len()?.saturating_sub(position);
        let mut bytes = vec![0; (length as u64).min(available) as usize];
        let mut filled = 0;
        while filled < bytes.len() {
            match self.file.read_at(&mut bytes[filled..], position + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    pub fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    pub fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

/// Which operations fail, and what a power cut would take away.
#[derive(Default)]
pub struct Faults {
    state: Mutex<FaultState>,
}

#[derive(Default)]
struct FaultState {
    done: u64,
    fail_at: Option<(u64, i32)>,
    failing: HashMap<Op, i32>,
    dead: bool,
    unsynced_bytes: HashMap<PathBuf, Vec<UnsyncedWrite>>,
    unsynced_names: Vec<NameChange>,
}

struct UnsyncedWrite {
    position: u64,
    length: usize,
    /// What was there before; shorter than `length` when the file grew.
    old: Vec<u8>,
}

enum NameChange {
    Created(PathBuf),
    Renamed { from: PathBuf, to: PathBuf, replaced: Option<Vec<u8>> },
}

impl NameChange {
    fn path(&self) -> &Path {
        match self {
            NameChange::Created(path) => path,
            NameChange::Renamed { to, .. } => to,
        }
    }
}

impl FaultState {
    fn wrote(&mut self, path: &Path, position: u64, length: usize, old: Vec<u8>) {
        self.unsynced_bytes.entry(path.to_owned()).or_default().push(UnsyncedWrite { position, length, old });
    }

    fn renamed(&mut self, from: &Path, to: &Path, replaced: Option<Vec<u8>>) {
        if let Some(writes) = self.unsynced_bytes.remove(from) {
            self.unsynced_bytes.insert(to.to_owned(), writes);
        }
        self.unsynced_names.push(NameChange::Renamed { from: from.to_owned(), to: to.to_owned(), replaced });
    }
}

impl Faults {
    pub fn none() -> Arc<Self> {
        Arc::default()
    }

    /// How many operations were asked for so far.
    pub fn operations(&self) -> u64 {
        self.state.lock().done
    }

    /// Makes operation number `nth` (counted from 0 since the start) fail once with `errno`.
    pub fn fail_operation(&self, nth: u64, errno: i32) {
        self.state.lock().fail_at = Some((nth, errno));
    }

    /// Makes every `op` fail with `errno` until [`heal`](Self::heal).
    pub fn fail_every(&self, op: Op, errno: i32) {
        self.state.lock().failing.insert(op, errno);
    }

    pub fn heal(&self) {
        let mut state = self.state.lock();
        state.failing.clear();
        state.fail_at = None;
    }

    /// Nothing reaches the disk from now on: the process is as good as dead.
    pub fn kill(&self) {
        self.state.lock().dead = true;
    }

    fn before(&self, op: Op) -> io::Result<()> {
        let mut state = self.state.lock();
        if state.dead {
            return Err(io::Error::from_raw_os_error(libc::EIO));
        }
        let number = state.done;
        state.done += 1;
        if let Some((nth, errno)) = state.fail_at
            && nth == number
        {
            return Err(io::Error::from_raw_os_error(errno));
        }
        state.failing.get(&op).map_or(Ok(()), |errno| Err(io::Error::from_raw_os_error(*errno)))
    }

    /// After [`kill`](Self::kill): takes away what was never synced, sector by sector, as `keep` decides (`true` keeps).
    pub fn power_cut(&self, mut keep: impl FnMut() -> bool) -> io::Result<()> {
        const SECTOR: usize = 512;
        let mut state = self.state.lock();
        for (path, writes) in state.unsynced_bytes.drain() {
            let Ok(file) = OpenOptions::new().write(true).open(&path) else { continue };
            for write in writes.into_iter().rev() {
                let zeroes = vec![0; write.length.saturating_sub(write.old.len())];
                let old = [write.old, zeroes].concat();
                let length = file.metadata()?.len();
                for (index, sector) in old.chunks(SECTOR).enumerate() {
                    let position = write.position + (index * SECTOR) as u64;
                    let inside = length.saturating_sub(position).min(sector.len() as u64) as usize;
                    if !keep() {
                        file.write_all_at(&sector[..inside], position)?;
                    }
                }
            }
        }
        for change in state.unsynced_names.drain(..).rev() {
            if keep() {
                continue;
            }
            match change {
                NameChange::Created(path) => drop(std::fs::remove_file(path)),
                NameChange::Renamed { from, to, replaced } => {
                    std::fs::rename(&to, from).ok();
                    if let Some(bytes) = replaced {
                        std::fs::write(to, bytes)?;
                    }
                }
            }
        }
        Ok(())
    }
}
