//! A project's flags as a file: exported, kept under version control, imported again or elsewhere.

use crate::manage::portable::{Place, References};
use crate::manage::{Change, NewFlag, room_for, wire};
use crate::{Flag, Flags, store};
use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use cohorts::Cohort;
use db::Transaction;
use http::header;
use model::{TeamId, UserId};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{HashMap, HashSet};
use web::{Access, ApiError, ApiResult, Body};

use super::draft::Draft;

/// The version of the file's form.
const FORM: u64 = 1;
const MAX_FLAGS: usize = 10_000;

/// Every flag that the list shows, in the order of keys, without what differs from project to project.
pub async fn export(State(state): State<Flags>, access: Access) -> ApiResult<Response> {
    access.require("feature_flag:read")?;
    let mut flags = store::of_team(&state.db, access.team.id).await?;
    flags.retain(|flag| !flag.is_internal);
    let references = References::of(&state, access.team.id, &flags).await?;
    let shown: Vec<Value> = flags.iter().map(|flag| Value::Object(fields(flag))).collect();
    let file = json!({"hoglet_flags": FORM, "references": references, "flags": shown});
    let text = serde_json::to_string_pretty(&file).map_err(anyhow::Error::from)?;
    let kind = [(header::CONTENT_TYPE, "application/json"), (header::CONTENT_DISPOSITION, "attachment; filename=\"flags.json\"")];
    Ok((kind, text).into_response())
}

/// What a file holds of a flag. Encrypted payloads are redacted; where the flag exists, they stay as they are.
fn fields(flag: &Flag) -> Map<String, Value> {
    let fields = json!({
        "key": flag.key,
        "name": flag.name,
        "active": flag.active,
        "filters": wire::shown_filters(flag),
        "ensure_experience_continuity": flag.ensure_experience_continuity,
        "bucketing_identifier": flag.bucketing_identifier,
        "evaluation_runtime": flag.evaluation_runtime,
        "evaluation_contexts": flag.evaluation_contexts,
        "is_remote_configuration": flag.is_remote_configuration,
        "has_encrypted_payloads": flag.has_encrypted_payloads,
        "tags": flag.tags,
    });
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

#[derive(Deserialize)]
pub struct File {
    #[serde(default)]
    hoglet_flags: Option<u64>,
    #[serde(default)]
    references: References,
    /// PostHog's list of flags, saved as a file, can be imported too.
    #[serde(alias = "results")]
    flags: Vec<Draft>,
}

#[derive(Default, Deserialize)]
pub struct Options {
    dry_run: Option<String>,
}

/// Creates flags whose key is new and changes the others; flags that the file does not name stay. All or nothing: with one error,
/// nothing is changed and the answer is 400 with every error. `?dry_run=true` answers the same and changes nothing.
///
/// `{"dry_run", "flags": [{"key", "action": "create|update|unchanged|error", "changes": […], "detail"?}], "created", "updated", "unchanged"}`
pub async fn import(
    State(state): State<Flags>,
    access: Access,
    Query(options): Query<Options>,
    Body(file): Body<File>,
) -> ApiResult<Json<Value>> {
    access.require("feature_flag:write")?;
    let dry_run = options.dry_run.is_some_and(|value| matches!(value.as_str(), "true" | "1"));
    if file.hoglet_flags.is_some_and(|form| form > FORM) {
        return Err(
            ApiError::invalid("The file was written by a newer Hoglet, in a form that this one does not know.").attr("hoglet_flags")
        );
    }
    if file.flags.len() > MAX_FLAGS {
        return Err(ApiError::invalid(format!("At most {MAX_FLAGS} flags can be imported at once.")).attr("flags"));
    }
    let cohorts = cohorts::store::of_team(&state.db, access.team.id).await?;
    let place = Place::of(&state, access.team.id, &cohorts).await?;
    let mut transaction = state.db.begin().await?;
    store::bump(&mut transaction, access.team.id).await?;
    let mut import = Import { state: &state, team: access.team.id, by: access.user(), cohorts: &cohorts, place, written: Vec::new() };
    let steps = import.run(&mut transaction, file).await?;
    let failed = steps.iter().filter(|step| step["action"] == "error").count();
    if failed > 0 && !dry_run {
        transaction.rollback().await?;
        let detail = format!("{failed} of the flags cannot be imported, so that nothing was changed.");
        return Err(ApiError::invalid(detail).attr("flags").with("flags", steps));
    }
    if dry_run {
        transaction.rollback().await?;
    } else {
        transaction.commit().await?;
        for written in &import.written {
            match written {
                Written::New(flag) => state.tell_new(flag, access.user()).await,
                Written::Changed(change) => state.tell(change, access.user()).await,
            }
        }
    }
    let count = |action: &str| steps.iter().filter(|step| step["action"] == action).count();
    let (created, updated, unchanged) = (count("create"), count("update"), count("unchanged"));
    Ok(Json(json!({"dry_run": dry_run, "flags": steps, "created": created, "updated": updated, "unchanged": unchanged})))
}

enum Written {
    New(Flag),
    Changed(Change),
}

pub struct Import<'a> {
    state: &'a Flags,
    team: TeamId,
    by: Option<UserId>,
    cohorts: &'a [Cohort],
    place: Place,
    written: Vec<Written>,
}

impl Import<'_> {
    /// One step per flag. Flags come after those that they depend on; where that is impossible, in the file's order.
    async fn run(&mut self, transaction: &mut Transaction, file: File) -> ApiResult<Vec<Value>> {
        let known: HashSet<String> = store::keys(transaction, self.team).await?;
        let is_new = |draft: &&Draft| draft.key.as_ref().is_some_and(|key| !known.contains(key));
        room_for(transaction, self.team, file.flags.iter().filter(is_new).count()).await?;
        let mut waiting = file.flags;
        let mut steps = Vec::with_capacity(waiting.len());
        while !waiting.is_empty() {
            let keys: Vec<String> = waiting.iter().filter_map(|draft| draft.key.clone()).collect();
            let must_wait = |draft: &Draft| {
                let needed = draft.filters.as_ref().map(|filters| file.references.flags_of(filters)).unwrap_or_default();
                needed.iter().any(|needed| Some(*needed) != draft.key.as_deref() && keys.iter().any(|key| key == needed))
            };
            let (later, mut now): (Vec<Draft>, Vec<Draft>) = waiting.into_iter().partition(must_wait);
            waiting = later;
            if now.is_empty() {
                // A circle: storing it says so.
                now = std::mem::take(&mut waiting);
            }
            for draft in now {
                steps.push(self.step(transaction, &file.references, draft).await?);
            }
        }
        Ok(steps)
    }

    async fn step(&mut self, transaction: &mut Transaction, references: &References, draft: Draft) -> ApiResult<Value> {
        let key = draft.key.clone().unwrap_or_default();
        match self.write(transaction, references, draft).await {
            Ok((action, changes)) => Ok(json!({"key": key, "action": action, "changes": changes})),
            Err(error) if error.status().is_server_error() => Err(error),
            Err(error) => Ok(json!({"key": key, "action": "error", "changes": [], "detail": error.detail()})),
        }
    }

    async fn write(
        &mut self,
        transaction: &mut Transaction,
        references: &References,
        mut draft: Draft,
    ) -> ApiResult<(&'static str, Vec<Value>)> {
        let key = draft.key.clone().ok_or_else(|| ApiError::required("key"))?;
        if let Some(filters) = &mut draft.filters {
            let mut flags = HashMap::new();
            for needed in references.flags_of(filters) {
                if let Some(flag) = store::by_key_in_transaction(transaction, self.team, needed).await? {
                    flags.insert(needed.to_owned(), flag.id);
                }
            }
            references.settle(filters, &self.place, &flags)?;
        }
        draft.version = None;
        draft.deleted = None;
        match store::by_key_in_transaction(transaction, self.team, &key).await? {
            None => {
                let new: NewFlag = draft.into_new()?;
                let flag = self.state.create_in(transaction, self.cohorts, (self.team, self.by), new).await?;
                let changes = activity::changes(crate::manage::SCOPE, &Map::new(), &fields(&flag));
                self.written.push(Written::New(flag));
                Ok(("create", changes))
            }
            Some(stored) => {
                let edit = |flag: &mut Flag| draft.apply(flag);
                let change = self.state.change_in(transaction, self.cohorts, (self.team, self.by, stored.id), edit).await?;
                let changes = activity::changes(crate::manage::SCOPE, &fields(&change.before), &fields(&change.after));
                let action = if change.before == change.after { "unchanged" } else { "update" };
                self.written.push(Written::Changed(change));
                Ok((action, changes))
            }
        }
    }
}
