//! Which flags a list shows, and in which order.

use crate::Flag;
use crate::manage::Link;
use crate::manage::status::{self, Status};
use model::Timestamp;
use serde_json::Value;
use std::cmp::Ordering;
use std::collections::HashMap;
use web::{ApiError, ApiResult};

/// `?search=&active=true|false|STALE&type=&created_by_id=&tags=&evaluation_runtime=&order=`. What is not known is ignored.
#[derive(Debug, Default)]
pub struct Listing {
    search: Option<String>,
    active: Option<Active>,
    kind: Option<Kind>,
    created_by: Option<Vec<i64>>,
    tags: Option<Vec<String>>,
    excluded_tags: Vec<String>,
    runtime: Option<String>,
    order: Option<Order>,
    descending: bool,
}

#[derive(Clone, Copy, Debug)]
enum Active {
    Is(bool),
    Stale,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Boolean,
    Multivariant,
    Experiment,
    RemoteConfig,
}

#[derive(Clone, Copy, Debug)]
enum Order {
    Key,
    Name,
    Created,
    Updated,
    Called,
    Status,
}

impl Listing {
    pub fn parse(query: &str) -> ApiResult<Listing> {
        let pairs: Vec<(String, String)> =
            serde_urlencoded::from_str(query).map_err(|error| ApiError::invalid(format!("The query cannot be read: {error}")))?;
        let mut listing = Listing::default();
        for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
            match name.as_str() {
                "search" => listing.search = Some(value.to_lowercase()),
                "active" => listing.active = Some(active(&value)?),
                "type" => listing.kind = Some(kind(&value)?),
                "created_by_id" => listing.created_by = Some(names(&value).iter().map(|id| id.parse().unwrap_or(-1)).collect()),
                "tags" => listing.tags = Some(names(&value)),
                "excluded_tags" => listing.excluded_tags = names(&value),
                "evaluation_runtime" => listing.runtime = Some(value),
                "order" | "ordering" => {
                    listing.descending = value.starts_with('-');
                    listing.order = Some(order(value.trim_start_matches('-'))?);
                }
                _ => {}
            }
        }
        Ok(listing)
    }

    /// Experiments are known by their links.
    pub fn wants_links(&self) -> bool {
        self.kind == Some(Kind::Experiment)
    }

    /// Newest first unless told otherwise. Internal flags are no one's to list.
    pub fn apply(&self, flags: Vec<Flag>, links: &HashMap<i64, Vec<Link>>, now: Timestamp) -> Vec<Flag> {
        let mut flags: Vec<Flag> = flags.into_iter().filter(|flag| !flag.is_internal && self.shows(flag, links, now)).collect();
        match self.order {
            None => flags.sort_by(|a, b| b.created_at.cmp(&a.created_at).then(b.id.cmp(&a.id))),
            Some(order) => {
                flags.sort_by(|a, b| {
                    let by = compare(order, a, b, now);
                    if self.descending { by.reverse() } else { by }.then(a.id.cmp(&b.id))
                });
            }
        }
        flags
    }

    fn shows(&self, flag: &Flag, links: &HashMap<i64, Vec<Link>>, now: Timestamp) -> bool {
        let has = |tags: &[String]| tags.iter().any(|tag| flag.tags.contains(tag));
        let found = |text: &String| flag.key.to_lowercase().contains(text) || flag.name.to_lowercase().contains(text);
        self.search.as_ref().is_none_or(found)
            && self.active.is_none_or(|active| match active {
                Active::Is(active) => flag.active == active,
                Active::Stale => status::of(flag, now).0 == Status::Stale,
            })
            && self.kind.is_none_or(|kind| is_of(flag, kind, links))
            && self.created_by.as_ref().is_none_or(|ids| flag.created_by.is_some_and(|user| ids.contains(&user.0)))
            && self.tags.as_deref().is_none_or(has)
            && !has(&self.excluded_tags)
            && self.runtime.as_ref().is_none_or(|runtime| flag.evaluation_runtime == *runtime)
    }
}

fn is_of(flag: &Flag, kind: Kind, links: &HashMap<i64, Vec<Link>>) -> bool {
    let has_variants = flag.filters["multivariate"]["variants"].as_array().is_some_and(|variants| !variants.is_empty());
    match kind {
        Kind::Boolean => !has_variants && !flag.is_remote_configuration,
        Kind::Multivariant => has_variants,
        Kind::RemoteConfig => flag.is_remote_configuration,
        Kind::Experiment => {
            flag.has_experiment || links.get(&flag.id).is_some_and(|links| links.iter().any(|link| link.kind == "experiment"))
        }
    }
}

fn compare(order: Order, a: &Flag, b: &Flag, now: Timestamp) -> Ordering {
    match order {
        Order::Key => a.key.to_lowercase().cmp(&b.key.to_lowercase()),
        Order::Name => a.name.to_lowercase().cmp(&b.name.to_lowercase()),
        Order::Created => a.created_at.cmp(&b.created_at),
        Order::Updated => a.updated_at.cmp(&b.updated_at),
        Order::Called => a.last_called_at.cmp(&b.last_called_at),
        Order::Status => status::of(a, now).0.cmp(&status::of(b, now).0),
    }
}

fn active(text: &str) -> ApiResult<Active> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(Active::Is(true)),
        "false" => Ok(Active::Is(false)),
        "stale" => Ok(Active::Stale),
        _ => Err(ApiError::invalid("Choose true, false or STALE.").attr("active")),
    }
}

fn kind(text: &str) -> ApiResult<Kind> {
    match text {
        "boolean" => Ok(Kind::Boolean),
        "multivariant" | "multivariate" => Ok(Kind::Multivariant),
        "experiment" => Ok(Kind::Experiment),
        "remote_config" => Ok(Kind::RemoteConfig),
        _ => Err(ApiError::invalid("Choose boolean, multivariant, experiment or remote_config.").attr("type")),
    }
}

fn order(text: &str) -> ApiResult<Order> {
    match text {
        "key" => Ok(Order::Key),
        "name" => Ok(Order::Name),
        "created_at" => Ok(Order::Created),
        "updated_at" => Ok(Order::Updated),
        "last_called_at" => Ok(Order::Called),
        "active" | "status" => Ok(Order::Status),
        _ => Err(ApiError::invalid("Choose key, name, created_at, updated_at, last_called_at or status.").attr("order")),
    }
}

/// A JSON list, or names between commas.
fn names(text: &str) -> Vec<String> {
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(list)) => list.iter().map(shown).collect(),
        _ => text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect(),
    }
}
