//! REST: `/actions`, below projects and environments alike.

use crate::{Action, ActionsState, store, wire};
use activity::{Entry, Filter};
use axum::extract::{OriginalUri, Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use db::Transaction;
use http::StatusCode;
use model::UserId;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use web::{Access, ApiError, ApiResult, Body, Page, paginated};

/// The activity log's word for actions.
const SCOPE: &str = "Action";
const MAX_NAME_CHARS: usize = 400;
const MAX_TEXT_CHARS: usize = 10_000;
const MAX_TAGS: usize = 100;
/// Actions of one project, deleted ones aside.
const MAX_ACTIONS: usize = 5_000;

pub fn routes(state: ActionsState) -> Router {
    web::both_prefixes(|prefix| {
        let at = |path: &str| format!("{prefix}/actions{path}");
        Router::new()
            .route(&at(""), get(list).post(create))
            .route(&at("/{id}"), get(retrieve).patch(update).put(update).delete(delete))
            .route(&at("/{id}/activity"), get(activity_of))
            .with_state(state.clone())
    })
}

/// A path below a project: `{project_id}` belongs to [`Access`].
#[derive(Deserialize)]
struct ActionPath {
    id: i64,
}

/// `?search=&tags=a,b&created_by_id=`
async fn list(
    access: Access,
    State(state): State<ActionsState>,
    page: Page,
    Query(params): Query<HashMap<String, String>>,
    OriginalUri(uri): OriginalUri,
) -> ApiResult<Json<Value>> {
    access.require("action:read")?;
    let given = |name: &str| params.get(name).map(String::as_str).filter(|text| !text.is_empty());
    let search = given("search").map(str::to_lowercase);
    let matches = |action: &&Action| {
        search.as_ref().is_none_or(|search| action.name.to_lowercase().contains(search))
            && given("tags").is_none_or(|tags| tags.split(',').any(|tag| action.tags.iter().any(|own| own == tag)))
            && given("created_by_id").is_none_or(|id| action.created_by.is_some_and(|user| user.0.to_string() == id))
    };
    let actions = store::of_team(&state.db, access.team.id).await?;
    let found: Vec<&Action> = actions.iter().filter(matches).collect();
    let (mut creators, mut results) = (HashMap::new(), Vec::new());
    for action in found.iter().skip(page.offset).take(page.limit) {
        let creator = match action.created_by {
            Some(user) => creator(&state, user, &mut creators).await?,
            None => None,
        };
        results.push(wire::action(action, creator));
    }
    Ok(paginated(&page, found.len(), results, &uri))
}

async fn creator(state: &ActionsState, user: UserId, known: &mut HashMap<UserId, Option<Value>>) -> ApiResult<Option<Value>> {
    if !known.contains_key(&user) {
        known.insert(user, (state.users)(user).await?);
    }
    Ok(known[&user].clone())
}

async fn shown(state: &ActionsState, action: &Action) -> ApiResult<Json<Value>> {
    let creator = match action.created_by {
        Some(user) => (state.users)(user).await?,
        None => None,
    };
    Ok(Json(wire::action(action, creator)))
}

/// The fields that clients write; others are ignored.
#[derive(Deserialize)]
struct Written {
    name: Option<String>,
    description: Option<String>,
    tags: Option<Vec<String>>,
    steps: Option<Value>,
    post_to_slack: Option<bool>,
    slack_message_format: Option<String>,
    deleted: Option<bool>,
    /// `null` unpins.
    #[serde(default, deserialize_with = "given")]
    pinned_at: Option<Option<String>>,
}

/// `null` is given, too.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(deserializer).map(Some)
}

impl Written {
    fn onto(self, action: &mut Action) -> ApiResult<()> {
        let pinned_at = match self.pinned_at {
            None => action.pinned_at,
            Some(None) => None,
            Some(Some(text)) => {
                let at = model::Timestamp::parse_rfc3339(&text);
                Some(at.ok_or_else(|| ApiError::invalid("Datetime has wrong format.").attr("pinned_at"))?)
            }
        };
        action.pinned_at = pinned_at;
        action.name = self.name.unwrap_or_else(|| std::mem::take(&mut action.name)).trim().to_owned();
        action.description = self.description.unwrap_or_else(|| std::mem::take(&mut action.description));
        action.tags = self.tags.unwrap_or_else(|| std::mem::take(&mut action.tags));
        action.steps = self.steps.unwrap_or_else(|| action.steps.take());
        action.post_to_slack = self.post_to_slack.unwrap_or(action.post_to_slack);
        action.slack_message_format = self.slack_message_format.unwrap_or_else(|| std::mem::take(&mut action.slack_message_format));
        action.deleted = self.deleted.unwrap_or(action.deleted);
        Ok(())
    }
}

async fn create(access: Access, State(state): State<ActionsState>, Body(written): Body<Written>) -> ApiResult<(StatusCode, Json<Value>)> {
    access.require("action:write")?;
    let now = state.clock.now();
    let mut action = Action {
        id: 0,
        team: access.team.id,
        name: String::new(),
        description: String::new(),
        tags: Vec::new(),
        steps: json!([]),
        post_to_slack: false,
        slack_message_format: String::new(),
        pinned_at: None,
        deleted: false,
        created_by: access.user(),
        created_at: now,
        updated_at: now,
    };
    written.onto(&mut action)?;
    (state.check)(access.team.clone(), action.clone()).await.map_err(|error| error.attr("steps"))?;
    let mut transaction = state.db.begin().await?;
    check(&mut transaction, &action).await?;
    if store::of_team(&state.db, access.team.id).await?.len() >= MAX_ACTIONS {
        return Err(ApiError::invalid(format!("A project can have at most {MAX_ACTIONS} actions; delete some first.")));
    }
    let action = store::insert(&mut transaction, &action).await?;
    transaction.commit().await?;
    log(&state, &access, &action, "created", &Map::new()).await;
    Ok((StatusCode::CREATED, shown(&state, &action).await?))
}

async fn check(transaction: &mut Transaction, action: &Action) -> ApiResult<()> {
    if action.name.is_empty() {
        return Err(ApiError::validation("blank", "An action needs a name.").attr("name"));
    }
    let texts = [
        (&action.name, MAX_NAME_CHARS, "name"),
        (&action.description, MAX_TEXT_CHARS, "description"),
        (&action.slack_message_format, MAX_TEXT_CHARS, "slack_message_format"),
    ];
    for (text, most, attr) in texts {
        if text.chars().count() > most {
            return Err(ApiError::validation("max_length", format!("Ensure this field has no more than {most} characters.")).attr(attr));
        }
    }
    if action.tags.len() > MAX_TAGS || action.tags.iter().any(|tag| tag.chars().count() > MAX_NAME_CHARS) {
        return Err(ApiError::invalid(format!("An action can have at most {MAX_TAGS} tags of {MAX_NAME_CHARS} characters.")).attr("tags"));
    }
    store::bump(transaction, action.team).await?;
    match store::named(transaction, action.team, &action.name, action.id).await? {
        Some(other) if !action.deleted => {
            Err(ApiError::validation("unique", format!("This project already has an action with this name, ID {other}.")).attr("name"))
        }
        _ => Ok(()),
    }
}

async fn retrieve(access: Access, State(state): State<ActionsState>, Path(path): Path<ActionPath>) -> ApiResult<Json<Value>> {
    access.require("action:read")?;
    let action = store::find(&state.db, access.team.id, path.id).await?.filter(|action| !action.deleted);
    shown(&state, &action.ok_or_else(ApiError::not_found)?).await
}

async fn update(
    access: Access,
    State(state): State<ActionsState>,
    Path(path): Path<ActionPath>,
    Body(written): Body<Written>,
) -> ApiResult<Json<Value>> {
    access.require("action:write")?;
    let before = store::find(&state.db, access.team.id, path.id).await?.ok_or_else(ApiError::not_found)?;
    let mut after = before.clone();
    written.onto(&mut after)?;
    if after == before {
        return shown(&state, &before).await;
    }
    if after.steps != before.steps {
        (state.check)(access.team.clone(), after.clone()).await.map_err(|error| error.attr("steps"))?;
    }
    after.updated_at = state.clock.now();
    let mut transaction = state.db.begin().await?;
    check(&mut transaction, &after).await?;
    store::update(&mut transaction, &after).await?;
    transaction.commit().await?;
    let activity = if after.deleted && !before.deleted { "deleted" } else { "updated" };
    log(&state, &access, &after, activity, &wire::logged(&before)).await;
    shown(&state, &after).await
}

/// Actions are deleted with `PATCH {"deleted": true}`, so that they can come back.
async fn delete(access: Access) -> ApiResult<StatusCode> {
    access.require("action:write")?;
    Err(ApiError::method_not_allowed())
}

async fn activity_of(
    access: Access,
    State(state): State<ActionsState>,
    Path(path): Path<ActionPath>,
    page: Page,
    OriginalUri(uri): OriginalUri,
) -> ApiResult<Json<Value>> {
    access.require("activity_log:read")?;
    store::find(&state.db, access.team.id, path.id).await?.ok_or_else(ApiError::not_found)?;
    let filter = Filter { scopes: vec![SCOPE.to_owned()], item: Some(path.id.to_string()), user: None };
    let of = (access.team.organization, access.team.id);
    Ok(Json(activity::page(&state.db, &state.users, of, &filter, &page, &uri).await?))
}

async fn log(state: &ActionsState, access: &Access, action: &Action, activity: &'static str, before: &Map<String, Value>) {
    let changes = activity::changes(SCOPE, before, &wire::logged(action));
    let (organization, team, user, item) = (access.team.organization, Some(access.team.id), access.user(), action.id.to_string());
    let entry = Entry { organization, team, user, scope: SCOPE, activity, item, name: &action.name, changes };
    activity::record(&state.db, state.clock, entry).await;
}
