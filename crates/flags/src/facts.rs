//! What evaluation has to know beyond the question, and the one place that looks it up.

use crate::evaluate::{Facts, Needs};
use crate::loader::Lookup;
use crate::{Flags, Question, Served, continuity};
use std::net::IpAddr;
use std::sync::Arc;

/// Looks up exactly what is needed. What cannot be looked up is marked, never waited for longer than about a second. Without an
/// `address` no place is known.
pub async fn gather(flags: &Flags, served: &Served, question: &Question, needs: Needs, address: Option<IpAddr>) -> Facts {
    let mut facts = Facts::none(flags.clock.now());
    if served.project.uses_places
        && !question.geoip_disable
        && let Some(address) = address
    {
        facts.geoip = (flags.place_of)(address).unwrap_or_default();
    }
    let Some(lookup) = lookup(served, question, needs) else { return facts };
    let keeps = lookup.hash_keys;
    match flags.memory.loader.load(&flags.db, lookup).await {
        Some(found) => {
            if keeps {
                facts.hash_keys = continuity::settle(flags, served, question, &found);
            }
            facts.person = found.person();
            facts.member_of = found.member_of;
            facts.groups = found.groups;
        }
        None => facts.failed = true,
    }
    facts
}

fn lookup(served: &Served, question: &Question, mut needs: Needs) -> Option<Lookup> {
    if question.only_override_properties {
        needs.person = false;
        needs.cohorts.clear();
    }
    let needs_person = needs.person || needs.hash_keys || !needs.cohorts.is_empty();
    if !needs_person && needs.groups.is_empty() {
        return None;
    }
    let anonymous = question.anon_distinct_id.as_deref().filter(|_| needs.hash_keys);
    let own = Some(question.distinct_id.as_str()).filter(|_| needs_person);
    Some(Lookup {
        team: served.team.id,
        distinct_ids: own.into_iter().chain(anonymous).map(Arc::from).collect(),
        memberships: !needs.cohorts.is_empty(),
        hash_keys: needs.hash_keys,
        groups: needs.groups.into_iter().map(|(index, key)| (index, key.into())).collect(),
    })
}
