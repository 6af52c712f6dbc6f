use crate::keys::{self, Key, KeyChoice};
use crate::{AccountsState, fields, organization, wire};
use activity::Entry;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use model::{OrganizationId, TeamId};
use serde_json::{Map, Value, json};
use web::{ApiError, ApiResult, Body, Caller, SignedIn};

pub(super) fn routes() -> Router<AccountsState> {
    Router::new()
        .route("/api/personal_api_keys", get(list).post(create))
        .route("/api/personal_api_keys/{id}", get(show).patch(change).put(change).delete(remove))
        .route("/api/personal_api_keys/{id}/roll", post(roll))
}

/// Keys are managed in the browser: a leaked key must not be able to make itself successors.
fn require_session(me: &SignedIn) -> ApiResult<()> {
    match me.caller {
        Caller::Session { .. } => Ok(()),
        _ => Err(ApiError::forbidden("This action does not support Personal API Key access")),
    }
}

async fn list(State(state): State<AccountsState>, me: SignedIn) -> ApiResult<Json<Value>> {
    require_session(&me)?;
    let keys = keys::of_user(&state.db, me.user).await?;
    Ok(Json(keys.iter().map(|key| wire::key(key, None)).collect()))
}

async fn find(state: &AccountsState, me: &SignedIn, id: &str) -> ApiResult<Key> {
    keys::by_id(&state.db, me.user, id).await?.ok_or_else(ApiError::not_found)
}

/// `@current` describes the key that asks, whatever its scopes.
async fn show(State(state): State<AccountsState>, Path(id): Path<String>, me: SignedIn) -> ApiResult<Json<Value>> {
    if let (Caller::PersonalKey { key, .. }, "@current") = (&me.caller, id.as_str()) {
        let mut body = wire::key(&find(&state, &me, key).await?, None);
        // Clients take these for lists without looking.
        for name in ["scoped_teams", "scoped_organizations"] {
            if body[name].is_null() {
                body[name] = json!([]);
            }
        }
        return Ok(Json(body));
    }
    require_session(&me)?;
    Ok(Json(wire::key(&find(&state, &me, &id).await?, None)))
}

async fn create(State(state): State<AccountsState>, me: SignedIn, Body(body): Body<Value>) -> ApiResult<(StatusCode, Json<Value>)> {
    super::require_recent_session(&me.caller, state.clock.now())?;
    let choice = read_choice(&state, &me, &fields::object(body)?, None).await?;
    let value = teams::random_token(keys::PREFIX);
    let mut transaction = state.db.begin().await?;
    let key = keys::insert(&mut transaction, me.user, &choice, &value, state.clock.now()).await?;
    transaction.commit().await?;
    log(&state, &me, &key.id, &key.label, "created").await?;
    Ok((StatusCode::CREATED, Json(wire::key(&key, Some(&value)))))
}

async fn change(
    State(state): State<AccountsState>,
    Path(id): Path<String>,
    me: SignedIn,
    Body(body): Body<Value>,
) -> ApiResult<Json<Value>> {
    super::require_recent_session(&me.caller, state.clock.now())?;
    let key = find(&state, &me, &id).await?;
    let choice = read_choice(&state, &me, &fields::object(body)?, Some(key)).await?;
    keys::update(&state.db, me.user, &id, &choice).await?;
    log(&state, &me, &id, &choice.label, "updated").await?;
    Ok(Json(wire::key(&find(&state, &me, &id).await?, None)))
}

async fn roll(State(state): State<AccountsState>, Path(id): Path<String>, me: SignedIn) -> ApiResult<Json<Value>> {
    super::require_recent_session(&me.caller, state.clock.now())?;
    let value = teams::random_token(keys::PREFIX);
    if !keys::roll(&state.db, me.user, &id, &value, state.clock.now()).await? {
        return Err(ApiError::not_found());
    }
    let key = find(&state, &me, &id).await?;
    log(&state, &me, &id, &key.label, "rolled").await?;
    Ok(Json(wire::key(&key, Some(&value))))
}

async fn remove(State(state): State<AccountsState>, Path(id): Path<String>, me: SignedIn) -> ApiResult<StatusCode> {
    super::require_recent_session(&me.caller, state.clock.now())?;
    let key = find(&state, &me, &id).await?;
    if !keys::delete(&state.db, me.user, &id).await? {
        return Err(ApiError::not_found());
    }
    log(&state, &me, &id, &key.label, "deleted").await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A key belongs to a person, so each of their organizations learns of it.
async fn log(state: &AccountsState, me: &SignedIn, key: &str, name: &str, activity: &'static str) -> ApiResult<()> {
    for (organization, _) in organization::of_user(&state.db, me.user).await? {
        let (organization, item, scope) = (organization.id, key.to_owned(), "PersonalAPIKey");
        let entry = Entry { organization, team: None, user: Some(me.user), scope, activity, item, name, changes: Vec::new() };
        activity::record(&state.db, state.clock, entry).await;
    }
    Ok(())
}

/// What the body chooses, on top of what the key has.
async fn read_choice(state: &AccountsState, me: &SignedIn, body: &Map<String, Value>, old: Option<Key>) -> ApiResult<KeyChoice> {
    let label = match (&old, body.contains_key("label")) {
        (Some(key), false) => key.label.clone(),
        _ => fields::required_text(body, "label", 40)?,
    };
    let scopes = match (&old, body.get("scopes")) {
        (Some(key), None) => key.scopes.clone(),
        (None, None) => return Err(ApiError::required("scopes")),
        (_, Some(value)) => read_list::<String>(value, "scopes")?.unwrap_or_default(),
    };
    keys::check_scopes(&scopes)?;
    let scoped_teams = match body.get("scoped_teams") {
        Some(value) => read_list::<i64>(value, "scoped_teams")?.map(|ids| ids.into_iter().map(TeamId).collect()),
        None => old.as_ref().and_then(|key| key.scoped_teams.clone()),
    };
    let scoped_organizations = match body.get("scoped_organizations") {
        Some(value) => read_list::<uuid::Uuid>(value, "scoped_organizations")?.map(|ids| ids.into_iter().map(OrganizationId).collect()),
        None => old.and_then(|key| key.scoped_organizations),
    };
    let choice = KeyChoice { label, scopes, scoped_teams, scoped_organizations };
    check_reach(state, me, &choice).await?;
    Ok(choice)
}

fn read_list<T: serde::de::DeserializeOwned>(value: &Value, name: &'static str) -> ApiResult<Option<Vec<T>>> {
    let list: Option<Vec<T>> = serde_json::from_value(value.clone()).map_err(|error| ApiError::invalid(error.to_string()).attr(name))?;
    match list.as_ref().is_some_and(|list| list.len() > 200) {
        true => Err(ApiError::invalid("At most 200 entries.").attr(name)),
        false => Ok(list),
    }
}

/// A key can be limited only to what its user can see.
async fn check_reach(state: &AccountsState, me: &SignedIn, choice: &KeyChoice) -> ApiResult<()> {
    for team in choice.scoped_teams.iter().flatten() {
        if state.may_see(me.user, *team).await?.is_none() {
            return Err(ApiError::invalid("You must have access to all teams that the API key is scoped to.").attr("scoped_teams"));
        }
    }
    for organization in choice.scoped_organizations.iter().flatten() {
        if organization::level_of(&state.db, *organization, me.user).await?.is_none() {
            let detail = "You must be a member of all organizations that the API key is scoped to.";
            return Err(ApiError::invalid(detail).attr("scoped_organizations"));
        }
    }
    Ok(())
}
