//! A flag in several projects of one organization.

use crate::manage::portable::{Place, References};
use crate::manage::{NewFlag, wire};
use crate::{Flag, Flags, store};
use axum::Json;
use axum::extract::{Path, State};
use model::{OrganizationId, TeamId};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use teams::Team;
use web::{ApiError, ApiResult, Body, Caller, SignedIn};

const MAX_TARGETS: usize = 50;

#[derive(Deserialize)]
pub struct Copy {
    feature_flag_key: String,
    from_project: i64,
    target_project_ids: Vec<i64>,
}

/// Makes the flag in each target, or makes the target's flag of the same key like it. `{"success": [flag…], "failed": [{"project_id",
/// "error_message"}]}`: each project for itself.
pub async fn copy(
    State(state): State<Flags>,
    caller: SignedIn,
    Path(organization): Path<String>,
    Body(copy): Body<Copy>,
) -> ApiResult<Json<Value>> {
    caller.require("feature_flag:write")?;
    if copy.target_project_ids.len() > MAX_TARGETS {
        return Err(ApiError::invalid(format!("At most {MAX_TARGETS} projects at once.")).attr("target_project_ids"));
    }
    let source = project(&state, &caller, TeamId(copy.from_project)).await.map_err(|error| error.attr("from_project"))?;
    if organization != "@current" && organization.parse().ok() != Some(source.organization.0) {
        return Err(ApiError::not_found_as("The project to copy from is not in this organization.").attr("from_project"));
    }
    let flag = state.flag_by_key(source.id, &copy.feature_flag_key).await?.filter(|flag| !flag.is_internal);
    let flag = flag.ok_or_else(|| ApiError::not_found_as("There is no flag with this key in the project to copy from."))?;
    let references = References::of(&state, source.id, std::slice::from_ref(&flag)).await?;
    let (mut success, mut failed) = (Vec::new(), Vec::new());
    for id in copy.target_project_ids {
        let result = match TeamId(id) {
            same if same == source.id => Err(ApiError::invalid("This is the project that the flag is copied from.")),
            target => copy_into(&state, &caller, (source.organization, target), &flag, &references).await,
        };
        match result {
            Ok(shown) => success.push(shown),
            Err(error) if error.status().is_server_error() => return Err(error),
            Err(error) => failed.push(json!({"project_id": id, "error_message": error.detail(), "errors": error.detail()})),
        }
    }
    Ok(Json(json!({"success": success, "failed": failed})))
}

async fn copy_into(
    state: &Flags,
    caller: &SignedIn,
    (organization, target): (OrganizationId, TeamId),
    flag: &Flag,
    references: &References,
) -> ApiResult<Value> {
    let team = project(state, caller, target).await?;
    if team.organization != organization {
        return Err(ApiError::not_found_as(format!("There is no project {target} in this organization.")));
    }
    let there = store::of_team(&state.db, team.id).await?;
    let ids: HashMap<String, i64> = there.iter().map(|flag| (flag.key.clone(), flag.id)).collect();
    let cohorts = cohorts::store::of_team(&state.db, team.id).await?;
    let mut filters = state.unseal(flag)?;
    references.settle(&mut filters, &Place::of(state, team.id, &cohorts).await?, &ids)?;
    let copied = match ids.get(&flag.key) {
        Some(&id) => state.change(team.id, Some(caller.user), id, |other| become_like(other, flag, filters)).await?,
        None => {
            let new = NewFlag {
                key: flag.key.clone(),
                name: flag.name.clone(),
                filters,
                active: flag.active,
                ensure_experience_continuity: flag.ensure_experience_continuity,
                bucketing_identifier: flag.bucketing_identifier.clone(),
                evaluation_runtime: flag.evaluation_runtime.clone(),
                evaluation_contexts: flag.evaluation_contexts.clone(),
                is_remote_configuration: flag.is_remote_configuration,
                has_encrypted_payloads: flag.has_encrypted_payloads,
                tags: flag.tags.clone(),
                ..NewFlag::default()
            };
            state.create(team.id, Some(caller.user), new).await?
        }
    };
    let mut shown = wire::Context::of_flag(state, &team, &copied).await?.flag(&copied);
    shown["team_id"] = json!(team.id);
    Ok(shown)
}

fn become_like(other: &mut Flag, flag: &Flag, filters: Value) {
    other.name = flag.name.clone();
    other.filters = filters;
    other.active = flag.active;
    other.ensure_experience_continuity = flag.ensure_experience_continuity;
    other.bucketing_identifier = flag.bucketing_identifier.clone();
    other.evaluation_runtime = flag.evaluation_runtime.clone();
    other.evaluation_contexts = flag.evaluation_contexts.clone();
    other.is_remote_configuration = flag.is_remote_configuration;
    other.has_encrypted_payloads = flag.has_encrypted_payloads;
    other.tags = flag.tags.clone();
}

/// The projects of the organization that have a flag with this key: `[{"flag_id", "team_id", "active", …}]`.
pub async fn everywhere(
    State(state): State<Flags>,
    caller: SignedIn,
    Path((organization, key)): Path<(String, String)>,
) -> ApiResult<Json<Value>> {
    caller.require("feature_flag:read")?;
    let organization = match organization.parse() {
        Ok(id) => OrganizationId(id),
        Err(_) => return Err(ApiError::not_found()),
    };
    let mut found = Vec::new();
    for team in state.teams.of_organization(organization).await? {
        if !may_use(&state, &caller, &team).await? {
            continue;
        }
        if let Some(flag) = state.flag_by_key(team.id, &key).await?.filter(|flag| !flag.is_internal) {
            let creator = match flag.created_by {
                Some(user) => (state.users)(user).await?,
                None => None,
            };
            found.push(json!({
                "flag_id": flag.id,
                "team_id": team.id,
                "created_by": creator,
                "filters": wire::shown_filters(&flag),
                "created_at": flag.created_at,
                "active": flag.active,
            }));
        }
    }
    Ok(Json(found.into()))
}

/// A project that the caller may change.
async fn project(state: &Flags, caller: &SignedIn, id: TeamId) -> ApiResult<Arc<Team>> {
    match state.teams.by_id(id).await? {
        Some(team) if may_use(state, caller, &team).await? => Ok(team),
        _ => Err(ApiError::not_found_as(format!("There is no project {id} in this organization."))),
    }
}

async fn may_use(state: &Flags, caller: &SignedIn, team: &Team) -> ApiResult<bool> {
    if let Caller::PersonalKey { limits, .. } = &caller.caller {
        let outside = limits.teams.as_ref().is_some_and(|teams| !teams.contains(&team.id))
            || limits.organizations.as_ref().is_some_and(|organizations| !organizations.contains(&team.organization));
        if outside {
            return Ok(false);
        }
    }
    state.authenticator.may_see(caller.user, team.id).await
}
