//! How many persons or groups a condition set matches, whatever its rollout: the stored ones are asked one by one, by the same rules
//! that answer SDKs. Of very many, a share.

use super::{NewFlag, dependencies, explain};
use crate::evaluate::{Definitions, Facts, StoredPerson};
use crate::{Flags, Question};
use anyhow::{Context, Result};
use model::{GroupTypeIndex, TeamId, Timestamp};
use people::sample::{PersonsAfter, Share};
use people::{Group, Person, sample};
use serde_json::{Map, Value, json};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use teams::Team;
use tokio::sync::Semaphore;
use uuid::Uuid;

/// Beyond, the answer is an estimate from about this many.
const MAX_ASKED: usize = 50_000;
const BATCH: usize = 1_000;
/// The flag that stands for the condition set.
const KEY: &str = "condition";
/// Walks over all persons that one process makes at once.
static WALKS: Semaphore = Semaphore::const_new(2);

pub struct BlastRadius {
    pub affected: usize,
    pub total: usize,
    /// Set when not everyone was asked.
    pub sample: Option<Sample>,
}

pub struct Sample {
    pub asked: usize,
    /// With 95 % certainty, the number is off by less than this.
    pub margin: usize,
}

/// `condition` is a condition set of filters; its properties count.
pub async fn blast_radius(flags: &Flags, team: &Team, condition: &Value, group_type: Option<u8>) -> Result<BlastRadius> {
    let _walk = WALKS.acquire().await.context("the program is stopping")?;
    let total = match group_type {
        None => sample::count_persons(&flags.db, team.id).await?,
        Some(index) => sample::count_groups(&flags.db, team.id, GroupTypeIndex(index)).await?,
    };
    let whole = json!({"properties": condition["properties"], "rollout_percentage": 100});
    let filters = json!({"groups": [whole], "aggregation_group_type_index": group_type});
    let flag = NewFlag { key: KEY.to_owned(), filters, ..NewFlag::default() }.into_flag(team.id, None, flags.clock.now());
    let needs_ids = dependencies::properties(&flag.filters).any(|property| property["type"] == "flag" || property["key"] == "distinct_id");
    let definitions = Arc::new(explain::definitions_with(flags, team, flag).await?);
    let share = if total > MAX_ASKED { Share::one_in(total.div_ceil(MAX_ASKED)) } else { Share::ALL };
    let walk = Walk { flags, team: team.id, definitions, share, now: flags.clock.now() };
    let (asked, matched) = match group_type {
        None => walk.persons(needs_ids).await?,
        Some(index) => {
            let types = people::store::group_types(&flags.db, team.id).await?;
            match types.into_iter().find(|kind| kind.index.0 == index) {
                Some(kind) => walk.groups(kind.index, &kind.name).await?,
                None => (0, 0),
            }
        }
    };
    Ok(estimate(asked, matched, total, !share.is_all()))
}

fn estimate(asked: usize, matched: usize, total: usize, is_sample: bool) -> BlastRadius {
    if !is_sample || asked == 0 {
        return BlastRadius { affected: matched, total: total.max(asked), sample: None };
    }
    let share = matched as f64 / asked as f64;
    // The rule of three, for shares so near 0 or 1 that the normal approximation says nothing.
    let error = (1.96 * (share * (1.0 - share) / asked as f64).sqrt()).max(3.0 / asked as f64);
    let of_total = |share: f64| (share * total as f64).round() as usize;
    BlastRadius { affected: of_total(share), total, sample: Some(Sample { asked, margin: of_total(error) }) }
}

struct Walk<'a> {
    flags: &'a Flags,
    team: TeamId,
    definitions: Arc<Definitions>,
    share: Share,
    now: Timestamp,
}

impl Walk<'_> {
    /// How many were asked, and how many of them match.
    async fn persons(&self, needs_ids: bool) -> Result<(usize, usize)> {
        let db = &self.flags.db;
        let (mut asked, mut matched, mut after) = (0, 0, Some(PersonsAfter::START));
        while let Some(from) = after {
            let (batch, next) = sample::persons(db, self.team, from, self.share, BATCH).await?;
            after = next;
            let uuids: Vec<Uuid> = batch.iter().map(|person| person.uuid).collect();
            let mut memberships: HashMap<Uuid, HashSet<i64>> = HashMap::new();
            let any = Question { flag_keys: Some(vec![KEY.to_owned()]), ..Question::default() };
            if !self.definitions.needs(&any).cohorts.is_empty() {
                for (person, cohort) in cohorts::store::of_persons(db, self.team, &uuids).await? {
                    memberships.entry(person).or_default().insert(cohort);
                }
            }
            let mut ids: HashMap<Uuid, String> = HashMap::new();
            if needs_ids {
                let profiles = people::store::profiles_of_uuids(db, self.team, &uuids).await?;
                ids.extend(
                    profiles.into_iter().filter_map(|profile| Some((profile.person.uuid, profile.distinct_ids.into_iter().next()?))),
                );
            }
            asked += batch.len();
            let (definitions, now) = (self.definitions.clone(), self.now);
            matched += tokio::task::spawn_blocking(move || {
                let matches = |person: Person| {
                    let member_of = memberships.remove(&person.uuid).unwrap_or_default();
                    let distinct_id = ids.remove(&person.uuid).unwrap_or_default();
                    matches_person(&definitions, person, member_of, distinct_id, now)
                };
                batch.into_iter().map(matches).filter(|matches| *matches).count()
            })
            .await?;
        }
        Ok((asked, matched))
    }

    async fn groups(&self, index: GroupTypeIndex, kind: &str) -> Result<(usize, usize)> {
        let (mut asked, mut matched, mut after) = (0, 0, String::new());
        loop {
            let batch = sample::groups(&self.flags.db, self.team, index, &after, self.share, BATCH).await?;
            let Some(last) = batch.last() else { return Ok((asked, matched)) };
            after = last.key.to_string();
            asked += batch.len();
            let (definitions, now, kind) = (self.definitions.clone(), self.now, kind.to_owned());
            let count = move || batch.into_iter().filter(|group| matches_group(&definitions, group, &kind, now)).count();
            matched += tokio::task::spawn_blocking(count).await?;
        }
    }
}

fn matches_person(definitions: &Definitions, person: Person, member_of: HashSet<i64>, distinct_id: String, now: Timestamp) -> bool {
    let Person { uuid, created_at, properties, .. } = person;
    let facts = Facts { person: Some(StoredPerson { uuid, created_at, properties }), member_of, ..Facts::none(now) };
    is_on(definitions, &Question { distinct_id, ..Question::default() }, &facts)
}

fn matches_group(definitions: &Definitions, group: &Group, kind: &str, now: Timestamp) -> bool {
    let facts = Facts { groups: HashMap::from([(group.index.0, group.properties.clone())]), ..Facts::none(now) };
    let question = Question { groups: vec![(kind.to_owned(), group.key.to_string())], ..Question::default() };
    is_on(definitions, &question, &facts)
}

fn is_on(definitions: &Definitions, question: &Question, facts: &Facts) -> bool {
    definitions.evaluate(question, facts).decisions.iter().any(|decision| decision.flag.key == KEY && decision.outcome.is_on())
}

impl BlastRadius {
    pub fn shown(&self) -> Map<String, Value> {
        let shown = json!({
            "users_affected": self.affected,
            "total_users": self.total,
            "sampled": self.sample.as_ref().map(|sample| sample.asked),
            "margin_of_error": self.sample.as_ref().map(|sample| sample.margin),
        });
        match shown {
            Value::Object(shown) => shown,
            _ => Map::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_tells_how_far_it_may_be_off() {
        let whole = estimate(100, 40, 100, false);
        assert_eq!((whole.affected, whole.total, whole.sample.is_none()), (40, 100, true));
        let sampled = estimate(50_000, 5_000, 1_000_000, true);
        assert_eq!(sampled.affected, 100_000);
        assert_eq!(sampled.sample.map(|sample| sample.margin), Some(2_630));
        let nobody = estimate(50_000, 0, 1_000_000, true);
        assert_eq!((nobody.affected, nobody.sample.map(|sample| sample.margin)), (0, Some(60)));
    }
}
