use crate::level::Level;
use crate::wire::{self, ORGANIZATION_FIELDS};
use crate::{AccountsState, Organization, fields, organization, projects, signup, user};
use activity::Entry;
use axum::extract::{OriginalUri, Path, State};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use serde_json::Value;
use web::{ApiError, ApiResult, Body, Page, SignedIn, paginated};

pub(super) fn routes() -> Router<AccountsState> {
    Router::new()
        .route("/api/organizations", get(list).post(create))
        .route("/api/organizations/{organization_id}", get(show).patch(change).put(change).delete(remove))
}

async fn list(State(state): State<AccountsState>, me: SignedIn, page: Page, OriginalUri(uri): OriginalUri) -> ApiResult<Json<Value>> {
    me.require("organization:read")?;
    let mut organizations = organization::of_user(&state.db, me.user).await?;
    organizations.retain(|(organization, _)| wire::key_reaches_organization(&me.caller, organization));
    let count = organizations.len();
    let mut results = Vec::new();
    for (organization, level) in organizations.iter().skip(page.offset).take(page.limit) {
        results.push(wire::organization(&state, organization, *level, &me.caller).await?);
    }
    Ok(paginated(&page, count, results, &uri))
}

async fn show(State(state): State<AccountsState>, Path(id): Path<String>, me: SignedIn) -> ApiResult<Json<Value>> {
    me.require("organization:read")?;
    let (organization, level) = state.organization(&me.caller, me.user, &id).await?;
    Ok(Json(wire::organization(&state, &organization, level, &me.caller).await?))
}

/// Another organization with a first project, where the instance allows several. Its founder moves there.
async fn create(State(state): State<AccountsState>, me: SignedIn, Body(body): Body<Value>) -> ApiResult<(StatusCode, Json<Value>)> {
    me.require("organization:write")?;
    if !state.multi_org {
        return Err(signup::closed());
    }
    let body = fields::object(body)?;
    let name = fields::required_text(&body, "name", 64)?;
    let settings = fields::read(ORGANIZATION_FIELDS, &body)?;
    let now = state.clock.now();
    let mut transaction = state.db.begin().await?;
    let mut made = organization::insert(&mut transaction, &name, now).await?;
    organization::join(&mut transaction, made.id, me.user, Level::Owner, now).await?;
    let team = state.teams.create_in(&mut transaction, projects::first_settings(made.id, "Default project"), now).await?;
    user::set_current(&mut transaction, me.user, made.id, Some(team.id)).await?;
    transaction.commit().await?;
    state.teams.invalidate(team.id);
    made.settings.extend(settings);
    organization::save(&state.db, &made, now).await?;
    Ok((StatusCode::CREATED, Json(wire::organization(&state, &made, Level::Owner, &me.caller).await?)))
}

async fn change(
    State(state): State<AccountsState>,
    Path(id): Path<String>,
    me: SignedIn,
    Body(body): Body<Value>,
) -> ApiResult<Json<Value>> {
    me.require("organization:write")?;
    let (mut organization, level) = state.organization(&me.caller, me.user, &id).await?;
    level.require(Level::Admin)?;
    let before = organization.clone();
    let body = fields::object(body)?;
    let settings = fields::read(ORGANIZATION_FIELDS, &body)?;
    if body.contains_key("name") {
        organization.name = fields::required_text(&body, "name", 64)?;
    }
    organization.settings.extend(settings);
    organization.updated_at = state.clock.now();
    organization::save(&state.db, &organization, organization.updated_at).await?;
    log_changes(&state, &me, &before, &organization).await;
    Ok(Json(wire::organization(&state, &organization, level, &me.caller).await?))
}

async fn log_changes(state: &AccountsState, me: &SignedIn, before: &Organization, after: &Organization) {
    let object = |organization: &Organization| {
        let mut object = organization.settings.clone();
        object.insert("name".to_owned(), organization.name.clone().into());
        object
    };
    let changes = activity::changes("Organization", &object(before), &object(after));
    if changes.is_empty() {
        return;
    }
    let (organization, item) = (after.id, after.id.to_string());
    let (user, scope, activity, name) = (Some(me.user), "Organization", "updated", after.name.as_str());
    activity::record(&state.db, state.clock, Entry { organization, team: None, user, scope, activity, item, name, changes }).await;
}

async fn remove(State(state): State<AccountsState>, Path(id): Path<String>, me: SignedIn) -> ApiResult<StatusCode> {
    me.require("organization:write")?;
    let (organization, level) = state.organization(&me.caller, me.user, &id).await?;
    level.require(Level::Owner)?;
    super::require_recent_session(&me.caller, state.clock.now())?;
    if !state.multi_org {
        let detail = "This is the only organization of this instance. Delete its projects instead, or the data directory to begin anew.";
        return Err(ApiError::conflict(detail));
    }
    for team in state.teams.of_organization(organization.id).await? {
        state.teams.delete(team.id).await?;
    }
    organization::delete(&state.db, organization.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
