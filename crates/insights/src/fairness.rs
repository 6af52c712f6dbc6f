//! How many places of the query queue each project takes, so that one cannot take them all.

use model::TeamId;
use parking_lot::Mutex;
use std::collections::HashMap;

#[derive(Default)]
pub struct Places {
    taken: Mutex<HashMap<TeamId, usize>>,
}

/// A place; free again when dropped.
pub struct Place<'a> {
    places: &'a Places,
    team: TeamId,
}

impl Places {
    /// `None` when the project has `most` places already.
    pub fn take(&self, team: TeamId, most: usize) -> Option<Place<'_>> {
        let mut taken = self.taken.lock();
        let count = taken.entry(team).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Place { places: self, team })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock();
        if let Some(count) = taken.get_mut(&self.team) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.team);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_takes_its_share_and_leaves_the_rest() {
        let places = Places::default();
        let first = places.take(TeamId(1), 2);
        let second = places.take(TeamId(1), 2);
        assert!(first.is_some() && second.is_some() && places.take(TeamId(1), 2).is_none());
        assert!(places.take(TeamId(2), 2).is_some());
        drop(first);
        assert!(places.take(TeamId(1), 2).is_some());
        drop(second);
        assert!(places.taken.lock().is_empty());
    }
}
