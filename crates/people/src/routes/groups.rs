use crate::list::{self, GroupQuery};
use crate::related::{self, Subject};
use crate::routes::PeopleState;
use crate::{Group, actions, filter, store, wire};
use axum::extract::{OriginalUri, Query, State};
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use http::StatusCode;
use model::{GroupTypeIndex, Properties, PropertyValue};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use web::{Access, ApiError, ApiResult, Body, Page};

const SHOWN_VALUES: usize = 20;
const MAX_KEY_CHARS: usize = 400;

pub fn routes(prefix: &str) -> Router<PeopleState> {
    let at = |path: &str| format!("{prefix}/groups{path}");
    Router::new()
        .route(&at(""), get(list).post(create))
        .route(&at("/find"), get(find))
        .route(&at("/related"), get(related))
        .route(&at("/update_property"), post(update_property))
        .route(&at("/delete_property"), post(delete_property))
        .route(&at("/property_definitions"), get(property_definitions))
        .route(&at("/property_values"), get(property_values))
        .route(&format!("{prefix}/groups_types"), get(types))
        .route(&format!("{prefix}/groups_types/update_metadata"), patch(update_metadata))
}

type Params = HashMap<String, String>;

fn given<'p>(params: &'p Params, name: &str) -> Option<&'p str> {
    params.get(name).map(String::as_str).filter(|text| !text.is_empty())
}

fn type_index(params: &Params) -> ApiResult<GroupTypeIndex> {
    let text = given(params, "group_type_index").ok_or_else(|| ApiError::required("group_type_index"))?;
    let index = text.parse().ok().filter(|index| *index < crate::MAX_GROUP_TYPES as u8);
    index.map(GroupTypeIndex).ok_or_else(|| ApiError::invalid("A group type index is a number from 0 to 4.").attr("group_type_index"))
}

fn group_key(params: &Params) -> ApiResult<&str> {
    given(params, "group_key").ok_or_else(|| ApiError::required("group_key"))
}

async fn list(
    access: Access,
    State(state): State<PeopleState>,
    page: Page,
    Query(params): Query<Params>,
    OriginalUri(uri): OriginalUri,
) -> ApiResult<Json<Value>> {
    access.require("group:read")?;
    let filters = match given(&params, "properties").or_else(|| given(&params, "group_properties")) {
        Some(text) => {
            let json = serde_json::from_str(text).map_err(|_| ApiError::invalid("Properties are unparsable!").attr("properties"))?;
            filter::parse(&json).map_err(|message| ApiError::invalid(message).attr("properties"))?
        }
        None => Vec::new(),
    };
    let search = given(&params, "search").or_else(|| given(&params, "group_key")).map(str::to_owned);
    let query = GroupQuery { index: type_index(&params)?, search, filters };
    // The cursor of PostHog's pages is opaque to clients; here it is the offset.
    let cursor = given(&params, "cursor").and_then(|cursor| cursor.parse().ok());
    let page = Page { offset: cursor.unwrap_or(page.offset), ..page };
    let (groups, more) = list::groups(&state.db, access.team.id, &query, page.limit, page.offset).await?;
    let seen = page.offset + groups.len() + usize::from(more);
    let Json(mut body) = web::paginated(&page, seen, groups.iter().map(wire::group).collect(), &uri);
    body.as_object_mut().and_then(|body| body.remove("count"));
    for name in ["next", "previous"] {
        if let Some(link) = body[name].as_str() {
            body[name] = with_cursor(link).into();
        }
    }
    Ok(Json(body))
}

/// A link whose `offset` is called `cursor`, which is what clients take from it.
fn with_cursor(link: &str) -> String {
    let (path, query) = link.split_once('?').unwrap_or((link, ""));
    let kept = query.split('&').filter(|pair| !pair.starts_with("cursor="));
    let pairs: Vec<String> =
        kept.map(|pair| pair.strip_prefix("offset=").map_or_else(|| pair.to_owned(), |at| format!("cursor={at}"))).collect();
    format!("{path}?{}", pairs.join("&"))
}

#[derive(Deserialize)]
struct Create {
    group_type_index: u8,
    group_key: String,
    #[serde(default)]
    group_properties: Option<Map<String, Value>>,
}

fn properties(object: &Map<String, Value>) -> Properties {
    object.iter().map(|(name, value)| (Arc::from(name.as_str()), PropertyValue::from(value))).collect()
}

async fn create(access: Access, State(state): State<PeopleState>, Body(body): Body<Create>) -> ApiResult<(StatusCode, Json<Value>)> {
    access.require("group:write")?;
    let types = store::group_types(&state.db, access.team.id).await?;
    if !types.iter().any(|kind| kind.index.0 == body.group_type_index) {
        return Err(ApiError::invalid("There is no group type with this index.").attr("group_type_index"));
    }
    if body.group_key.is_empty() || body.group_key.chars().count() > MAX_KEY_CHARS {
        return Err(ApiError::invalid(format!("A group key has 1 to {MAX_KEY_CHARS} characters.")).attr("group_key"));
    }
    let now = state.clock.now();
    let group = Group {
        index: GroupTypeIndex(body.group_type_index),
        key: body.group_key.into(),
        properties: Arc::new(properties(&body.group_properties.unwrap_or_default())),
        created_at: now,
        updated_at: now,
    };
    let answer = wire::group(&group);
    match actions::create_group(&state.db, access.team.id, group).await? {
        true => Ok((StatusCode::CREATED, Json(answer))),
        false => Err(ApiError::validation("unique", "A group with this key already exists").attr("group_key")),
    }
}

async fn find(access: Access, State(state): State<PeopleState>, Query(params): Query<Params>) -> ApiResult<Json<Value>> {
    access.require("group:read")?;
    let found = actions::find_group(&state.db, access.team.id, type_index(&params)?, group_key(&params)?).await?;
    found.map(|group| Json(wire::group(&group))).ok_or_else(ApiError::not_found)
}

/// Persons and groups that share events with a group, or groups that share events with a person (`id` without a type index).
async fn related(access: Access, State(state): State<PeopleState>, Query(params): Query<Params>) -> ApiResult<Json<Value>> {
    access.require("group:read")?;
    let id = given(&params, "id").or_else(|| given(&params, "group_key")).ok_or_else(|| ApiError::required("id"))?;
    let subject = match given(&params, "group_type_index") {
        Some(_) => Subject::Group(type_index(&params)?, id.to_owned()),
        None => Subject::Person(uuid::Uuid::parse_str(id).map_err(|_| ApiError::invalid("A person is named by its UUID.").attr("id"))?),
    };
    let (team, now) = (&access.team, state.clock.now());
    let persons = related::persons(&state.db, &*state.store, team.id, &subject, now).await?;
    let groups = related::groups(&state.db, &*state.store, team.id, &subject, now).await?;
    let kind = |kind: &str, mut actor: Value| {
        actor["type"] = kind.into();
        actor
    };
    let persons = persons.iter().map(|profile| kind("person", wire::person(profile, team)));
    let groups = groups.iter().map(|group| {
        let mut actor = kind("group", wire::group(group));
        actor["id"] = json!(&*group.key);
        actor["properties"] = json!(*group.properties);
        actor
    });
    Ok(Json(persons.chain(groups).collect()))
}

#[derive(Deserialize)]
struct SetProperty {
    key: String,
    value: Option<Value>,
}

async fn update_property(
    access: Access,
    State(state): State<PeopleState>,
    Query(params): Query<Params>,
    Body(body): Body<SetProperty>,
) -> ApiResult<Json<Value>> {
    let value = body.value.ok_or_else(|| ApiError::required("value"))?;
    edit(access, state, params, &body.key, Some(PropertyValue::from(&value))).await
}

#[derive(Deserialize)]
struct UnsetProperty {
    #[serde(rename = "$unset")]
    unset: String,
}

async fn delete_property(
    access: Access,
    State(state): State<PeopleState>,
    Query(params): Query<Params>,
    Body(body): Body<UnsetProperty>,
) -> ApiResult<Json<Value>> {
    edit(access, state, params, &body.unset, None).await
}

async fn edit(access: Access, state: PeopleState, params: Params, name: &str, value: Option<PropertyValue>) -> ApiResult<Json<Value>> {
    access.require("group:write")?;
    let group = (type_index(&params)?, group_key(&params)?);
    let edited = actions::edit_group(&state.db, access.team.id, group, (name, value), state.clock.now()).await?;
    edited.map(|group| Json(wire::group(&group))).ok_or_else(ApiError::not_found)
}

/// `{"0": [{"name", "count"}]}`.
async fn property_definitions(access: Access, State(state): State<PeopleState>) -> ApiResult<Json<Value>> {
    access.require("group:read")?;
    let names = list::group_property_names(&state.db, access.team.id).await?;
    let by_type = names.into_iter().map(|(index, names)| {
        let mut names: Vec<(String, u64)> = names.into_iter().collect();
        names.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        (index.to_string(), names.into_iter().map(|(name, count)| json!({"name": name, "count": count})).collect())
    });
    Ok(Json(Value::Object(by_type.collect())))
}

async fn property_values(access: Access, State(state): State<PeopleState>, Query(params): Query<Params>) -> ApiResult<Json<Value>> {
    access.require("group:read")?;
    let key = given(&params, "key").ok_or_else(|| ApiError::required("key"))?;
    let counts = list::values(&state.db, access.team.id, Some(type_index(&params)?), key, given(&params, "value")).await?;
    Ok(Json(wire::value_counts(counts, SHOWN_VALUES)))
}

async fn types(access: Access, State(state): State<PeopleState>) -> ApiResult<Json<Value>> {
    access.require("group:read")?;
    let types = store::group_types(&state.db, access.team.id).await?;
    Ok(Json(types.iter().map(wire::group_type).collect()))
}

#[derive(Deserialize)]
struct Metadata {
    group_type_index: u8,
    name_singular: Option<String>,
    name_plural: Option<String>,
}

async fn update_metadata(access: Access, State(state): State<PeopleState>, Body(body): Body<Vec<Metadata>>) -> ApiResult<Json<Value>> {
    access.require("group:write")?;
    for kind in body.iter().take(crate::MAX_GROUP_TYPES) {
        let index = GroupTypeIndex(kind.group_type_index);
        let (singular, plural) = (kind.name_singular.as_deref(), kind.name_plural.as_deref());
        actions::name_group_type(&state.db, access.team.id, index, singular, plural).await?;
    }
    types(access, State(state)).await
}
