//! Starting: the manifest, the files it names, and the log's tail. No segment is read.

use crate::append::by_team;
use crate::disk::Disk;
use crate::frame;
use crate::keys::{KeySet, Keyring};
use crate::log::{self, Log};
use crate::manifest::Manifest;
use crate::overrides;
use crate::segment::{Segment, SegmentMeta};
use crate::state::{State, Writer};
use anyhow::{Context, Result};
use events::EventBatch;
use hashbrown::HashSet;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use uuid::Uuid;

/// What a data folder holds, ready to be served.
pub struct Recovered {
    pub manifest: Manifest,
    pub state: State,
    pub writer: Writer,
    pub keyring: Keyring,
    pub damage: Vec<String>,
}

pub fn recover(disk: &Disk) -> Result<Recovered> {
    let mut damage = Vec::new();
    let mut manifest = match Manifest::load(disk)? {
        Some((manifest, problem)) => {
            damage.extend(problem);
            manifest
        }
        None => {
            let manifest = Manifest::new(Uuid::new_v4());
            manifest.save(disk)?;
            manifest.save_copy(disk).context("writing the manifest's copy")?;
            manifest
        }
    };
    let stood_in = !damage.is_empty();
    let mut state = State { position: manifest.position, erasures: manifest.erasures.clone(), ..State::default() };
    add_segments(disk, &mut manifest, &mut state, &mut damage)?;
    remove_orphans(disk, &manifest, stood_in)?;
    read_overrides(disk, &mut manifest, &mut state, &mut damage)?;
    let keyring = Keyring::new(manifest.key_secret);
    let writer = replay(disk, &manifest, &mut state, keyring.clone(), &mut damage)?;
    Ok(Recovered { manifest, state, writer, keyring, damage })
}

/// Only sizes are looked at here; contents are checked when they are read.
fn add_segments(disk: &Disk, manifest: &mut Manifest, state: &mut State, damage: &mut Vec<String>) -> Result<()> {
    let mut bad: Vec<SegmentMeta> = Vec::new();
    for meta in &manifest.segments {
        let length = |name: String| match disk.length(&name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).with_context(|| format!("looking at {name}")),
            result => Ok(result.unwrap_or(0)),
        };
        if length(meta.parquet())? + length(meta.side())? == meta.bytes {
            state.segments.entry(meta.team).or_default().push(Arc::new(Segment::new(meta.clone(), disk.clone())));
        } else {
            damage.push(format!("segment {} ({} events) is missing or has the wrong length", meta.parquet(), meta.rows));
            bad.push(meta.clone());
        }
    }
    if bad.is_empty() {
        return Ok(());
    }
    for meta in &bad {
        for name in [meta.parquet(), meta.side()] {
            // Half of a segment may be missing.
            let _ = disk.set_aside(&name);
        }
    }
    manifest.segments.retain(|meta| !bad.iter().any(|other| other.id == meta.id));
    manifest.quarantined.extend(bad);
    save(disk, manifest)
}

fn save(disk: &Disk, manifest: &mut Manifest) -> Result<()> {
    manifest.generation += 1;
    manifest.save(disk)?;
    manifest.save_copy(disk).context("writing the manifest's copy")
}

/// Files of seals and merges that were not finished, and of those whose clean-up was not. When the manifest's copy stood in, the
/// damaged manifest may have named them: then they are set aside.
fn remove_orphans(disk: &Disk, manifest: &Manifest, set_aside: bool) -> Result<()> {
    let segments = manifest.segments.iter().flat_map(|meta| [meta.parquet(), meta.side(), meta.packed()]);
    let named: HashSet<String> = segments.chain(manifest.overrides.iter().map(|id| overrides::file_name(*id))).collect();
    let mut orphans: Vec<String> = ["segments", "overrides"]
        .into_iter()
        .map(|folder| disk.files_below(folder))
        .collect::<io::Result<Vec<_>>>()?
        .into_iter()
        .flatten()
        .filter(|name| !named.contains(name))
        .collect();
    let first = log::file_name(manifest.first_log);
    orphans.extend(disk.files_below("log")?.into_iter().filter(|name| *name < first));
    for name in orphans {
        let gone = if set_aside { disk.set_aside(&name) } else { disk.remove(&name) };
        gone.with_context(|| format!("removing {name}, which no manifest names"))?;
    }
    Ok(())
}

fn read_overrides(disk: &Disk, manifest: &mut Manifest, state: &mut State, damage: &mut Vec<String>) -> Result<()> {
    let mut bad = Vec::new();
    for id in &manifest.overrides {
        let name = overrides::file_name(*id);
        match disk.read(&name).map_err(Into::into).and_then(|bytes| overrides::decode(&bytes)) {
            Ok(changes) => changes.iter().for_each(|numbered| state.overrides.restore(numbered)),
            Err(error) => {
                damage.push(format!("person overrides {name} are unreadable: {error:#}"));
                let _ = disk.set_aside(&name);
                bad.push(*id);
            }
        }
    }
    state.overrides.last = state.overrides.last.max(manifest.last_override);
    if !bad.is_empty() {
        manifest.overrides.retain(|id| !bad.contains(id));
        save(disk, manifest)?;
    }
    Ok(())
}

fn replay(disk: &Disk, manifest: &Manifest, state: &mut State, mut keyring: Keyring, damage: &mut Vec<String>) -> Result<Writer> {
    let found = log::find(disk, manifest.first_log)?;
    let mut keys = KeySet::default();
    let (mut next, mut previous_end) = (manifest.first_log, 0);
    for (at, file) in found.iter().enumerate() {
        let name = log::file_name(file.number);
        let frames = file.frames(found.get(at + 1));
        if let Some(problem) = frames.damage {
            damage.push(format!("log file {name}: {problem}"));
            keep_copy(disk, &name);
        }
        let mut admit_all = |batches: Receiver<Result<EventBatch>>| -> Result<()> {
            for batch in batches {
                admit(batch.with_context(|| format!("reading {name}"))?, state, &mut keys, &mut keyring)?;
            }
            Ok(())
        };
        // Half of the work is decoding, and nothing else wants the second core yet.
        std::thread::scope(|scope| {
            let (sender, batches) = sync_channel(4);
            let payloads = frames.payloads;
            scope.spawn(move || payloads.into_iter().try_for_each(|payload| sender.send(frame::decode(payload))));
            admit_all(batches)
        })?;
        (next, previous_end) = (file.number + 1, frames.end);
    }
    Ok(Writer { log: Log::new(disk.clone(), next, previous_end), keyring, keys })
}

fn admit(batch: EventBatch, state: &mut State, keys: &mut KeySet, keyring: &mut Keyring) -> Result<()> {
    let mut rows = batch.rows;
    rows.retain(|row| keys.insert(keyring.of(row)));
    let row_bytes = frame::sizes(&rows);
    for incoming in by_team(rows, row_bytes) {
        let addition = state.active.prepare(incoming)?;
        state.active.add(addition);
    }
    for change in batch.overrides {
        let numbered = state.overrides.push(change);
        state.active.overrides.push(numbered);
    }
    if batch.position.is_some() {
        state.position = batch.position;
        state.active.position = batch.position;
    }
    Ok(())
}

/// The log file itself is removed at the next seal.
fn keep_copy(disk: &Disk, name: &str) {
    let copied = disk
        .ensure_folder(&disk.path("quarantine"))
        .and_then(|()| std::fs::copy(disk.path(name), disk.path("quarantine").join(name.replace('/', "_"))));
    if let Err(error) = copied {
        tracing::warn!(%error, name, "could not keep a copy of a damaged log file");
    }
}
