//! Saved insights.

use super::flag;
use crate::InsightsState;
use crate::answer::{Question, Refresh, Reply};
use crate::dates::{Calendar, parse_instant};
use crate::jobs::Subject;
use crate::legacy;
use crate::nodes;
use crate::overrides::FiltersOverride;
use crate::store::{self, Insight, Listing, Name};
use axum::extract::{OriginalUri, Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use model::{Timestamp, UserId};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use uuid::Uuid;
use web::{Access, ApiError, ApiResult, Body, Page};

pub fn routes(prefix: &str) -> Router<InsightsState> {
    Router::new()
        .route(&format!("{prefix}/insights"), get(list).post(create))
        .route(&format!("{prefix}/insights/my_last_viewed"), get(last_viewed))
        .route(&format!("{prefix}/insights/cancel"), post(cancel))
        .route(&format!("{prefix}/insights/{{id}}"), get(retrieve).patch(change).delete(refuse_delete))
        .route(&format!("{prefix}/insights/{{id}}/viewed"), post(viewed))
        .route(&format!("{prefix}/insights/{{id}}/activity"), get(activity))
}

type Parameters = Query<HashMap<String, String>>;
type Names = Path<HashMap<String, String>>;

/// What a client may write. A field that is absent stays as it is; `null` clears.
#[derive(Debug, Default, Deserialize)]
struct Draft {
    #[serde(default, deserialize_with = "present")]
    name: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    derived_name: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    description: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    query: Option<Option<Value>>,
    #[serde(default, deserialize_with = "present")]
    filters: Option<Option<Value>>,
    #[serde(default, deserialize_with = "present")]
    order: Option<Option<i64>>,
    #[serde(default)]
    favorited: Option<bool>,
    #[serde(default)]
    deleted: Option<bool>,
    #[serde(default)]
    saved: Option<bool>,
    #[serde(default)]
    tags: Option<Vec<String>>,
    #[serde(default)]
    dashboards: Option<Vec<i64>>,
}

fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

const MAX_NAME: usize = 400;
const MAX_DESCRIPTION: usize = 10_000;
const MAX_QUERY_BYTES: usize = 1 << 20;
const MAX_TAGS: usize = 100;
const MAX_TAG: usize = 255;

impl Draft {
    fn check(&self) -> ApiResult<()> {
        let too_long = |text: &Option<Option<String>>, most: usize| {
            text.as_ref().and_then(Option::as_ref).is_some_and(|text| text.chars().count() > most)
        };
        for (text, most, field) in [
            (&self.name, MAX_NAME, "name"),
            (&self.derived_name, MAX_NAME, "derived_name"),
            (&self.description, MAX_DESCRIPTION, "description"),
        ] {
            if too_long(text, most) {
                return Err(
                    ApiError::validation("max_length", format!("Ensure this field has no more than {most} characters.")).attr(field)
                );
            }
        }
        if let Some(Some(query)) = &self.query {
            if nodes::kind_of(query).is_none() {
                return Err(ApiError::invalid("A query must be an object with a kind.").attr("query"));
            }
            if query.to_string().len() > MAX_QUERY_BYTES {
                return Err(ApiError::validation("max_length", "The query is too large.").attr("query"));
            }
        }
        if let Some(Some(filters)) = &self.filters
            && !filters.is_object()
        {
            return Err(ApiError::invalid("Filters must be an object.").attr("filters"));
        }
        self.converted()?;
        if self.tags.as_ref().is_some_and(|tags| tags.len() > MAX_TAGS || tags.iter().any(|tag| tag.len() > MAX_TAG)) {
            return Err(ApiError::invalid(format!("At most {MAX_TAGS} tags of at most {MAX_TAG} characters are possible.")).attr("tags"));
        }
        match self.dashboards.as_ref().and_then(|dashboards| dashboards.first()) {
            Some(id) => {
                Err(ApiError::validation("does_not_exist", format!("Invalid pk \"{id}\" - object does not exist.")).attr("dashboards"))
            }
            None => Ok(()),
        }
    }

    /// What `filters` ask, for clients that send no query.
    fn converted(&self) -> ApiResult<Option<Value>> {
        match (&self.query, &self.filters) {
            (None | Some(None), Some(Some(filters))) if legacy::is_legacy(filters) => {
                let converted = legacy::convert(filters).map_err(|text| ApiError::invalid(format!("{text}.")).attr("filters"))?;
                Ok(Some(converted))
            }
            _ => Ok(None),
        }
    }

    fn apply(self, insight: &mut Insight) {
        let converted = self.converted().ok().flatten();
        if let Some(name) = self.name {
            insight.name = name;
        }
        if let Some(name) = self.derived_name {
            insight.derived_name = name;
        }
        if let Some(description) = self.description {
            insight.description = description.unwrap_or_default();
        }
        if let Some(query) = self.query {
            insight.query = query;
        }
        if converted.is_some() {
            insight.query = converted;
        }
        if let Some(filters) = self.filters {
            insight.filters = filters.unwrap_or_else(|| json!({}));
        }
        if let Some(order) = self.order {
            insight.order = order;
        }
        insight.favorited = self.favorited.unwrap_or(insight.favorited);
        insight.deleted = self.deleted.unwrap_or(insight.deleted);
        insight.saved = self.saved.unwrap_or(insight.saved);
        if let Some(tags) = self.tags {
            insight.tags = tags;
        }
    }
}

async fn create(State(state): State<InsightsState>, access: Access, Body(draft): Body<Draft>) -> ApiResult<Response> {
    access.require("insight:write")?;
    draft.check()?;
    let now = state.engine.clock.now();
    let mut insight = Insight {
        id: 0,
        short_id: new_short_id(),
        name: None,
        derived_name: None,
        description: String::new(),
        query: None,
        filters: json!({}),
        order: None,
        favorited: false,
        deleted: false,
        saved: false,
        tags: Vec::new(),
        created_at: now,
        created_by: access.user(),
        updated_at: now,
        last_modified_at: now,
        last_modified_by: access.user(),
    };
    draft.apply(&mut insight);
    let insight = store::insert(&state.db, access.team.id, insight).await?;
    let body = Shown::new(&state).insight(&insight, None).await?;
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// Eight letters and digits.
fn new_short_id() -> String {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut number = Uuid::new_v4().as_u128();
    let mut id = String::with_capacity(8);
    for _ in 0..8 {
        id.push(LETTERS[(number % 62) as usize] as char);
        number /= 62;
    }
    id
}

async fn list(
    State(state): State<InsightsState>,
    access: Access,
    page: Page,
    Query(parameters): Parameters,
    OriginalUri(uri): OriginalUri,
) -> ApiResult<Response> {
    access.require("insight:read")?;
    let calendar = Calendar { timezone: access.team.timezone, week_start_day: access.team.week_start_day, now: state.engine.clock.now() };
    let listing = listing(&parameters, &calendar, access.user());
    let (insights, count) = store::list(&state.db, access.team.id, &listing, page.limit, page.offset).await?;
    let is_basic = parameters.get("basic").is_some_and(|text| flag(text));
    let refresh = parameters.get("refresh").and_then(|text| Refresh::parse(&text.as_str().into()));
    let mut shown = Shown::new(&state);
    let mut results = Vec::new();
    for insight in &insights {
        let answer = match is_basic {
            true => None,
            // Lists show what is stored; computing page-fuls of insights is for those who ask for it.
            false => answer(&state, &access, insight, refresh.unwrap_or(Refresh::ForceCache), &HashMap::new()).await.ok(),
        };
        results.push(shown.insight(insight, answer.flatten()).await?);
    }
    Ok(web::paginated(&page, count, results, &uri).into_response())
}

fn listing(parameters: &HashMap<String, String>, calendar: &Calendar, user: Option<UserId>) -> Listing {
    let text = |name: &str| parameters.get(name).filter(|text| !text.is_empty());
    let instant = |name: &str| text(name).and_then(|text| parse_instant(text, calendar)).map(|at| Timestamp(at.timestamp_micros()));
    let kind = text("insight").and_then(|name| {
        Some(match name.as_str() {
            "TRENDS" => "TrendsQuery",
            "FUNNELS" => "FunnelsQuery",
            "RETENTION" => "RetentionQuery",
            "PATHS" => "PathsQuery",
            "STICKINESS" => "StickinessQuery",
            "LIFECYCLE" => "LifecycleQuery",
            "SQL" => "HogQLQuery",
            _ => return None,
        })
    });
    let mut created_by: Vec<UserId> = Vec::new();
    if let Some(ids) = text("created_by") {
        created_by = ids.trim_matches(['[', ']']).split(',').filter_map(|id| id.trim().parse().ok().map(UserId)).take(100).collect();
    }
    if let Some(user) = user.filter(|_| parameters.contains_key("user")) {
        created_by = vec![user];
    }
    Listing {
        short_id: text("short_id").cloned(),
        search: text("search").cloned(),
        saved: text("saved").map(|text| flag(text)),
        favorited: text("favorited").map(|text| flag(text)),
        created_by,
        kind: kind.map(str::to_owned),
        modified_after: instant("date_from"),
        modified_before: instant("date_to"),
        tag: text("tag").cloned(),
        order: text("order").cloned(),
    }
}

async fn found(state: &InsightsState, access: &Access, names: &HashMap<String, String>, even_deleted: bool) -> ApiResult<Insight> {
    let name = Name::parse(names.get("id").map(String::as_str).unwrap_or_default());
    let insight = store::find(&state.db, access.team.id, &name).await?;
    insight.filter(|insight| even_deleted || !insight.deleted).ok_or_else(ApiError::not_found)
}

async fn retrieve(
    State(state): State<InsightsState>,
    access: Access,
    Path(names): Names,
    Query(parameters): Parameters,
) -> ApiResult<Response> {
    access.require("insight:read")?;
    let insight = found(&state, &access, &names, false).await?;
    let refresh = match parameters.get("refresh") {
        None => Refresh::ForceCache,
        Some(text) => Refresh::parse(&text.as_str().into())
            .ok_or_else(|| ApiError::invalid(format!("\"{text}\" is not a refresh mode.")).attr("refresh"))?,
    };
    let answer = answer(&state, &access, &insight, refresh, &parameters).await?;
    Ok(Json(Shown::new(&state).insight(&insight, answer).await?).into_response())
}

async fn change(
    State(state): State<InsightsState>,
    access: Access,
    Path(names): Names,
    Body(draft): Body<Draft>,
) -> ApiResult<Json<Value>> {
    access.require("insight:write")?;
    draft.check()?;
    // `deleted: false` brings an insight back, so that a deleted one can be changed.
    let restores = draft.deleted == Some(false);
    let mut insight = found(&state, &access, &names, restores).await?;
    let now = state.engine.clock.now();
    draft.apply(&mut insight);
    (insight.updated_at, insight.last_modified_at, insight.last_modified_by) = (now, now, access.user());
    store::update(&state.db, access.team.id, &insight).await?;
    Ok(Json(Shown::new(&state).insight(&insight, None).await?))
}

/// Insights go to the trash with `PATCH {"deleted": true}`.
async fn refuse_delete(access: Access) -> ApiResult<()> {
    access.require("insight:write")?;
    Err(ApiError::method_not_allowed())
}

async fn viewed(State(state): State<InsightsState>, access: Access, Path(names): Names) -> ApiResult<StatusCode> {
    access.require("insight:read")?;
    let insight = found(&state, &access, &names, false).await?;
    if let Some(user) = access.user() {
        store::viewed(&state.db, access.team.id, insight.id, user, state.engine.clock.now()).await?;
    }
    Ok(StatusCode::CREATED)
}

async fn last_viewed(State(state): State<InsightsState>, access: Access) -> ApiResult<Json<Value>> {
    access.require("insight:read")?;
    const SHOWN: i64 = 5;
    let Some(user) = access.user() else { return Ok(Json(json!([]))) };
    let mut shown = Shown::new(&state);
    let mut insights = Vec::new();
    for (insight, viewed_at) in store::last_viewed(&state.db, access.team.id, user, SHOWN).await? {
        let mut body = shown.insight(&insight, None).await?;
        body["last_viewed_at"] = json!(viewed_at);
        insights.push(body);
    }
    Ok(Json(insights.into()))
}

async fn activity(State(state): State<InsightsState>, access: Access, Path(names): Names) -> ApiResult<Json<Value>> {
    access.require("insight:read")?;
    found(&state, &access, &names, false).await?;
    Ok(Json(json!({"results": [], "next": null, "previous": null, "total_count": 0})))
}

#[derive(Deserialize)]
struct CancelBody {
    client_query_id: String,
}

async fn cancel(State(state): State<InsightsState>, access: Access, Body(body): Body<CancelBody>) -> ApiResult<StatusCode> {
    access.require("insight:read")?;
    state.engine.jobs.cancel(access.team.id, &body.client_query_id);
    Ok(StatusCode::CREATED)
}

/// The insight's result, as far as `refresh` allows to have one.
async fn answer(
    state: &InsightsState,
    access: &Access,
    insight: &Insight,
    refresh: Refresh,
    parameters: &HashMap<String, String>,
) -> ApiResult<Option<Value>> {
    let Some(query) = &insight.query else { return Ok(None) };
    let mut question = Question::new(query.clone(), refresh);
    if let Some(text) = parameters.get("filters_override") {
        let filters: FiltersOverride =
            serde_json::from_str(text).map_err(|error| ApiError::invalid(error.to_string()).attr("filters_override"))?;
        question.filters = Some(filters);
    }
    if let Some(text) = parameters.get("variables_override") {
        let variables: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| ApiError::invalid(error.to_string()).attr("variables_override"))?;
        question.variables = Some(variables);
    }
    let dashboard = parameters.get("from_dashboard").and_then(|id| id.parse().ok());
    question.subject = Subject { name: String::new(), insight: Some(insight.id), dashboard };
    question.client_query_id = parameters.get("client_query_id").filter(|id| id.len() <= crate::jobs::MAX_ID_LENGTH).cloned();
    match state.engine.reply(access.team.clone(), question).await {
        Ok(Reply::Complete(body) | Reply::Pending(body)) => Ok(Some(body)),
        Ok(Reply::Miss { cache_key }) => Ok(Some(json!({"cache_key": cache_key}))),
        // An insight that is only shown is shown, whatever is wrong with its query.
        Err(failure) if refresh == Refresh::ForceCache && failure.is_actionable() => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

/// Insights as clients see them; looks each user up once.
struct Shown<'a> {
    state: &'a InsightsState,
    users: HashMap<UserId, Value>,
}

impl<'a> Shown<'a> {
    fn new(state: &'a InsightsState) -> Self {
        Shown { state, users: HashMap::new() }
    }

    async fn user(&mut self, user: Option<UserId>) -> ApiResult<Value> {
        let Some(user) = user else { return Ok(Value::Null) };
        if let Some(known) = self.users.get(&user) {
            return Ok(known.clone());
        }
        let shown = (self.state.users)(user).await?.unwrap_or(Value::Null);
        self.users.insert(user, shown.clone());
        Ok(shown)
    }

    async fn insight(&mut self, insight: &Insight, answer: Option<Value>) -> ApiResult<Value> {
        let answer = answer.unwrap_or(Value::Null);
        let of_answer = |name: &str| answer.get(name).cloned().unwrap_or(Value::Null);
        Ok(json!({
            "id": insight.id, "short_id": insight.short_id, "name": insight.name, "derived_name": insight.derived_name,
            "description": insight.description, "query": insight.query, "filters": insight.filters, "order": insight.order,
            "favorited": insight.favorited, "deleted": insight.deleted, "saved": insight.saved, "tags": insight.tags,
            "dashboards": [], "dashboard_tiles": [], "alerts": [],
            "created_at": insight.created_at, "created_by": self.user(insight.created_by).await?, "updated_at": insight.updated_at,
            "last_modified_at": insight.last_modified_at, "last_modified_by": self.user(insight.last_modified_by).await?,
            "is_sample": false, "effective_restriction_level": 21, "effective_privilege_level": 37, "user_access_level": "editor",
            "result": of_answer("results"), "hasMore": of_answer("hasMore"), "columns": of_answer("columns"), "types": of_answer("types"),
            "hogql": of_answer("hogql"), "is_cached": of_answer("is_cached").as_bool().unwrap_or(false), "timezone": of_answer("timezone"),
            "last_refresh": of_answer("last_refresh"), "cache_target_age": of_answer("cache_target_age"),
            "next_allowed_client_refresh": of_answer("next_allowed_client_refresh"), "query_status": of_answer("query_status"),
            "resolved_date_range": of_answer("resolved_date_range"),
        }))
    }
}
