//! Projects and environments, which are the same thing under two names, and the same again inside an organization.

use crate::level::Level;
use crate::organization::Organization;
use crate::projects::{self, ProjectChange};
use crate::{AccountsState, fields, wire};
use activity::Entry;
use axum::extract::{FromRequestParts, OriginalUri, Path, State};
use axum::routing::{MethodRouter, get, patch};
use axum::{Json, Router};
use http::StatusCode;
use http::request::Parts;
use model::UserId;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use teams::Team;
use web::{Access, ApiError, ApiResult, Body, Caller, Page, SignedIn, paginated};

type Route = MethodRouter<AccountsState>;

pub(super) fn routes() -> Router<AccountsState> {
    let mut router = Router::new();
    for prefix in ["/api/projects", "/api/environments"] {
        router = under(router, prefix, get(list).post(create));
    }
    under(router, "/api/organizations/{organization_id}/projects", get(list_of_organization).post(create_in_organization))
}

fn under(router: Router<AccountsState>, prefix: &str, collection: Route) -> Router<AccountsState> {
    let one = |rest: &str| format!("{prefix}/{{project_id}}{rest}");
    router
        .route(prefix, collection)
        .route(&one(""), get(show).patch(change).put(change).delete(remove))
        .route(&one("/reset_token"), patch(reset_token))
        .route(&one("/rotate_secret_token"), patch(rotate_secret))
        .route(&one("/delete_secret_token_backup"), patch(delete_secret_backup))
        .route(&one("/add_product_intent"), patch(add_intent).post(add_intent))
        .route(&one("/complete_product_onboarding"), patch(complete_onboarding).post(complete_onboarding))
        .route(&one("/is_generating_demo_data"), get(is_generating_demo_data))
        .route(&one("/activity"), get(activity_of_project))
        .route(&one("/event_ingestion_restrictions"), get(no_restrictions))
}

/// The project of the path. Under an organization it must also be one of that organization.
struct Project(Access);

impl FromRequestParts<AccountsState> for Project {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AccountsState) -> ApiResult<Self> {
        let access = Access::from_request_parts(parts, state).await?;
        let Ok(params) = axum::extract::RawPathParams::from_request_parts(parts, state).await else {
            return Err(ApiError::not_found());
        };
        let Some(organization) = params.iter().find(|(name, _)| *name == "organization_id").map(|(_, text)| text.to_owned()) else {
            return Ok(Project(access));
        };
        let user = access.user().ok_or_else(ApiError::not_found)?;
        let (organization, _) = state.organization(&access.caller, user, &organization).await?;
        match organization.id == access.team.organization {
            true => Ok(Project(access)),
            false => Err(ApiError::not_found_as("Project not found.")),
        }
    }
}

impl Project {
    async fn answer(&self, state: &AccountsState, team: &Arc<Team>) -> ApiResult<Json<Value>> {
        Ok(Json(wire::project(state, team, self.0.level, self.0.user()).await?))
    }

    async fn log(&self, state: &AccountsState, activity: &'static str, changes: Vec<Value>) {
        log(state, &self.0.team, self.0.user(), activity, changes).await;
    }

    /// Logs how `after` differs from the project as the request found it.
    async fn log_changes(&self, state: &AccountsState, after: &Arc<Team>) -> ApiResult<()> {
        let object = async |team: &Arc<Team>| match self.answer(state, team).await? {
            Json(Value::Object(mut object)) => {
                object.retain(|name, _| !matches!(name.as_str(), "updated_at" | "live_events_token"));
                Ok(object)
            }
            Json(_) => Ok::<_, ApiError>(Map::new()),
        };
        let changes = activity::changes("Team", &object(&self.0.team).await?, &object(after).await?);
        if !changes.is_empty() {
            self.log(state, "updated", changes).await;
        }
        Ok(())
    }
}

async fn log(state: &AccountsState, team: &Team, user: Option<UserId>, activity: &'static str, changes: Vec<Value>) {
    let (organization, item) = (team.organization, team.id.to_string());
    let entry = Entry { organization, team: Some(team.id), user, scope: "Team", activity, item, name: &team.name, changes };
    activity::record(&state.db, state.clock, entry).await;
}

async fn page_of(
    state: &AccountsState,
    me: &SignedIn,
    organization: &Organization,
    page: &Page,
    uri: &http::Uri,
) -> ApiResult<Json<Value>> {
    let mut teams = state.teams.of_organization(organization.id).await?;
    teams.retain(|team| wire::key_reaches_team(&me.caller, team));
    let results = teams.iter().skip(page.offset).take(page.limit).map(wire::project_basic).collect();
    Ok(paginated(page, teams.len(), results, uri))
}

/// The projects of the caller's current organization.
async fn list(State(state): State<AccountsState>, me: SignedIn, page: Page, OriginalUri(uri): OriginalUri) -> ApiResult<Json<Value>> {
    me.require("project:read")?;
    let (organization, _) = state.organization(&me.caller, me.user, "@current").await?;
    page_of(&state, &me, &organization, &page, &uri).await
}

async fn list_of_organization(
    State(state): State<AccountsState>,
    Path(id): Path<String>,
    me: SignedIn,
    page: Page,
    OriginalUri(uri): OriginalUri,
) -> ApiResult<Json<Value>> {
    me.require("project:read")?;
    let (organization, _) = state.organization(&me.caller, me.user, &id).await?;
    page_of(&state, &me, &organization, &page, &uri).await
}

async fn create(State(state): State<AccountsState>, me: SignedIn, Body(body): Body<Value>) -> ApiResult<(StatusCode, Json<Value>)> {
    make(&state, &me, "@current", body).await
}

async fn create_in_organization(
    State(state): State<AccountsState>,
    Path(id): Path<String>,
    me: SignedIn,
    Body(body): Body<Value>,
) -> ApiResult<(StatusCode, Json<Value>)> {
    make(&state, &me, &id, body).await
}

async fn make(state: &AccountsState, me: &SignedIn, organization: &str, body: Value) -> ApiResult<(StatusCode, Json<Value>)> {
    me.require("project:write")?;
    let (organization, level) = state.organization(&me.caller, me.user, organization).await?;
    level.require(Level::Admin)?;
    if let Caller::PersonalKey { limits, .. } = &me.caller
        && limits.teams.is_some()
    {
        return Err(ApiError::forbidden("API keys with scoped projects cannot create projects."));
    }
    let team = projects::create_from(state, &organization, &fields::object(body)?).await?;
    log(state, &team, Some(me.user), "created", Vec::new()).await;
    Ok((StatusCode::CREATED, Json(wire::project(state, &team, level as u8, Some(me.user)).await?)))
}

async fn show(State(state): State<AccountsState>, project: Project) -> ApiResult<Json<Value>> {
    project.0.require("project:read")?;
    project.answer(&state, &project.0.team).await
}

async fn change(State(state): State<AccountsState>, project: Project, Body(body): Body<Value>) -> ApiResult<Json<Value>> {
    project.0.require("project:write")?;
    let change = ProjectChange::read(&fields::object(body)?)?;
    let team = update(&state, &project, |team| change.apply(team)).await?;
    project.log_changes(&state, &team).await?;
    project.answer(&state, &team).await
}

async fn update(state: &AccountsState, project: &Project, change: impl FnOnce(&mut Team)) -> ApiResult<Arc<Team>> {
    let team = state.teams.update(project.0.team.id, state.clock.now(), change).await?;
    team.ok_or_else(|| ApiError::not_found_as("Project not found."))
}

async fn remove(State(state): State<AccountsState>, project: Project) -> ApiResult<StatusCode> {
    project.0.require("project:write")?;
    project.0.require_admin()?;
    state.teams.delete(project.0.team.id).await?;
    project.log(&state, "deleted", Vec::new()).await;
    Ok(StatusCode::NO_CONTENT)
}

async fn reset_token(State(state): State<AccountsState>, project: Project) -> ApiResult<Json<Value>> {
    project.0.require("project:write")?;
    project.0.require_admin()?;
    let team = state.teams.reset_token(project.0.team.id, state.clock.now()).await?;
    let team = team.ok_or_else(ApiError::not_found)?;
    project.log_changes(&state, &team).await?;
    project.answer(&state, &team).await
}

/// The answer holds the new secret in full, once.
async fn rotate_secret(State(state): State<AccountsState>, project: Project) -> ApiResult<Json<Value>> {
    project.0.require("project:write")?;
    project.0.require_admin()?;
    let rotated = state.teams.rotate_secret(project.0.team.id, state.clock.now()).await?;
    let (team, secret) = rotated.ok_or_else(ApiError::not_found)?;
    project.log_changes(&state, &team).await?;
    let Json(mut body) = project.answer(&state, &team).await?;
    body["secret_api_token"] = json!(secret);
    Ok(Json(body))
}

async fn delete_secret_backup(State(state): State<AccountsState>, project: Project) -> ApiResult<Json<Value>> {
    project.0.require("project:write")?;
    project.0.require_admin()?;
    let team = state.teams.delete_secret_backup(project.0.team.id, state.clock.now()).await?;
    let team = team.ok_or_else(ApiError::not_found)?;
    project.log_changes(&state, &team).await?;
    project.answer(&state, &team).await
}

/// Remembers that someone means to use a product: `{product_type, intent_context?}`.
async fn add_intent(State(state): State<AccountsState>, project: Project, Body(body): Body<Value>) -> ApiResult<(StatusCode, Json<Value>)> {
    project.0.require("project:write")?;
    let product = fields::required_text(&fields::object(body)?, "product_type", 100)?;
    let now = state.clock.now();
    let team =
        update(&state, &project, |team| note_intent(&mut team.settings, &product, json!({"updated_at": now}), now.to_string())).await?;
    Ok((StatusCode::CREATED, project.answer(&state, &team).await?))
}

async fn complete_onboarding(State(state): State<AccountsState>, project: Project, Body(body): Body<Value>) -> ApiResult<Json<Value>> {
    project.0.require("project:write")?;
    let product = fields::required_text(&fields::object(body)?, "product_type", 100)?;
    let now = state.clock.now();
    let team = update(&state, &project, |team| {
        note_intent(&mut team.settings, &product, json!({"onboarding_completed_at": now, "updated_at": now}), now.to_string());
        let done = team.settings.entry("has_completed_onboarding_for").or_insert(Value::Null);
        if !done.is_object() {
            *done = json!({});
        }
        done[&product] = json!(true);
    });
    project.answer(&state, &team.await?).await
}

/// Merges into the product's entry of `product_intents`, made on first sight. Bounded, because the names are the client's.
fn note_intent(settings: &mut Map<String, Value>, product: &str, change: Value, now: String) {
    const MAX_INTENTS: usize = 100;
    let intents = settings.entry("product_intents").or_insert_with(|| json!([]));
    let Some(intents) = intents.as_array_mut() else {
        return;
    };
    let at = intents.iter().position(|intent| intent["product_type"] == product).or_else(|| {
        let fresh = json!({"product_type": product, "created_at": now, "onboarding_completed_at": null, "updated_at": now});
        (intents.len() < MAX_INTENTS).then(|| {
            intents.push(fresh);
            intents.len() - 1
        })
    });
    if let (Some(at), Value::Object(change)) = (at, change)
        && let Some(intent) = intents[at].as_object_mut()
    {
        intent.extend(change);
    }
}

/// Demo data is made by the server's own command, before the project shows up.
async fn is_generating_demo_data(project: Project) -> ApiResult<Json<Value>> {
    project.0.require("project:read")?;
    Ok(Json(json!({"is_generating_demo_data": false})))
}

/// What was done to this project itself.
async fn activity_of_project(
    State(state): State<AccountsState>,
    project: Project,
    page: Page,
    OriginalUri(uri): OriginalUri,
) -> ApiResult<Json<Value>> {
    project.0.require("activity_log:read")?;
    let filter = activity::Filter { scopes: vec!["Team".to_owned()], item: Some(project.0.team.id.to_string()), user: None };
    let (count, results) = super::activity::page_of(&state, &project.0, &filter, &page).await?;
    let Json(mut body) = paginated(&page, count, results, &uri);
    body["total_count"] = json!(count);
    Ok(Json(body))
}

async fn no_restrictions(project: Project) -> ApiResult<Json<Value>> {
    project.0.require("project:read")?;
    Ok(Json(json!([])))
}
