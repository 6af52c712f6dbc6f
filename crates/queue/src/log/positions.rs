//! Where readers have got to, in one small file that is replaced atomically.
//!
//! A crash may lose the last second of commits; readers then see records again, which they must cope with anyway.

use crate::disk::Disk;
use crate::{Reader, Topic};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::path::Path;

const FILE: &str = "positions.json";
const NEW_FILE: &str = "positions.json.new";
const VERSION: u64 = 1;

#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Positions {
    /// What each reader committed last.
    pub committed: HashMap<Reader, u64>,
    /// The end of each topic when this was written: fewer durable records than that means that some were lost.
    pub ends: HashMap<Topic, u64>,
}

impl Positions {
    pub fn load(dir: &Path) -> Result<Self> {
        let path = dir.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Positions::default()),
            Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
        };
        match serde_json::from_str::<Value>(&text) {
            Ok(value) if value["version"] == VERSION => Ok(Positions::from_json(&value)),
            Ok(value) if value["version"].is_u64() => {
                bail!("{} has version {}, which this build does not know", path.display(), value["version"])
            }
            _ => {
                let aside = dir.join("positions.json.damaged");
                std::fs::rename(&path, &aside).with_context(|| format!("moving {} aside", path.display()))?;
                tracing::error!(file = %aside.display(), "reader positions are damaged; every kept record will be read again");
                Ok(Positions::default())
            }
        }
    }

    fn from_json(value: &Value) -> Self {
        let number = |of: &str, name: &str| value[of][name].as_u64();
        Positions {
            committed: Reader::ALL.into_iter().filter_map(|reader| Some((reader, number("readers", reader.as_str())?))).collect(),
            ends: Topic::ALL.into_iter().filter_map(|topic| Some((topic, number("ends", topic.as_str())?))).collect(),
        }
    }

    pub fn store(&self, disk: &Disk, dir: &Path) -> io::Result<()> {
        let readers: HashMap<&str, u64> = self.committed.iter().map(|(reader, offset)| (reader.as_str(), *offset)).collect();
        let ends: HashMap<&str, u64> = self.ends.iter().map(|(topic, offset)| (topic.as_str(), *offset)).collect();
        let text = json!({ "version": VERSION, "readers": readers, "ends": ends }).to_string();
        let new = dir.join(NEW_FILE);
        if new.exists() {
            disk.remove(&new)?;
        }
        let file = disk.create(&new)?;
        file.write_all_at(0, &mut [IoSlice::new(text.as_bytes())])?;
        file.sync_data()?;
        disk.rename(&new, &dir.join(FILE))?;
        disk.sync_dir(dir)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_survive_and_damaged_ones_are_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        let positions = Positions { committed: HashMap::from([(Reader::Ingest, 7)]), ends: HashMap::from([(Topic::Events, 9)]) };
        positions.store(&Disk::real(), dir.path()).unwrap();
        positions.store(&Disk::real(), dir.path()).unwrap();
        assert_eq!(Positions::load(dir.path()).unwrap(), positions);

        std::fs::write(dir.path().join(FILE), "{\"vers").unwrap();
        assert_eq!(Positions::load(dir.path()).unwrap(), Positions::default());
        assert!(dir.path().join("positions.json.damaged").exists());
    }
}
