//! Golden cases: events in, a query, what must come out. Files in `golden/`, run against any event store.
//!
//! An expectation names what matters: members of an object that it leaves out are not looked at, lists must have the same
//! length and order, `{"$unordered": […]}` any order, `{"$any": true}` anything,
//! `{"$between": [a, b]}` a number from a to b; numbers may differ in the last digits, `{"error": "text"}` expects a
//! refusal that contains the text.

pub mod hostile;

use crate::answer::{Question, Refresh, Reply};
use crate::experiment::{Experiment, ExperimentSource};
use crate::failure::Failure;
use crate::run::{Purpose, Run};
use crate::{InsightsState, Limits, Parts};
use async_trait::async_trait;
use db::Db;
use events::{CohortRow, Dimensions, DistinctIdRow, EventBatch, EventRow, EventStore, GroupRow, PersonOverride, PersonRow};
use model::{Clock, GroupTypeIndex, PersonMode, Properties, TeamId, Timestamp, person_uuid};
use query::{PropertyType, PropertyTypes};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use teams::{Team, Teams};
use uuid::Uuid;

const FILES: &[(&str, &str)] = &[
    ("actions", include_str!("../golden/actions.json")),
    ("cohorts", include_str!("../golden/cohorts.json")),
    ("cohorts_behaviour", include_str!("../golden/cohorts_behaviour.json")),
    ("drill_down", include_str!("../golden/drill_down.json")),
    ("drill_down_anonymous", include_str!("../golden/drill_down_anonymous.json")),
    ("events_query", include_str!("../golden/events_query.json")),
    ("experiments", include_str!("../golden/experiments.json")),
    ("experiments_verdicts", include_str!("../golden/experiments_verdicts.json")),
    ("filter_dates", include_str!("../golden/filter_dates.json")),
    ("filter_elements", include_str!("../golden/filter_elements.json")),
    ("filter_groups", include_str!("../golden/filter_groups.json")),
    ("filter_more", include_str!("../golden/filter_more.json")),
    ("filter_operators", include_str!("../golden/filter_operators.json")),
    ("filter_versions", include_str!("../golden/filter_versions.json")),
    ("funnel_correlation", include_str!("../golden/funnel_correlation.json")),
    ("funnels", include_str!("../golden/funnels.json")),
    ("funnels_actors", include_str!("../golden/funnels_actors.json")),
    ("funnels_all_events", include_str!("../golden/funnels_all_events.json")),
    ("funnels_breakdown", include_str!("../golden/funnels_breakdown.json")),
    ("funnels_breakdown_typed", include_str!("../golden/funnels_breakdown_typed.json")),
    ("funnels_compare", include_str!("../golden/funnels_compare.json")),
    ("funnels_first_time", include_str!("../golden/funnels_first_time.json")),
    ("funnels_refused", include_str!("../golden/funnels_refused.json")),
    ("funnels_strict", include_str!("../golden/funnels_strict.json")),
    ("funnels_times", include_str!("../golden/funnels_times.json")),
    ("funnels_trends", include_str!("../golden/funnels_trends.json")),
    ("funnels_whom", include_str!("../golden/funnels_whom.json")),
    ("heatmap", include_str!("../golden/heatmap.json")),
    ("hogql", include_str!("../golden/hogql.json")),
    ("hogql_editor", include_str!("../golden/hogql_editor.json")),
    ("hogql_limit", include_str!("../golden/hogql_limit.json")),
    ("lifecycle", include_str!("../golden/lifecycle.json")),
    ("merged_persons", include_str!("../golden/merged_persons.json")),
    ("paths", include_str!("../golden/paths.json")),
    ("paths_cleaning", include_str!("../golden/paths_cleaning.json")),
    ("paths_cut", include_str!("../golden/paths_cut.json")),
    ("paths_funnel", include_str!("../golden/paths_funnel.json")),
    ("retention", include_str!("../golden/retention.json")),
    ("retention_actors", include_str!("../golden/retention_actors.json")),
    ("retention_more", include_str!("../golden/retention_more.json")),
    ("sessions", include_str!("../golden/sessions.json")),
    ("sessions_query", include_str!("../golden/sessions_query.json")),
    ("stickiness", include_str!("../golden/stickiness.json")),
    ("taxonomy", include_str!("../golden/taxonomy.json")),
    ("traces", include_str!("../golden/traces.json")),
    ("trends_active_users", include_str!("../golden/trends_active_users.json")),
    ("trends_breakdown", include_str!("../golden/trends_breakdown.json")),
    ("trends_breakdown_few", include_str!("../golden/trends_breakdown_few.json")),
    ("trends_breakdown_typed", include_str!("../golden/trends_breakdown_typed.json")),
    ("trends_breakdown_url", include_str!("../golden/trends_breakdown_url.json")),
    ("trends_clock_change", include_str!("../golden/trends_clock_change.json")),
    ("trends_compare", include_str!("../golden/trends_compare.json")),
    ("trends_cumulative", include_str!("../golden/trends_cumulative.json")),
    ("trends_first_time", include_str!("../golden/trends_first_time.json")),
    ("trends_formulas", include_str!("../golden/trends_formulas.json")),
    ("trends_groups", include_str!("../golden/trends_groups.json")),
    ("trends_histogram", include_str!("../golden/trends_histogram.json")),
    ("trends_hours", include_str!("../golden/trends_hours.json")),
    ("trends_odd_clocks", include_str!("../golden/trends_odd_clocks.json")),
    ("trends_per_actor", include_str!("../golden/trends_per_actor.json")),
    ("trends_property_math", include_str!("../golden/trends_property_math.json")),
    ("trends_sampling", include_str!("../golden/trends_sampling.json")),
    ("trends_sessions", include_str!("../golden/trends_sessions.json")),
    ("trends_several", include_str!("../golden/trends_several.json")),
    ("trends_smoothing", include_str!("../golden/trends_smoothing.json")),
    ("trends_timezone", include_str!("../golden/trends_timezone.json")),
    ("trends_weeks", include_str!("../golden/trends_weeks.json")),
    ("web_analytics", include_str!("../golden/web_analytics.json")),
    ("web_breakdowns", include_str!("../golden/web_breakdowns.json")),
    ("web_edges", include_str!("../golden/web_edges.json")),
];

/// The project that all cases are about.
pub const TEAM: TeamId = TeamId(1);

/// One file: a world, and questions about it.
pub struct Suite {
    pub name: &'static str,
    file: File,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "`about` is for the reader of the file")]
struct File {
    about: String,
    now: Timestamp,
    #[serde(default)]
    timezone: Option<String>,
    #[serde(default)]
    property_types: Types,
    #[serde(default)]
    settings: Map<String, Value>,
    #[serde(default)]
    experiments: Vec<Experiment>,
    /// Their members are given; what criteria find is asked by `members` of a case.
    #[serde(default)]
    cohorts: Vec<FileCohort>,
    #[serde(default)]
    actions: Vec<FileAction>,
    #[serde(default)]
    persons: Vec<FilePerson>,
    #[serde(default)]
    groups: Vec<FileGroup>,
    /// Distinct ids that had a person of their own when their events were stored, and were merged later.
    #[serde(default)]
    merged: Vec<String>,
    /// Distinct ids of events whose persons do not exist.
    #[serde(default)]
    without_profile: Vec<String>,
    events: Vec<FileEvent>,
    cases: Vec<Case>,
}

/// `{"event": {"v": "Numeric"}}`
type Types = BTreeMap<String, BTreeMap<String, String>>;

/// `["u1", "A", "2025-03-10T10:00:00Z", {"b": "x"}]`: distinct id, event, time, properties; then, rarely, other fields.
#[derive(Deserialize)]
struct FileEvent(String, String, Timestamp, #[serde(default)] Value, #[serde(default)] Fields);

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(default)]
    elements_chain: String,
    /// As they were; without it, as they are now.
    #[serde(default)]
    person_properties: Option<Value>,
    /// Personless events carry an instant of their own.
    #[serde(default)]
    person_created_at: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FilePerson {
    distinct_ids: Vec<String>,
    properties: Map<String, Value>,
    /// Without it: when the first of the distinct ids was first seen.
    #[serde(default)]
    created_at: Option<Timestamp>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileCohort {
    id: i64,
    name: String,
    /// By their first distinct ids.
    persons: Vec<String>,
    #[serde(default)]
    deleted: bool,
    #[serde(default)]
    is_static: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileAction {
    id: i64,
    name: String,
    steps: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileGroup {
    index: u8,
    key: String,
    properties: Map<String, Value>,
    #[serde(default)]
    created_at: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    timezone: Option<String>,
    #[serde(default)]
    week_start_day: Option<u8>,
    #[serde(default)]
    now: Option<Timestamp>,
    #[serde(default)]
    property_types: Option<Types>,
    /// Let the store choose the breakdown values to show when there are more points than this.
    #[serde(default)]
    groups: Option<usize>,
    #[serde(default)]
    query: Value,
    /// Instead of a query: a cohort's `filters`, of which first distinct ids of members are expected, in their order.
    #[serde(default)]
    members: Option<Value>,
    expect: Value,
}

/// Every golden file.
pub fn suites() -> Vec<Suite> {
    let read = |(name, text): &(&'static str, &'static str)| {
        let file = serde_json::from_str(text).unwrap_or_else(|error| panic!("golden/{name}.json: {error}"));
        Suite { name, file }
    };
    FILES.iter().map(read).collect()
}

impl Suite {
    /// What is asked, for tests that ask it in other ways.
    pub fn queries(&self) -> impl Iterator<Item = &Value> {
        self.file.cases.iter().map(|case| &case.query).filter(|query| !query.is_null())
    }

    pub fn case_count(&self) -> usize {
        self.file.cases.len()
    }

    /// The persons and groups of the file, to open the store with.
    pub fn dimensions(&self) -> Arc<dyn Dimensions> {
        let mut known = World { persons: Vec::new(), distinct_ids: Vec::new(), groups: Vec::new(), cohorts: Vec::new() };
        let mut add = |distinct_ids: &[String], properties: &Map<String, Value>, created_at: Timestamp| {
            let id = person_uuid(TEAM, &distinct_ids[0]);
            known.persons.push(PersonRow {
                id,
                created_at,
                properties: Value::Object(properties.clone()).to_string(),
                is_identified: true,
            });
            known
                .distinct_ids
                .extend(distinct_ids.iter().map(|distinct_id| DistinctIdRow { distinct_id: distinct_id.clone(), person_id: id }));
        };
        for (distinct_id, first) in self.first_seen() {
            if self.file.without_profile.contains(&distinct_id) {
                continue;
            }
            match self.person_of(&distinct_id) {
                Some(person) if person.distinct_ids[0] == distinct_id => {
                    add(&person.distinct_ids, &person.properties, person.created_at.unwrap_or(first));
                }
                Some(_) => {}
                None => add(&[distinct_id], &Map::new(), first),
            }
        }
        known.groups = self
            .file
            .groups
            .iter()
            .map(|group| GroupRow {
                index: group.index,
                key: group.key.clone(),
                properties: Value::Object(group.properties.clone()).to_string(),
                created_at: group.created_at.unwrap_or(self.file.now),
                updated_at: self.file.now,
            })
            .collect();
        known.cohorts = self.file.cohorts.iter().filter(|cohort| !cohort.deleted).cloned().collect();
        Arc::new(known)
    }

    fn first_seen(&self) -> BTreeMap<String, Timestamp> {
        let mut first = BTreeMap::new();
        for FileEvent(distinct_id, _, at, ..) in &self.file.events {
            let known = first.entry(distinct_id.clone()).or_insert(*at);
            *known = (*known).min(*at);
        }
        first
    }

    fn person_of(&self, distinct_id: &str) -> Option<&FilePerson> {
        self.file.persons.iter().find(|person| person.distinct_ids.iter().any(|id| id == distinct_id))
    }

    fn rows(&self) -> Vec<EventRow> {
        let first = self.first_seen();
        let properties_of = |value: &Value| match value {
            Value::Null => Properties::new(),
            other => Properties::from_json_text(&other.to_string()).expect("golden properties are objects"),
        };
        self.file
            .events
            .iter()
            .enumerate()
            .map(|(index, FileEvent(distinct_id, event, at, properties, fields))| {
                let person = self.person_of(distinct_id);
                let is_merged = self.file.merged.contains(distinct_id);
                let owner = person.filter(|_| !is_merged).map_or(distinct_id.as_str(), |person| &person.distinct_ids[0]);
                let now = person.map(|person| Value::Object(person.properties.clone()));
                let person_properties = fields.person_properties.clone().or(now);
                let of_person = person.filter(|_| !is_merged).and_then(|person| person.created_at);
                let person_created_at = fields.person_created_at.or(of_person);
                EventRow {
                    team: TEAM,
                    uuid: Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + index as u128),
                    event: event.as_str().into(),
                    timestamp: *at,
                    created_at: *at,
                    distinct_id: distinct_id.as_str().into(),
                    person_id: person_uuid(TEAM, owner),
                    person_created_at: person_created_at.or(first.get(owner).copied()).unwrap_or(*at),
                    person_mode: PersonMode::Full,
                    properties: properties_of(properties),
                    person_properties: Arc::new(properties_of(&person_properties.unwrap_or_default())),
                    elements_chain: fields.elements_chain.as_str().into(),
                    historical_migration: false,
                }
            })
            .collect()
    }

    fn overrides(&self) -> Vec<PersonOverride> {
        let merged = self.file.merged.iter().filter_map(|distinct_id| Some((distinct_id, self.person_of(distinct_id)?)));
        let to_override = |(distinct_id, person): (&String, &FilePerson)| PersonOverride {
            team: TEAM,
            distinct_id: distinct_id.as_str().into(),
            person_id: person_uuid(TEAM, &person.distinct_ids[0]),
            version: 1,
        };
        merged.map(to_override).collect()
    }

    /// Fills the store and asks every question. Returns what was wrong, one text per failing case. `sealed`: the store writes
    /// its newest rows into segments first.
    pub async fn run(&self, store: Arc<dyn EventStore>, sealed: bool) -> Vec<String> {
        if let Err(problem) = self.fill(&store, sealed).await {
            return vec![problem];
        }
        let mut failures = Vec::new();
        for case in &self.file.cases {
            if let Err(problem) = self.check(case, store.clone()).await {
                failures.push(format!("{} / {}: {problem}", self.name, case.name));
            }
        }
        failures
    }

    pub async fn fill(&self, store: &Arc<dyn EventStore>, sealed: bool) -> Result<(), String> {
        let batch = EventBatch { rows: self.rows(), overrides: self.overrides(), position: Some(1) };
        store.append(batch).await.map_err(|error| format!("{}: the events could not be stored: {error}", self.name))?;
        if sealed {
            store.flush().await.map_err(|error| format!("{}: the events could not be sealed: {error:#}", self.name))?;
        }
        Ok(())
    }

    fn experiments(&self) -> ExperimentSource {
        let experiments = self.file.experiments.clone();
        Arc::new(move |_, id| {
            let found = experiments.iter().find(|experiment| experiment.id == id).cloned();
            Box::pin(async move { Ok(found) })
        })
    }

    /// The state that answers this file's questions, or one case's when it says otherwise.
    async fn state(&self, case: Option<&Case>, store: Arc<dyn EventStore>) -> Result<(InsightsState, Arc<Team>), String> {
        let db = Db::in_memory().await;
        let tables = [("insights", crate::MIGRATIONS), ("cohorts", cohorts::MIGRATIONS), ("actions", actions::MIGRATIONS)];
        db.migrate(&tables).await.map_err(|error| format!("{error:#}"))?;
        self.name_cohorts_and_actions(&db).await.map_err(|error| format!("{error:#}"))?;
        let teams = Teams::new(db.clone());
        let team = teams.create_for_tests("phc_golden").await;
        let timezone = case.and_then(|case| case.timezone.as_ref()).or(self.file.timezone.as_ref()).map_or("UTC", String::as_str);
        let timezone = timezone.parse().map_err(|_| format!("{timezone} is no timezone"))?;
        let team = teams
            .update(team.id, self.file.now, |team| {
                team.timezone = timezone;
                team.week_start_day = case.and_then(|case| case.week_start_day).unwrap_or(0);
                team.settings.extend(self.file.settings.clone());
            })
            .await
            .map_err(|error| error.to_string())?
            .ok_or("the project is gone")?;
        let types = case.and_then(|case| case.property_types.as_ref()).unwrap_or(&self.file.property_types);
        let types = Arc::new(read_types(types));
        let limits = Limits::default();
        let state = InsightsState::new(Parts {
            events: store,
            dimensions: self.dimensions(),
            property_types: Arc::new(move |_| {
                let types = types.clone();
                Box::pin(async move { Ok(types) })
            }),
            experiments: self.experiments(),
            users: Arc::new(|_| Box::pin(async { Ok(None) })),
            db,
            clock: Clock::Fixed(case.and_then(|case| case.now).unwrap_or(self.file.now)),
            limits: Limits { groups: case.and_then(|case| case.groups).unwrap_or(limits.groups), ..limits },
        });
        Ok((state, team))
    }

    async fn name_cohorts_and_actions(&self, db: &Db) -> anyhow::Result<()> {
        for cohort in &self.file.cohorts {
            let sql = "INSERT INTO cohort (id, team_id, name, description, filters, is_static, deleted, version, pending_version,
                       is_calculating, errors_calculating, created_at) VALUES ($1, $2, $3, '', '{}', $4, $5, 0, 0, FALSE, 0, 0)";
            db.execute(sql, db::args![cohort.id, TEAM, &cohort.name, cohort.is_static, cohort.deleted]).await?;
        }
        for action in &self.file.actions {
            let sql = "INSERT INTO action (id, team_id, name, description, tags, steps, post_to_slack, slack_message_format, deleted,
                       created_at, updated_at) VALUES ($1, $2, $3, '', '[]', $4, FALSE, '', FALSE, 0, 0)";
            db.execute(sql, db::args![action.id, TEAM, &action.name, &action.steps]).await?;
        }
        Ok(())
    }

    /// First distinct ids of those who meet a cohort's criteria.
    async fn members(&self, state: &InsightsState, team: Arc<Team>, filters: &Value) -> Result<Value, Failure> {
        let criteria = cohorts::Criteria::parse(filters)?;
        let mut run = Run::new(state.engine.clone(), team, None, Purpose::Export, None).await?;
        let found = crate::members::of_criteria(&mut run, &criteria).await?;
        let ids = self.first_seen().into_keys().chain(self.file.persons.iter().map(|person| person.distinct_ids[0].clone()));
        let mut ids: Vec<String> = ids.filter(|id| found.contains(&person_uuid(TEAM, id))).collect();
        ids.sort();
        ids.dedup();
        Ok(serde_json::json!({ "members": ids }))
    }

    async fn check(&self, case: &Case, store: Arc<dyn EventStore>) -> Result<(), String> {
        let (state, team) = self.state(Some(case), store).await?;
        let reply = match &case.members {
            Some(filters) => self.members(&state, team, filters).await.map(Reply::Complete),
            None => state.engine.reply(team, Question::new(case.query.clone(), Refresh::ForceBlocking)).await,
        };
        let expected_error = case.expect.get("error").and_then(Value::as_str);
        match (reply, expected_error) {
            (Ok(Reply::Complete(body)), None) => compare(&case.expect, &body, "").map_err(|problem| {
                let hogql = body["hogql"].as_str().unwrap_or_default();
                format!("{problem}\n    results: {}\n    hogql: {hogql}", body["results"])
            }),
            (Ok(Reply::Complete(body)), Some(text)) => Err(format!("expected an error with \"{text}\", got {}", body["results"])),
            (Ok(_), _) => Err("a blocking query was not answered".to_owned()),
            (Err(failure), Some(text)) if failure.is_actionable() && failure.to_string().contains(text) => Ok(()),
            (Err(Failure::Failed(cause)), _) => Err(format!("failed: {cause:#}")),
            (Err(failure), _) => Err(format!("refused: {failure}")),
        }
    }
}

fn read_types(types: &Types) -> PropertyTypes {
    let mut read = PropertyTypes::default();
    for (owner, properties) in types {
        for (name, kind) in properties {
            let kind = match kind.as_str() {
                "Numeric" => PropertyType::Numeric,
                "Boolean" => PropertyType::Boolean,
                "DateTime" => PropertyType::DateTime,
                _ => PropertyType::String,
            };
            match owner.as_str() {
                "event" => read.set_event(name.as_str(), kind),
                "person" => read.set_person(name.as_str(), kind),
                _ => read.set_group(GroupTypeIndex(0), name.as_str(), kind),
            }
        }
    }
    read
}

struct World {
    persons: Vec<PersonRow>,
    distinct_ids: Vec<DistinctIdRow>,
    groups: Vec<GroupRow>,
    cohorts: Vec<FileCohort>,
}

#[async_trait]
impl Dimensions for World {
    async fn version(&self, _: TeamId) -> anyhow::Result<u64> {
        Ok(1)
    }

    async fn persons(&self, _: TeamId) -> anyhow::Result<Vec<PersonRow>> {
        Ok(self.persons.clone())
    }

    async fn distinct_ids(&self, _: TeamId) -> anyhow::Result<Vec<DistinctIdRow>> {
        Ok(self.distinct_ids.clone())
    }

    async fn groups(&self, _: TeamId) -> anyhow::Result<Vec<GroupRow>> {
        Ok(self.groups.clone())
    }

    async fn cohort_members(&self, team: TeamId, cohort: i64) -> anyhow::Result<Vec<Uuid>> {
        let cohorts = self.cohorts.iter().filter(|known| known.id == cohort);
        Ok(cohorts.flat_map(|cohort| &cohort.persons).map(|id| person_uuid(team, id)).collect())
    }

    async fn cohort_people(&self, team: TeamId, is_static: bool) -> anyhow::Result<Vec<CohortRow>> {
        let rows = self.cohorts.iter().filter(|cohort| cohort.is_static == is_static).flat_map(|cohort| {
            cohort.persons.iter().map(|id| CohortRow { cohort_id: cohort.id, person_id: person_uuid(team, id), version: 1 })
        });
        Ok(rows.collect())
    }
}

fn compare(expected: &Value, found: &Value, at: &str) -> Result<(), String> {
    match (expected, found) {
        (Value::Object(expected), _) if expected.contains_key("$any") => Ok(()),
        (Value::Object(expected), found) if expected.contains_key("$between") => {
            let bound = |index: usize| expected["$between"][index].as_f64().unwrap_or(f64::NAN);
            match found.as_f64().is_some_and(|number| (bound(0)..=bound(1)).contains(&number)) {
                true => Ok(()),
                false => Err(format!("{at}: expected a number from {} to {}, found {found}", bound(0), bound(1))),
            }
        }
        (Value::Object(expected), found) if expected.contains_key("$unordered") => unordered(&expected["$unordered"], found, at),
        (Value::Object(expected), Value::Object(found)) => expected
            .iter()
            .try_for_each(|(name, expected)| compare(expected, found.get(name).unwrap_or(&Value::Null), &format!("{at}/{name}"))),
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => expected
            .iter()
            .zip(found)
            .enumerate()
            .try_for_each(|(index, (expected, found))| compare(expected, found, &format!("{at}/{index}"))),
        (Value::Array(expected), Value::Array(found)) => Err(format!("{at}: expected {} items, found {}", expected.len(), found.len())),
        (Value::Number(left), Value::Number(right)) => {
            let (left, right) = (left.as_f64().unwrap_or(f64::NAN), right.as_f64().unwrap_or(f64::NAN));
            let close = (left - right).abs() <= 1e-9 * left.abs().max(1.0);
            if close { Ok(()) } else { Err(format!("{at}: expected {left}, found {right}")) }
        }
        (expected, found) if expected == found => Ok(()),
        (expected, found) => Err(format!("{at}: expected {expected}, found {found}")),
    }
}

fn unordered(expected: &Value, found: &Value, at: &str) -> Result<(), String> {
    let (Value::Array(expected), Value::Array(found)) = (expected, found) else {
        return Err(format!("{at}: expected a list, found {found}"));
    };
    if expected.len() != found.len() {
        return Err(format!("{at}: expected {} items, found {}", expected.len(), found.len()));
    }
    let mut left: HashMap<usize, &Value> = found.iter().enumerate().collect();
    for item in expected {
        let matching = left.iter().find(|(_, found)| compare(item, found, at).is_ok()).map(|(index, _)| *index);
        let index = matching.ok_or_else(|| format!("{at}: nothing matches {item}"))?;
        left.remove(&index);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_golden_file_is_listed_and_readable() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
        let mut on_disk: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        on_disk.sort();
        let listed: Vec<&str> = suites().iter().map(|suite| suite.name).collect();
        assert_eq!(on_disk, listed);
        assert!(suites().iter().all(|suite| !suite.file.cases.is_empty()));
    }

    #[test]
    fn expectations_can_fail() {
        assert!(compare(&json!({"a": 1}), &json!({"a": 1, "b": 2}), "").is_ok());
        assert!(compare(&json!({"a": 1}), &json!({"b": 2}), "").is_err());
        assert!(compare(&json!([1]), &json!([1, 2]), "").is_err());
        assert!(compare(&json!(1), &json!(1.0000000001), "").is_ok());
        assert!(compare(&json!(1), &json!(1.001), "").is_err());
        assert!(compare(&json!({"$unordered": [1, 2]}), &json!([2, 1]), "").is_ok());
        assert!(compare(&json!({"$unordered": [1, 1]}), &json!([2, 1]), "").is_err());
    }
}
