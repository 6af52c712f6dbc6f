//! One team's rows as of one moment; nothing that happens later changes it.

use crate::keys::Keyring;
use crate::manifest::Erasure;
use crate::memory::Tail;
use crate::overrides::TeamOverrides;
use crate::segment::{Segment, SegmentMeta};
use crate::shred::Chunk;
use crate::unify::PersonView;
use model::TeamId;
use std::sync::Arc;

#[derive(Default)]
pub struct Snapshot {
    pub chunks: Vec<Arc<Chunk>>,
    /// The newest rows last.
    pub tails: Vec<Tail>,
    pub segments: Vec<Arc<Segment>>,
    pub overrides: TeamOverrides,
    pub erasures: Vec<Erasure>,
    /// What hashes distinct ids; without it they are not looked up in packed columns.
    pub hashing: Option<(TeamId, Keyring)>,
}

impl Snapshot {
    /// Erasing seals first, so rows in memory are never erased ones.
    pub fn view_of_memory(&self) -> PersonView {
        PersonView { overrides: (self.overrides.latest() > 0).then(|| self.overrides.clone()), erased: None }
    }

    pub fn view_of(&self, segment: &SegmentMeta) -> PersonView {
        let overrides = (self.overrides.latest() > segment.folded).then(|| self.overrides.clone());
        let pending: Vec<&Erasure> = self.erasures.iter().filter(|erasure| erasure.number > segment.erased).collect();
        let erased = (!pending.is_empty()).then(|| Arc::new(pending.iter().flat_map(|erasure| erasure.persons.iter().copied()).collect()));
        PersonView { overrides, erased }
    }
}
