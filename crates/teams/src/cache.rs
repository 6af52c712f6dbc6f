use crate::Team;
use model::TeamId;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How far behind another process's change a lookup may be.
pub const CACHE_SECONDS: u64 = 1;

/// Unknown tokens are remembered too and come from the internet, so the number is bounded.
const MAX_ENTRIES: usize = 10_000;

type Known = Option<Arc<Team>>;

#[derive(Default)]
pub(crate) struct Cache(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    by_id: HashMap<TeamId, (Known, Instant)>,
    by_token: HashMap<String, (Known, Instant)>,
    /// Counts invalidations: what was read before one must not be kept after it.
    generation: u64,
}

impl Cache {
    pub fn by_id(&self, id: TeamId) -> Option<Known> {
        self.0.lock().by_id.get(&id).and_then(fresh)
    }

    pub fn by_token(&self, token: &str) -> Option<Known> {
        self.0.lock().by_token.get(token).and_then(fresh)
    }

    pub fn generation(&self) -> u64 {
        self.0.lock().generation
    }

    pub fn put_id(&self, generation: u64, id: TeamId, team: Known) {
        let mut entries = self.0.lock();
        if entries.generation == generation {
            put(&mut entries.by_id, id, team);
        }
    }

    pub fn put_token(&self, generation: u64, token: &str, team: Known) {
        let mut entries = self.0.lock();
        if entries.generation == generation {
            put(&mut entries.by_token, token.to_owned(), team);
        }
    }

    pub fn forget(&self, id: TeamId) {
        let mut entries = self.0.lock();
        entries.generation += 1;
        entries.by_id.remove(&id);
        // Unknown tokens go as well: one of them may be the project's new token.
        entries.by_token.retain(|_, (team, _)| team.as_ref().is_some_and(|team| team.id != id));
    }
}

fn fresh((team, until): &(Known, Instant)) -> Option<Known> {
    (Instant::now() < *until).then(|| team.clone())
}

fn put<K: Eq + Hash>(map: &mut HashMap<K, (Known, Instant)>, key: K, team: Known) {
    let now = Instant::now();
    if map.len() >= MAX_ENTRIES {
        map.retain(|_, (_, until)| now < *until);
        if map.len() >= MAX_ENTRIES {
            map.clear();
        }
    }
    map.insert(key, (team, now + Duration::from_secs(CACHE_SECONDS)));
}
