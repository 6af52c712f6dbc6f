//! REST: `/event_definitions`, `/property_definitions`, `/ingestion_warnings`, below projects and environments alike.

mod events;
mod ingestion_warnings;
mod properties;

use crate::Definitions;
use crate::store::{self, Definition, Of, Table};
use axum::Router;
use db::Db;
use model::Clock;
use serde::{Deserialize, Deserializer};
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;
use web::{Access, ApiError, ApiResult};

#[derive(Clone)]
pub struct DefinitionsState {
    pub db: Db,
    /// The one that ingestion uses, so that it learns of edits.
    pub definitions: Arc<Definitions>,
    pub clock: Clock,
}

pub fn routes(state: DefinitionsState) -> Router {
    web::both_prefixes(|prefix| {
        let all = events::routes(prefix).merge(properties::routes(prefix)).merge(ingestion_warnings::routes(prefix));
        Router::new().merge(all).with_state(state.clone())
    })
}

type Params = HashMap<String, String>;

fn given<'p>(params: &'p Params, name: &str) -> Option<&'p str> {
    params.get(name).map(String::as_str).filter(|text| !text.is_empty())
}

fn flag(params: &Params, name: &str) -> Option<bool> {
    given(params, name).map(|text| matches!(text, "true" | "True" | "1"))
}

/// More names than this in one parameter are refused.
const MAX_NAMES: usize = 1_000;

/// A JSON list, or one separated by commas.
fn names(params: &Params, name: &'static str) -> ApiResult<Option<Vec<String>>> {
    let Some(text) = given(params, name) else { return Ok(None) };
    let names = match text.trim_start().starts_with('[') {
        true => serde_json::from_str(text).map_err(|_| ApiError::invalid("Expected a JSON list of strings.").attr(name))?,
        false => text.split(',').map(|name| name.trim().to_owned()).collect::<Vec<String>>(),
    };
    match names.len() > MAX_NAMES {
        true => Err(ApiError::invalid(format!("At most {MAX_NAMES} names are allowed.")).attr(name)),
        false => Ok(Some(names)),
    }
}

async fn find(state: &DefinitionsState, access: &Access, table: Table, id: &str) -> ApiResult<Definition> {
    let id = Uuid::parse_str(id).map_err(|_| ApiError::not_found())?;
    store::get(&state.db, table, access.team.id, id).await?.ok_or_else(ApiError::not_found)
}

/// A path below a project: `{project_id}` belongs to [`Access`].
#[derive(Deserialize)]
struct DefinitionPath {
    id: String,
}

/// `None`: not mentioned; `Some(None)`: null.
fn mentioned<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// What PATCH may change.
#[derive(Deserialize)]
struct Edit {
    #[serde(default, deserialize_with = "mentioned")]
    description: Option<Option<String>>,
    tags: Option<Vec<String>>,
    verified: Option<bool>,
    hidden: Option<bool>,
    #[serde(default, deserialize_with = "mentioned")]
    owner: Option<Option<i64>>,
    default_columns: Option<Vec<String>>,
    #[serde(default, deserialize_with = "mentioned")]
    property_type: Option<Option<String>>,
    is_numerical: Option<bool>,
}

const PROPERTY_TYPES: &[&str] = &["DateTime", "String", "Numeric", "Boolean", "Duration"];
const MAX_DESCRIPTION_CHARS: usize = 10_000;
const MAX_TAGS: usize = 100;

impl Edit {
    fn check(&self) -> ApiResult<()> {
        if self.hidden == Some(true) && self.verified == Some(true) {
            return Err(ApiError::invalid("An event or property cannot be both hidden and verified"));
        }
        if let Some(Some(text)) = &self.description
            && text.chars().count() > MAX_DESCRIPTION_CHARS
        {
            return Err(ApiError::validation("max_length", format!("At most {MAX_DESCRIPTION_CHARS} characters.")).attr("description"));
        }
        if self.tags.as_ref().is_some_and(|tags| tags.len() > MAX_TAGS || tags.iter().any(|tag| tag.chars().count() > 255)) {
            return Err(ApiError::invalid(format!("At most {MAX_TAGS} tags of 255 characters.")).attr("tags"));
        }
        match &self.property_type {
            Some(Some(kind)) if !PROPERTY_TYPES.contains(&kind.as_str()) => {
                Err(ApiError::validation("invalid_choice", format!("\"{kind}\" is not a valid choice.")).attr("property_type"))
            }
            _ => Ok(()),
        }
    }

    fn apply(self, definition: &mut Definition, access: &Access, clock: Clock) {
        let now = clock.now();
        if let Some(description) = self.description {
            definition.description = description;
        }
        if let Some(tags) = self.tags {
            let mut tags: Vec<String> = tags.into_iter().map(|tag| tag.trim().to_lowercase()).filter(|tag| !tag.is_empty()).collect();
            tags.sort();
            tags.dedup();
            definition.tags = tags.into();
        }
        if let Some(verified) = self.verified.filter(|verified| *verified != definition.verified) {
            definition.verified = verified;
            definition.verified_at = verified.then_some(now);
            definition.verified_by = access.user().filter(|_| verified);
        }
        if let Some(hidden) = self.hidden {
            definition.hidden = hidden;
            definition.verified &= !hidden;
        }
        match &mut definition.of {
            Of::Event { owner, default_columns, .. } => {
                if let Some(new) = self.owner {
                    *owner = new.map(model::UserId);
                }
                if let Some(columns) = self.default_columns {
                    *default_columns = Some(columns.into());
                }
            }
            Of::Property { property_type, is_numerical } => {
                if let Some(kind) = self.property_type {
                    *is_numerical = kind.as_deref() == Some("Numeric");
                    *property_type = kind;
                }
                if let Some(numerical) = self.is_numerical {
                    *is_numerical = numerical;
                }
            }
        }
        definition.updated_at = Some(now);
        definition.updated_by = access.user();
    }
}

async fn edit(state: &DefinitionsState, access: &Access, table: Table, id: &str, edit: Edit) -> ApiResult<Definition> {
    edit.check()?;
    let mut definition = find(state, access, table, id).await?;
    edit.apply(&mut definition, access, state.clock);
    store::save(&state.db, table, access.team.id, &definition).await?;
    state.definitions.forget(access.team.id);
    Ok(definition)
}

async fn delete(state: &DefinitionsState, access: &Access, table: Table, id: &str) -> ApiResult<()> {
    let definition = find(state, access, table, id).await?;
    store::delete(&state.db, table, access.team.id, &definition).await?;
    state.definitions.forget(access.team.id);
    Ok(())
}
