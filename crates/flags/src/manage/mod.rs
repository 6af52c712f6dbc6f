//! Making and changing flags. Every write of a flag goes through [`Flags::create`] and [`Flags::change`], whoever asks: the API, the
//! schedule, experiments, surveys, early access features.
//!
//! Invariants:
//! 1. A stored flag is valid: whatever edits it, its filters are translated ([`filters::translate`]) and checked ([`filters::check`])
//!    in the transaction that stores them.
//! 2. Writers of one project's flags queue up ([`store::bump`] comes first), so that two of them cannot together close a circle of
//!    dependencies, and nobody's edit is written over a newer one.
//! 3. Each write that changes something raises the flag's version, keeps the whole record ([`history`]) and is in the activity log.

mod blast_radius;
mod calls;
mod dependencies;
mod explain;
mod filters;
pub mod history;
mod links;
mod portable;
mod properties;
mod routes;
mod schedule;
mod secrets;
pub mod status;
pub mod wire;

pub use calls::{Calls, keep_calls};
pub use links::Link;
pub use routes::routes;
pub use schedule::keep_schedule;

use crate::{Flag, Flags, early_access, store};
use activity::Entry;
use cohorts::Cohort;
use db::{Transaction, args};
use filters::Surroundings;
use model::{TeamId, Timestamp, UserId};
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use web::{ApiError, ApiResult};

/// Flags that one project may have; deleted ones do not count.
const MAX_FLAGS: usize = 10_000;
/// Filters of all flags of a project together: every process that serves flags keeps them in memory.
const MAX_BYTES: i64 = 64 << 20;
const MAX_REACHABLE: usize = 500;
const MAX_KEY_CHARS: usize = 400;
const MAX_NAME_CHARS: usize = 10_000;
const MAX_TAGS: usize = 100;
const MAX_TAG_CHARS: usize = 255;

/// A flag to be made. `..NewFlag::default()` is what a client gets that says nothing: on, for everyone.
#[derive(Clone, Debug)]
pub struct NewFlag {
    pub key: String,
    /// PostHog calls the description `name`.
    pub name: String,
    pub filters: Value,
    pub active: bool,
    pub ensure_experience_continuity: bool,
    pub bucketing_identifier: Option<String>,
    pub evaluation_runtime: String,
    pub evaluation_contexts: Vec<String>,
    pub is_remote_configuration: bool,
    pub has_encrypted_payloads: bool,
    pub has_experiment: bool,
    pub is_internal: bool,
    pub tags: Vec<String>,
}

impl Default for NewFlag {
    fn default() -> Self {
        NewFlag {
            key: String::new(),
            name: String::new(),
            filters: json!({"groups": [{"properties": [], "rollout_percentage": 100}]}),
            active: true,
            ensure_experience_continuity: false,
            bucketing_identifier: None,
            evaluation_runtime: "all".to_owned(),
            evaluation_contexts: Vec::new(),
            is_remote_configuration: false,
            has_encrypted_payloads: false,
            has_experiment: false,
            is_internal: false,
            tags: Vec::new(),
        }
    }
}

impl Flags {
    /// Fails with 400 naming the field when the flag is not valid, code `unique` when the key is taken.
    pub async fn create(&self, team: TeamId, by: Option<UserId>, new: NewFlag) -> ApiResult<Flag> {
        let cohorts = cohorts::store::of_team(&self.db, team).await?;
        let mut transaction = self.db.begin().await?;
        store::bump(&mut transaction, team).await?;
        room_for(&mut transaction, team, 1).await?;
        let flag = self.create_in(&mut transaction, &cohorts, (team, by), new).await?;
        transaction.commit().await?;
        self.tell_new(&flag, by).await;
        Ok(flag)
    }

    /// As part of a larger transaction, whose first statements were [`store::bump`] and [`room_for`]. After its commit the caller
    /// calls [`tell_new`](Self::tell_new).
    pub(crate) async fn create_in(
        &self,
        transaction: &mut Transaction,
        cohorts: &[Cohort],
        (team, by): (TeamId, Option<UserId>),
        new: NewFlag,
    ) -> ApiResult<Flag> {
        let mut flag = new.into_flag(team, by, self.clock.now());
        filters::translate(&mut flag.filters)?;
        self.seal(&mut flag, None)?;
        check(transaction, &flag, None, cohorts).await?;
        weigh(transaction, None, &flag).await?;
        flag.id = store::insert(transaction, &flag).await.map_err(taken)?;
        history::keep(transaction, &flag, flag.created_at).await?;
        Ok(flag)
    }

    /// Lets this process and the activity log know of a flag whose creation was committed.
    pub(crate) async fn tell_new(&self, flag: &Flag, by: Option<UserId>) {
        self.changed(flag.team);
        self.log(flag, by, "created", changes(None, flag)).await;
    }

    /// Reads the flag, lets `edit` change it and stores it, with no other write in between. Deleted flags can be changed too: that
    /// is how they come back. An edit that changes nothing stores nothing.
    pub async fn change(&self, team: TeamId, by: Option<UserId>, id: i64, edit: impl FnOnce(&mut Flag) + Send) -> ApiResult<Flag> {
        let edit = |flag: &mut Flag| -> ApiResult<()> {
            edit(flag);
            Ok(())
        };
        self.try_change(team, by, id, edit).await.map(|change| change.after)
    }

    /// Like [`change`](Self::change) with an edit that may refuse.
    pub async fn try_change(&self, team: TeamId, by: Option<UserId>, id: i64, edit: impl Edit) -> ApiResult<Change> {
        let cohorts = cohorts::store::of_team(&self.db, team).await?;
        let mut transaction = self.db.begin().await?;
        store::bump(&mut transaction, team).await?;
        let change = self.change_in(&mut transaction, &cohorts, (team, by, id), edit).await?;
        transaction.commit().await?;
        self.tell(&change, by).await;
        Ok(change)
    }

    /// Whether the edit would be accepted, and what would come out. Stores nothing.
    pub async fn try_out(&self, team: TeamId, id: i64, edit: impl Edit) -> ApiResult<Change> {
        let cohorts = cohorts::store::of_team(&self.db, team).await?;
        let mut transaction = self.db.begin().await?;
        let change = self.change_in(&mut transaction, &cohorts, (team, None, id), edit).await;
        transaction.rollback().await?;
        change
    }

    /// As part of a larger transaction, whose first statement was [`store::bump`]. After its commit the caller calls
    /// [`tell`](Self::tell).
    pub(crate) async fn change_in(
        &self,
        transaction: &mut Transaction,
        cohorts: &[Cohort],
        (team, by, id): (TeamId, Option<UserId>, i64),
        edit: impl Edit,
    ) -> ApiResult<Change> {
        let before = store::in_transaction(transaction, team, id).await?.ok_or_else(ApiError::not_found)?;
        let mut after = before.clone();
        edit(&mut after)?;
        filters::translate(&mut after.filters)?;
        early_access::hold(transaction, &mut after).await?;
        self.seal(&mut after, Some(&before))?;
        if after == before {
            return Ok(Change { before: before.clone(), after: before });
        }
        after.version = before.version + 1;
        (after.updated_by, after.updated_at) = (by, self.clock.now());
        check(transaction, &after, Some(&before), cohorts).await?;
        weigh(transaction, Some(&before), &after).await?;
        store::update(transaction, &after).await.map_err(taken)?;
        history::keep(transaction, &after, after.updated_at).await?;
        Ok(Change { before, after })
    }

    /// Lets this process and the activity log know of a change that was committed.
    pub(crate) async fn tell(&self, Change { before, after }: &Change, by: Option<UserId>) {
        if before == after {
            return;
        }
        self.changed(after.team);
        let activity = if after.deleted && !before.deleted { "deleted" } else { "updated" };
        let mut changes = changes(Some(before), after);
        if after.has_encrypted_payloads && after.filters["payloads"] != before.filters["payloads"] {
            let secret = json!({"type": SCOPE, "action": "changed", "field": "payloads", "before": "masked", "after": "masked"});
            changes.push(secret);
        }
        self.log(after, by, activity, changes).await;
    }

    /// Fails with 404 when there is no such flag or it is deleted.
    pub async fn flag(&self, team: TeamId, id: i64) -> ApiResult<Flag> {
        store::by_id(&self.db, team, id).await?.filter(|flag| !flag.deleted).ok_or_else(ApiError::not_found)
    }

    /// Keys of deleted flags are free, so that at most one flag has the key.
    pub async fn flag_by_key(&self, team: TeamId, key: &str) -> ApiResult<Option<Flag>> {
        Ok(store::by_key(&self.db, team, key).await?)
    }

    async fn log(&self, flag: &Flag, user: Option<UserId>, activity: &'static str, changes: Vec<Value>) {
        let organization = match self.teams.by_id(flag.team).await {
            Ok(Some(team)) => team.organization,
            Ok(None) => return,
            Err(error) => return tracing::warn!(error = format!("{error:#}"), "a flag's change was not logged"),
        };
        let item = flag.id.to_string();
        let entry = Entry { organization, team: Some(flag.team), user, scope: SCOPE, activity, item, name: &flag.key, changes };
        activity::record(&self.db, self.clock, entry).await;
    }
}

/// Changes a flag, or refuses to.
pub trait Edit: FnOnce(&mut Flag) -> ApiResult<()> + Send {}

impl<F: FnOnce(&mut Flag) -> ApiResult<()> + Send> Edit for F {}

/// A write of a flag. Both are equal when the edit changed nothing.
pub struct Change {
    pub before: Flag,
    pub after: Flag,
}

/// The activity log's word for flags.
pub const SCOPE: &str = "FeatureFlag";

impl NewFlag {
    fn into_flag(self, team: TeamId, by: Option<UserId>, now: Timestamp) -> Flag {
        Flag {
            id: 0,
            team,
            key: self.key,
            name: self.name,
            active: self.active,
            deleted: false,
            filters: self.filters,
            ensure_experience_continuity: self.ensure_experience_continuity,
            version: 1,
            bucketing_identifier: self.bucketing_identifier,
            evaluation_runtime: self.evaluation_runtime,
            evaluation_contexts: self.evaluation_contexts,
            is_remote_configuration: self.is_remote_configuration,
            has_encrypted_payloads: self.has_encrypted_payloads,
            has_experiment: self.has_experiment,
            is_internal: self.is_internal,
            tags: self.tags,
            created_by: by,
            created_at: now,
            updated_by: by,
            updated_at: now,
            last_called_at: None,
        }
    }
}

/// Fails with 400 when the project cannot have so many flags more.
pub(crate) async fn room_for(transaction: &mut Transaction, team: TeamId, more: usize) -> ApiResult<()> {
    match store::count(transaction, team).await?.saturating_add(more) {
        0..=MAX_FLAGS => Ok(()),
        _ => Err(ApiError::invalid(format!("A project can have at most {MAX_FLAGS} flags; delete some first."))),
    }
}

/// Keeps the sum of all filters, and keeps it bounded.
async fn weigh(transaction: &mut Transaction, before: Option<&Flag>, after: &Flag) -> ApiResult<()> {
    let bytes = |flag: &Flag| if flag.deleted { 0 } else { flag.filters.to_string().len() as i64 };
    let more = bytes(after) - before.map_or(0, bytes);
    if more == 0 || store::weigh(transaction, after.team, more).await? <= MAX_BYTES || more < 0 {
        return Ok(());
    }
    let detail =
        format!("The filters of all flags of a project can be {} MiB together; delete flags or make them smaller.", MAX_BYTES >> 20);
    Err(ApiError::invalid(detail).attr("filters"))
}

async fn check(transaction: &mut Transaction, flag: &Flag, before: Option<&Flag>, cohorts: &[Cohort]) -> ApiResult<()> {
    fields(flag)?;
    if flag.deleted {
        return match before {
            Some(before) if !before.deleted => still_used(transaction, flag).await,
            _ => Ok(()),
        };
    }
    let others = reachable(transaction, flag).await?;
    filters::check(flag, before, &Surroundings { flags: &others, cohorts })
}

/// The flags that this one asks about, those that they ask about, and so on.
async fn reachable(transaction: &mut Transaction, flag: &Flag) -> ApiResult<Vec<Flag>> {
    let mut open: Vec<i64> = dependencies::of(&flag.filters).into_iter().collect();
    let (mut seen, mut found) = (HashSet::new(), Vec::new());
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        if seen.len() > MAX_REACHABLE {
            let detail = format!("The flag depends on more than {MAX_REACHABLE} others, directly or through them.");
            return Err(ApiError::invalid(detail).attr("filters"));
        }
        if let Some(other) = store::in_transaction(transaction, flag.team, id).await?.filter(|other| !other.deleted) {
            open.extend(dependencies::of(&other.filters));
            found.push(other);
        }
    }
    Ok(found)
}

/// A flag that an experiment or an early access feature uses cannot be deleted.
async fn still_used(transaction: &mut Transaction, flag: &Flag) -> ApiResult<()> {
    let sql = "SELECT name FROM early_access_feature WHERE team_id = $1 AND flag_id = $2";
    if let Some(row) = transaction.fetch_optional(sql, args![flag.team, flag.id]).await? {
        let name: String = row.get("name")?;
        return Err(ApiError::invalid(format!("The early access feature {name:?} uses this flag. Delete that first.")));
    }
    let sql = "SELECT name FROM feature_flag_link WHERE team_id = $1 AND flag_id = $2 AND kind = 'experiment'";
    if let Some(row) = transaction.fetch_optional(sql, args![flag.team, flag.id]).await? {
        let name: String = row.get("name")?;
        return Err(ApiError::invalid(format!("The experiment {name:?} uses this flag. Delete that first.")));
    }
    Ok(())
}

/// Everything but the filters.
fn fields(flag: &Flag) -> ApiResult<()> {
    if flag.key.is_empty() {
        return Err(ApiError::validation("blank", "This field may not be blank.").attr("key"));
    }
    if flag.key.chars().count() > MAX_KEY_CHARS {
        return Err(ApiError::validation("max_length", format!("A key has at most {MAX_KEY_CHARS} characters.")).attr("key"));
    }
    if !flag.key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
        let detail = "A key consists of letters (a-z, A-Z), digits, hyphens and underscores.";
        return Err(ApiError::validation("invalid_key", detail).attr("key"));
    }
    if flag.name.chars().count() > MAX_NAME_CHARS {
        return Err(ApiError::validation("max_length", format!("A description has at most {MAX_NAME_CHARS} characters.")).attr("name"));
    }
    for (list, field) in [(&flag.tags, "tags"), (&flag.evaluation_contexts, "evaluation_contexts")] {
        if list.len() > MAX_TAGS || list.iter().any(|tag| tag.chars().count() > MAX_TAG_CHARS || tag.trim().is_empty()) {
            let detail = format!("At most {MAX_TAGS} names of 1 to {MAX_TAG_CHARS} characters are possible.");
            return Err(ApiError::invalid(detail).attr(field));
        }
    }
    if !["all", "client", "server"].contains(&flag.evaluation_runtime.as_str()) {
        return Err(ApiError::validation("invalid_choice", "Choose all, client or server.").attr("evaluation_runtime"));
    }
    if !matches!(flag.bucketing_identifier.as_deref(), None | Some("distinct_id" | "device_id")) {
        return Err(ApiError::validation("invalid_choice", "Choose distinct_id or device_id.").attr("bucketing_identifier"));
    }
    if flag.has_encrypted_payloads && !flag.is_remote_configuration {
        return Err(ApiError::invalid("Only remote configuration flags can have encrypted payloads.").attr("has_encrypted_payloads"));
    }
    Ok(())
}

fn taken(error: anyhow::Error) -> ApiError {
    match db::is_unique_violation(&error) {
        true => ApiError::validation("unique", "There is already a feature flag with this key.").attr("key"),
        false => error.into(),
    }
}

/// One entry per field that differs. Filters that are too long for the log are told part by part.
fn changes(before: Option<&Flag>, after: &Flag) -> Vec<Value> {
    let is_long = |flag: &Flag| flag.filters.to_string().len() > activity::MAX_VALUE_BYTES;
    let in_parts = is_long(after) || before.is_some_and(is_long);
    let before = before.map(|before| logged(before, in_parts)).unwrap_or_default();
    activity::changes(SCOPE, &before, &logged(after, in_parts))
}

/// The fields whose changes the activity log shows.
fn logged(flag: &Flag, in_parts: bool) -> Map<String, Value> {
    let mut fields = Map::from_iter(
        [
            ("key", json!(flag.key)),
            ("name", json!(flag.name)),
            ("active", json!(flag.active)),
            ("deleted", json!(flag.deleted)),
            ("ensure_experience_continuity", json!(flag.ensure_experience_continuity)),
            ("bucketing_identifier", json!(flag.bucketing_identifier)),
            ("evaluation_runtime", json!(flag.evaluation_runtime)),
            ("evaluation_contexts", json!(flag.evaluation_contexts)),
            ("is_remote_configuration", json!(flag.is_remote_configuration)),
            ("has_encrypted_payloads", json!(flag.has_encrypted_payloads)),
            ("tags", json!(flag.tags)),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    match wire::shown_filters(flag) {
        Value::Object(filters) if in_parts => {
            for (name, value) in filters {
                match value {
                    Value::Array(sets) if name == "groups" => {
                        fields.extend(sets.into_iter().enumerate().map(|(at, set)| (format!("filters.groups.{at}"), set)));
                    }
                    value => {
                        fields.insert(format!("filters.{name}"), value);
                    }
                }
            }
        }
        filters => {
            fields.insert("filters".to_owned(), filters);
        }
    }
    fields
}

#[cfg(test)]
mod tests;
