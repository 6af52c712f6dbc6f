//! What queries of one team share: numbers of its persons, and what merges and erasures change in its segments.

use super::moves::Moves;
use super::numbering::{Changes, Numbering, Targets};
use super::read::Basics;
use super::{Packed, distinct_hash};
use crate::keys::Keyring;
use crate::segment::Segment;
use crate::snapshot::Snapshot;
use anyhow::Result;
use hashbrown::HashMap;
use model::TeamId;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Instant;

/// Kept while queries come, let go of with the opened files.
#[derive(Default)]
pub struct Teams(Mutex<HashMap<TeamId, Known>>);

/// Queries of different time ranges look at different segments; so many sets of them are kept.
const MAX_NUMBERINGS: usize = 4;

#[derive(Default)]
struct Known {
    /// The most recently used one last.
    numberings: Vec<Used>,
    /// As of this override.
    targets: Option<(u64, Arc<Targets>)>,
    changes: HashMap<Settled, Arc<Changes>>,
}

struct Used {
    at: Instant,
    segments: Vec<u64>,
    numbering: Arc<Numbering>,
    /// What these changes move.
    moves: Option<(Vec<Arc<Changes>>, Option<Arc<Moves>>)>,
}

/// A segment and what its rows have to be corrected by: the last override and the last erasure.
type Settled = (u64, u64, u64);

/// A segment with its packed columns, opened.
pub struct Source {
    pub segment: Arc<Segment>,
    pub packed: Arc<Packed>,
    pub basics: Arc<Basics>,
}

/// The numbers of all persons of some segments, and what changes in each of them.
pub struct Persons {
    pub numbering: Arc<Numbering>,
    pub changes: Vec<Arc<Changes>>,
    /// Nothing when no merge concerns them.
    pub moves: Option<Arc<Moves>>,
}

impl Teams {
    pub fn forget_unused(&self, since: Instant) {
        self.0.lock().retain(|_, known| {
            known.numberings.retain(|numbering| numbering.at >= since);
            !known.numberings.is_empty()
        });
    }

    pub fn persons(&self, team: TeamId, snapshot: &Snapshot, sources: &[Source], keyring: &Keyring) -> Result<Persons> {
        let segments: Vec<u64> = sources.iter().map(|source| source.segment.meta.id).collect();
        let numbering = self.numbering(team, &segments, sources);
        let targets = self.targets(team, snapshot, keyring);
        let mut changes = Vec::with_capacity(sources.len());
        for source in sources {
            changes.push(self.changes(team, snapshot, source, &targets)?);
        }
        let mut persons = Persons { numbering, changes, moves: None };
        persons.moves = self.moves(team, &segments, &persons);
        Ok(persons)
    }

    fn moves(&self, team: TeamId, segments: &[u64], persons: &Persons) -> Option<Arc<Moves>> {
        let known = |teams: &mut HashMap<TeamId, Known>| {
            let used = teams.get(&team)?.numberings.iter().find(|used| used.segments == segments)?;
            let (changes, moves) = used.moves.as_ref()?;
            let same = changes.len() == persons.changes.len() && changes.iter().zip(&persons.changes).all(|(a, b)| Arc::ptr_eq(a, b));
            same.then(|| moves.clone())
        };
        if let Some(moves) = known(&mut self.0.lock()) {
            return moves;
        }
        let moves = Moves::of(persons).map(Arc::new);
        if let Some(known) = self.0.lock().get_mut(&team)
            && let Some(used) = known.numberings.iter_mut().find(|used| used.segments == segments)
        {
            used.moves = Some((persons.changes.clone(), moves.clone()));
        }
        moves
    }

    fn numbering(&self, team: TeamId, segments: &[u64], sources: &[Source]) -> Arc<Numbering> {
        let known = {
            let mut teams = self.0.lock();
            let list = &mut teams.entry(team).or_default().numberings;
            let at = list.iter().position(|used| used.segments == segments);
            at.map(|at| list.remove(at)).map(|used| (used.numbering, used.moves))
        };
        // Nobody waits for it with the lock in hand; two queries at once may both do the work.
        let (numbering, moves) = known.unwrap_or_else(|| {
            let basics: Vec<Arc<Basics>> = sources.iter().map(|source| source.basics.clone()).collect();
            (Arc::new(Numbering::new(&basics)), None)
        });
        let mut teams = self.0.lock();
        let list = &mut teams.entry(team).or_default().numberings;
        list.retain(|used| used.segments != segments);
        list.push(Used { at: Instant::now(), segments: segments.to_vec(), numbering: numbering.clone(), moves });
        let surplus = list.len().saturating_sub(MAX_NUMBERINGS);
        list.drain(..surplus);
        numbering
    }

    fn targets(&self, team: TeamId, snapshot: &Snapshot, keyring: &Keyring) -> Arc<Targets> {
        let latest = snapshot.overrides.latest();
        let known = self.0.lock().get(&team).and_then(|known| known.targets.clone());
        if let Some((_, targets)) = known.filter(|(of, _)| *of == latest) {
            return targets;
        }
        let mut keyring = keyring.clone();
        let persons = snapshot.overrides.iter().map(|(id, person)| (distinct_hash(&mut keyring, team, id), person.as_u128())).collect();
        let targets = Arc::new(Targets::new(persons));
        if let Some(known) = self.0.lock().get_mut(&team) {
            known.targets = Some((latest, targets.clone()));
        }
        targets
    }

    fn changes(&self, team: TeamId, snapshot: &Snapshot, source: &Source, targets: &Targets) -> Result<Arc<Changes>> {
        let meta = &source.segment.meta;
        let view = snapshot.view_of(meta);
        let latest = if view.overrides.is_some() { snapshot.overrides.latest() } else { 0 };
        let pending = snapshot.erasures.iter().map(|erasure| erasure.number).filter(|number| *number > meta.erased);
        let settled = (meta.id, latest, pending.max().unwrap_or(0));
        if let Some(known) = self.0.lock().get(&team).and_then(|known| known.changes.get(&settled).cloned()) {
            return Ok(known);
        }
        let changes = Arc::new(Changes::of(&source.packed, &source.basics, &view, targets)?);
        if let Some(known) = self.0.lock().get_mut(&team) {
            let in_use = |segment: u64| known.numberings.iter().any(|used| used.segments.contains(&segment));
            known.changes.retain(|(segment, ..), _| *segment != meta.id && in_use(*segment));
            known.changes.insert(settled, changes.clone());
        }
        Ok(changes)
    }
}
