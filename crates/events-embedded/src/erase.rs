//! Erasing persons and whole teams.

use crate::manifest::Erasure;
use crate::overrides;
use crate::segment::Segment;
use crate::state::Shared;
use anyhow::Result;
use events::Erase;
use model::TeamId;
use std::sync::Arc;
use uuid::Uuid;

impl Shared {
    /// Answers change at once; the bytes of erased persons go when their segments are rewritten.
    pub fn erase(&self, what: Erase) -> Result<()> {
        // What is in memory would escape: erasures apply to segments.
        self.seal_all()?;
        match what {
            Erase::Persons(team, persons) => self.erase_persons(team, persons)?,
            Erase::Team(team) => self.erase_team(team)?,
        }
        self.signal.notify();
        Ok(())
    }

    fn erase_persons(&self, team: TeamId, persons: Vec<Uuid>) -> Result<()> {
        if persons.is_empty() {
            return Ok(());
        }
        let mut manifest = self.structure.lock();
        let mut next = manifest.clone();
        next.last_erasure += 1;
        next.erasures.push(Erasure { number: next.last_erasure, team, persons });
        self.commit(&mut manifest, next, |_| {})
    }

    fn erase_team(&self, team: TeamId) -> Result<()> {
        let mut manifest = self.structure.lock();
        let mut next = manifest.clone();
        next.segments.retain(|meta| meta.team != team);
        next.erasures.retain(|erasure| erasure.team != team);
        let mut left = self.state.read().overrides.clone();
        left.drop_team(team);
        let id = self.new_file();
        self.disk.replace(&overrides::file_name(id), &overrides::encode(&left.all(manifest.last_override)))?;
        let old = std::mem::replace(&mut next.overrides, vec![id]);
        let mut gone: Vec<Arc<Segment>> = Vec::new();
        self.commit(&mut manifest, next, |state| {
            gone = state.segments.remove(&team).unwrap_or_default();
            state.overrides.drop_team(team);
        })?;
        gone.iter().for_each(|segment| segment.retire());
        for id in old {
            self.disk.remove(&overrides::file_name(id))?;
        }
        Ok(())
    }
}
