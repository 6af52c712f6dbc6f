//! `early_access_feature` of a project.

use super::{Feature, Stage, enrol, store};
use crate::manage::{Change, NewFlag, room_for, wire};
use crate::{Flag, Flags, store as flags};
use axum::extract::{OriginalUri, Path, State};
use axum::routing::get;
use axum::{Json, Router};
use db::Transaction;
use http::StatusCode;
use model::TeamId;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;
use web::{Access, ApiError, ApiResult, Body, Page, paginated};

const MAX_FEATURES: i64 = 1_000;
const MAX_NAME_CHARS: usize = 200;
const MAX_TEXT_CHARS: usize = 10_000;
const MAX_PAYLOAD_BYTES: usize = 64 * 1024;
const SCOPE: &str = "EarlyAccessFeature";

pub fn routes(prefix: &str) -> Router<Flags> {
    Router::new()
        .route(&format!("{prefix}/early_access_feature"), get(list).post(create))
        .route(&format!("{prefix}/early_access_feature/{{id}}"), get(retrieve).patch(change).put(change).delete(remove))
}

/// What a client may write; a field that is absent stays as it is.
#[derive(Debug, Default, Deserialize)]
struct Draft {
    name: Option<String>,
    description: Option<String>,
    stage: Option<String>,
    documentation_url: Option<String>,
    payload: Option<Value>,
    /// When creating: an existing flag to use.
    feature_flag_id: Option<i64>,
}

async fn list(State(state): State<Flags>, access: Access, page: Page, OriginalUri(uri): OriginalUri) -> ApiResult<Json<Value>> {
    access.require("early_access_feature:read")?;
    let features = store::of_team(&state.db, access.team.id).await?;
    let count = features.len();
    let mut shown = Vec::new();
    for feature in features.into_iter().skip(page.offset).take(page.limit) {
        shown.push(shown_with_flag(&state, &feature).await?);
    }
    Ok(paginated(&page, count, shown, &uri))
}

async fn retrieve(State(state): State<Flags>, access: Access, Path((_, id)): Path<(String, String)>) -> ApiResult<Json<Value>> {
    access.require("early_access_feature:read")?;
    let feature = store::by_id(&state.db, access.team.id, parse(&id)?).await?.ok_or_else(ApiError::not_found)?;
    Ok(Json(shown_with_flag(&state, &feature).await?))
}

async fn create(State(state): State<Flags>, access: Access, Body(draft): Body<Draft>) -> ApiResult<(StatusCode, Json<Value>)> {
    access.require("early_access_feature:write")?;
    let (team, by) = (access.team.id, access.user());
    let linked = draft.feature_flag_id;
    let mut feature = Feature {
        id: Uuid::now_v7(),
        team,
        flag: None,
        name: draft.name.clone().ok_or_else(|| ApiError::required("name"))?,
        description: String::new(),
        stage: draft.stage.as_deref().map_or(Err(ApiError::required("stage")), stage)?,
        documentation_url: String::new(),
        payload: json!({}),
        created_by: by,
        created_at: state.clock.now(),
    };
    draft.apply(&mut feature)?;
    let cohorts = cohorts::store::of_team(&state.db, team).await?;
    let mut transaction = state.db.begin().await?;
    flags::bump(&mut transaction, team).await?;
    room(&mut transaction, team).await?;
    let is_released = feature.stage.is_released();
    let linked = match linked {
        Some(flag) => {
            let edit = |flag: &mut Flag| {
                suitable(flag)?;
                enrol(flag, is_released);
                Ok(())
            };
            let change = state.change_in(&mut transaction, &cohorts, (team, by, flag), edit).await;
            Linked::Existing(change.map_err(|error| error.attr("feature_flag_id"))?)
        }
        None => {
            room_for(&mut transaction, team, 1).await?;
            let flag = state.create_in(&mut transaction, &cohorts, (team, by), flag_for(&feature)?).await;
            Linked::New(flag.map_err(|error| taken(error, &feature.name))?)
        }
    };
    feature.flag = Some(linked.flag().id);
    store::insert(&mut transaction, &feature).await.map_err(linked_already)?;
    transaction.commit().await?;
    match &linked {
        Linked::New(flag) => state.tell_new(flag, by).await,
        Linked::Existing(change) => state.tell(change, by).await,
    }
    log(&state, &access, &feature, "created", None).await;
    Ok((StatusCode::CREATED, Json(shown_with_flag(&state, &feature).await?)))
}

async fn change(
    State(state): State<Flags>,
    access: Access,
    Path((_, id)): Path<(String, String)>,
    Body(draft): Body<Draft>,
) -> ApiResult<Json<Value>> {
    access.require("early_access_feature:write")?;
    let (team, by, id) = (access.team.id, access.user(), parse(&id)?);
    let cohorts = cohorts::store::of_team(&state.db, team).await?;
    let mut transaction = state.db.begin().await?;
    flags::bump(&mut transaction, team).await?;
    let before = store::in_transaction(&mut transaction, team, id).await?.ok_or_else(ApiError::not_found)?;
    let mut after = before.clone();
    draft.apply(&mut after)?;
    store::update(&mut transaction, &after).await?;
    let is_released = after.stage.is_released();
    let edit = |flag: &mut Flag| {
        enrol(flag, is_released);
        Ok(())
    };
    let change = match after.flag {
        Some(flag) => Some(state.change_in(&mut transaction, &cohorts, (team, by, flag), edit).await?),
        None => None,
    };
    transaction.commit().await?;
    if let Some(change) = change {
        state.tell(&change, by).await;
    }
    log(&state, &access, &after, "updated", Some(&before)).await;
    Ok(Json(shown_with_flag(&state, &after).await?))
}

async fn remove(State(state): State<Flags>, access: Access, Path((_, id)): Path<(String, String)>) -> ApiResult<StatusCode> {
    access.require("early_access_feature:write")?;
    let (team, by, id) = (access.team.id, access.user(), parse(&id)?);
    let cohorts = cohorts::store::of_team(&state.db, team).await?;
    let mut transaction = state.db.begin().await?;
    flags::bump(&mut transaction, team).await?;
    let feature = store::in_transaction(&mut transaction, team, id).await?.ok_or_else(ApiError::not_found)?;
    store::delete(&mut transaction, team, id).await?;
    let edit = |flag: &mut Flag| {
        enrol(flag, false);
        Ok(())
    };
    let change = match feature.flag {
        Some(flag) => Some(state.change_in(&mut transaction, &cohorts, (team, by, flag), edit).await?),
        None => None,
    };
    transaction.commit().await?;
    if let Some(change) = change {
        state.tell(&change, by).await;
    }
    log(&state, &access, &feature, "deleted", None).await;
    Ok(StatusCode::NO_CONTENT)
}

impl Draft {
    fn apply(self, feature: &mut Feature) -> ApiResult<()> {
        let text = |text: Option<String>, field: &'static str, most: usize, to: &mut String| {
            let Some(text) = text else { return Ok(()) };
            if text.chars().count() > most {
                return Err(ApiError::validation("max_length", format!("At most {most} characters are possible.")).attr(field));
            }
            *to = text;
            Ok(())
        };
        text(self.name, "name", MAX_NAME_CHARS, &mut feature.name)?;
        text(self.description, "description", MAX_TEXT_CHARS, &mut feature.description)?;
        text(self.documentation_url, "documentation_url", MAX_TEXT_CHARS, &mut feature.documentation_url)?;
        if feature.name.trim().is_empty() {
            return Err(ApiError::validation("blank", "This field may not be blank.").attr("name"));
        }
        let url = &feature.documentation_url;
        if !url.is_empty() && !url.starts_with("https://") && !url.starts_with("http://") {
            return Err(ApiError::invalid("A link begins with https:// or http://.").attr("documentation_url"));
        }
        if let Some(text) = self.stage {
            feature.stage = stage(&text)?;
        }
        if let Some(payload) = self.payload {
            if !payload.is_object() || payload.to_string().len() > MAX_PAYLOAD_BYTES {
                let detail = format!("A payload is a JSON object of at most {} KiB.", MAX_PAYLOAD_BYTES / 1024);
                return Err(ApiError::invalid(detail).attr("payload"));
            }
            feature.payload = payload;
        }
        Ok(())
    }
}

fn stage(text: &str) -> ApiResult<Stage> {
    Stage::parse(text).ok_or_else(|| {
        let all: Vec<&str> = Stage::ALL.iter().map(|stage| stage.as_str()).collect();
        ApiError::validation("invalid_choice", format!("{text:?} is no stage; choose one of {}.", all.join(", "))).attr("stage")
    })
}

fn parse(id: &str) -> ApiResult<Uuid> {
    id.parse().map_err(|_| ApiError::not_found())
}

async fn room(transaction: &mut Transaction, team: TeamId) -> ApiResult<()> {
    match store::count(transaction, team).await? {
        MAX_FEATURES.. => Err(ApiError::invalid(format!("A project can have at most {MAX_FEATURES} early access features."))),
        _ => Ok(()),
    }
}

enum Linked {
    New(Flag),
    Existing(Change),
}

impl Linked {
    fn flag(&self) -> &Flag {
        match self {
            Linked::New(flag) => flag,
            Linked::Existing(change) => &change.after,
        }
    }
}

/// A flag for the feature, which nobody has until they choose to.
fn flag_for(feature: &Feature) -> ApiResult<NewFlag> {
    let key = slug(&feature.name);
    if key.is_empty() {
        return Err(ApiError::invalid("The name must hold a letter (a-z) or digit, from which the flag's key is made.").attr("name"));
    }
    let mut filters = json!({"groups": [{"properties": [], "rollout_percentage": 0}], "payloads": {}, "multivariate": null});
    if feature.stage.is_released() {
        filters["feature_enrollment"] = json!(true);
    }
    Ok(NewFlag { key, name: format!("Flag of the early access feature {}", feature.name), filters, ..NewFlag::default() })
}

fn taken(error: ApiError, name: &str) -> ApiError {
    match error.code() {
        "unique" => {
            let key = slug(name);
            let detail = format!("There is already a flag {key:?}: choose another name, or use that flag with feature_flag_id.");
            ApiError::validation("unique", detail).attr("name")
        }
        _ => error,
    }
}

/// `New Checkout!` is `new-checkout`.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for letter in name.chars().map(|letter| letter.to_ascii_lowercase()) {
        match letter {
            'a'..='z' | '0'..='9' | '_' => slug.push(letter),
            _ if letter.is_whitespace() || letter == '-' => {
                if !slug.is_empty() && !slug.ends_with('-') {
                    slug.push('-');
                }
            }
            _ => {}
        }
    }
    slug.trim_end_matches('-').to_owned()
}

fn suitable(flag: &Flag) -> ApiResult<()> {
    if flag.deleted {
        return Err(ApiError::invalid("The flag is deleted."));
    }
    let groups = flag.filters["groups"].as_array().into_iter().flatten();
    if !flag.filters["aggregation_group_type_index"].is_null()
        || groups.into_iter().any(|group| !group["aggregation_group_type_index"].is_null())
    {
        return Err(ApiError::invalid("The flag matches groups; people choose early access for themselves."));
    }
    if flag.filters["multivariate"]["variants"].as_array().is_some_and(|variants| !variants.is_empty()) {
        return Err(ApiError::invalid("The flag has variants; early access is on or off."));
    }
    Ok(())
}

fn linked_already(error: anyhow::Error) -> ApiError {
    match db::is_unique_violation(&error) {
        true => ApiError::invalid("Another early access feature uses the flag.").attr("feature_flag_id"),
        false => error.into(),
    }
}

async fn shown_with_flag(state: &Flags, feature: &Feature) -> ApiResult<Value> {
    let flag = match feature.flag {
        Some(flag) => flags::by_id(&state.db, feature.team, flag).await?,
        None => None,
    };
    let flag = flag.map(|flag| {
        json!({
            "id": flag.id,
            "team_id": flag.team,
            "name": flag.name,
            "key": flag.key,
            "filters": wire::shown_filters(&flag),
            "deleted": flag.deleted,
            "active": flag.active,
            "ensure_experience_continuity": flag.ensure_experience_continuity,
            "has_encrypted_payloads": flag.has_encrypted_payloads,
            "version": flag.version,
        })
    });
    let creator = match feature.created_by {
        Some(user) => (state.users)(user).await?,
        None => None,
    };
    Ok(json!({
        "id": feature.id,
        "feature_flag": flag,
        "name": feature.name,
        "description": feature.description,
        "stage": feature.stage.as_str(),
        "documentation_url": feature.documentation_url,
        "payload": feature.payload,
        "created_by": creator,
        "created_at": feature.created_at,
    }))
}

async fn log(state: &Flags, access: &Access, feature: &Feature, activity: &'static str, before: Option<&Feature>) {
    let fields = |feature: &Feature| match feature.shown(None) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    let changes = match (before, activity) {
        (Some(before), _) => activity::changes(SCOPE, &fields(before), &fields(feature)),
        (None, "created") => activity::changes(SCOPE, &Map::new(), &fields(feature)),
        (None, _) => Vec::new(),
    };
    let entry = activity::Entry {
        organization: access.team.organization,
        team: Some(feature.team),
        user: access.user(),
        scope: SCOPE,
        activity,
        item: feature.id.to_string(),
        name: &feature.name,
        changes,
    };
    activity::record(&state.db, state.clock, entry).await;
}
