//! What an insight counts: events, actions, and how.

use super::filters::Properties;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// One series of an insight.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub entity: Entity,
    pub common: Common,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Entity {
    /// `None` counts all events.
    Event(Option<String>),
    Action(i64),
    /// A `GroupNode`: events that meet one of the nodes, or all of them.
    Several {
        all: bool,
        nodes: Vec<Series>,
    },
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Common {
    pub name: Option<String>,
    pub custom_name: Option<String>,
    pub math: Option<String>,
    pub math_property: Option<String>,
    pub math_property_type: Option<String>,
    pub math_hogql: Option<String>,
    pub math_group_type_index: Option<u8>,
    pub math_multiplier: Option<f64>,
    pub properties: Properties,
    pub fixed_properties: Properties,
    pub optional_in_funnel: bool,
}

/// `EventsNode` and `ActionsNode`: the same fields but for what names the entity.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "fields that are accepted and have no effect on the answer")]
struct Wire {
    kind: String,
    #[serde(default)]
    event: Option<String>,
    #[serde(default)]
    id: Option<Value>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    custom_name: Option<String>,
    #[serde(default)]
    math: Option<String>,
    #[serde(default)]
    math_multiplier: Option<f64>,
    #[serde(default)]
    math_property: Option<String>,
    #[serde(default)]
    math_property_type: Option<String>,
    #[serde(default)]
    math_property_revenue_currency: Option<Value>,
    #[serde(default)]
    math_hogql: Option<String>,
    #[serde(default)]
    math_group_type_index: Option<u8>,
    #[serde(default)]
    properties: Option<Properties>,
    #[serde(default, rename = "fixedProperties")]
    fixed_properties: Option<Properties>,
    #[serde(default, rename = "optionalInFunnel")]
    optional_in_funnel: Option<bool>,
    #[serde(default)]
    limit: Option<i64>,
    #[serde(default, rename = "orderBy")]
    order_by: Option<Vec<String>>,
    #[serde(default)]
    response: Option<Value>,
    #[serde(default)]
    version: Option<i64>,
}

impl<'de> Deserialize<'de> for Series {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let value = Value::deserialize(deserializer)?;
        match value.get("kind").and_then(Value::as_str) {
            Some("EventsNode" | "ActionsNode") => {}
            Some("GroupNode") => return several(value).map_err(D::Error::custom),
            Some("DataWarehouseNode") => {
                return Err(D::Error::custom("series of kind DataWarehouseNode need a data warehouse, which is not supported"));
            }
            Some(other) => return Err(D::Error::custom(format!("series of kind {other} are not supported yet"))),
            None => return Err(D::Error::custom("a series needs a `kind`")),
        }
        let wire = Wire::deserialize(value).map_err(|error| D::Error::custom(format!("series: {error}")))?;
        let entity = match (wire.kind.as_str(), &wire.id) {
            ("EventsNode", None) => Entity::Event(wire.event.clone().filter(|event| !event.is_empty())),
            ("EventsNode", Some(_)) => return Err(D::Error::custom("series: unknown field `id` in an EventsNode")),
            (_, Some(id)) if wire.event.is_none() => Entity::Action(
                id.as_i64()
                    .or_else(|| id.as_str()?.parse().ok())
                    .ok_or_else(|| D::Error::custom("series: an action's `id` must be a number"))?,
            ),
            _ => return Err(D::Error::custom("series: an ActionsNode needs `id` and no `event`")),
        };
        Ok(Series { entity, common: wire.into() })
    }
}

impl From<Wire> for Common {
    fn from(wire: Wire) -> Common {
        Common {
            name: wire.name,
            custom_name: wire.custom_name.filter(|name| !name.is_empty()),
            math: wire.math,
            math_property: wire.math_property,
            math_property_type: wire.math_property_type,
            math_hogql: wire.math_hogql,
            math_group_type_index: wire.math_group_type_index,
            math_multiplier: wire.math_multiplier,
            properties: wire.properties.unwrap_or_default(),
            fixed_properties: wire.fixed_properties.unwrap_or_default(),
            optional_in_funnel: wire.optional_in_funnel.unwrap_or(false),
        }
    }
}

/// Several events counted as one series.
fn several(mut value: Value) -> Result<Series, String> {
    const MOST: usize = 50;
    let members = value.as_object_mut().ok_or("series: a GroupNode must be an object")?;
    let nodes = match members.remove("nodes") {
        Some(Value::Array(nodes)) if nodes.is_empty() => return Err("series: a GroupNode needs at least one node".to_owned()),
        Some(Value::Array(nodes)) if nodes.len() > MOST => return Err(format!("series: a GroupNode can have at most {MOST} nodes")),
        Some(Value::Array(nodes)) => nodes,
        _ => return Err("series: a GroupNode needs a list of `nodes`".to_owned()),
    };
    if nodes.iter().any(|node| node.get("kind").and_then(Value::as_str) == Some("GroupNode")) {
        return Err("series: a GroupNode cannot hold another one".to_owned());
    }
    let all = match members.remove("operator") {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) if text == "OR" => false,
        Some(Value::String(text)) if text == "AND" => true,
        Some(other) => return Err(format!("series: a GroupNode is joined by AND or OR, not by {other}")),
    };
    let nodes = nodes.into_iter().map(|node| Series::deserialize(node).map_err(|error| error.to_string()));
    let nodes = nodes.collect::<Result<Vec<Series>, String>>()?;
    let wire = Wire::deserialize(value).map_err(|error| format!("series: {error}"))?;
    if wire.event.is_some() || wire.id.is_some() {
        return Err("series: a GroupNode names its events in `nodes`".to_owned());
    }
    Ok(Series { entity: Entity::Several { all, nodes }, common: wire.into() })
}

impl Series {
    /// What the series is called in results.
    pub fn label(&self) -> String {
        match &self.entity {
            Entity::Event(Some(event)) => event.clone(),
            Entity::Event(None) => "All events".to_owned(),
            Entity::Action(id) => self.common.name.clone().unwrap_or_else(|| format!("Action {id}")),
            Entity::Several { nodes, .. } => {
                self.common.name.clone().unwrap_or_else(|| nodes.iter().map(Series::label).collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// The `action` object of a result item.
    pub fn action(&self, order: usize, days: &[String]) -> Value {
        let (id, kind) = match &self.entity {
            Entity::Event(event) => (json!(event), "events"),
            Entity::Action(id) => (json!(id), "actions"),
            Entity::Several { .. } => (Value::Null, "groups"),
        };
        let common = &self.common;
        json!({
            "id": id,
            "type": kind,
            "order": order,
            "name": common.name.clone().unwrap_or_else(|| self.label()),
            "custom_name": common.custom_name,
            "math": common.math.as_deref().unwrap_or("total"),
            "math_property": common.math_property,
            "math_hogql": common.math_hogql,
            "math_group_type_index": common.math_group_type_index,
            "properties": {},
            "days": days,
        })
    }
}

/// `breakdownFilter`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BreakdownFilter {
    #[serde(default)]
    pub breakdown: Option<Value>,
    #[serde(default)]
    pub breakdown_type: Option<String>,
    #[serde(default)]
    pub breakdown_limit: Option<u32>,
    #[serde(default)]
    pub breakdown_normalize_url: Option<bool>,
    #[serde(default)]
    pub breakdown_group_type_index: Option<u8>,
    #[serde(default)]
    pub breakdown_histogram_bin_count: Option<u32>,
    #[serde(default)]
    pub breakdown_hide_other_aggregation: Option<bool>,
    #[serde(default)]
    pub breakdowns: Option<Vec<Breakdown>>,
    #[serde(default)]
    pub breakdown_path_cleaning: Option<bool>,
}

/// One of several breakdowns.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Breakdown {
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    pub property: Value,
    #[serde(default)]
    pub normalize_url: Option<bool>,
    #[serde(default)]
    pub group_type_index: Option<u8>,
    #[serde(default)]
    pub histogram_bin_count: Option<u32>,
}

pub const MAX_BREAKDOWNS: usize = 3;

impl BreakdownFilter {
    /// Old and new spelling as one list; empty means no breakdown.
    pub fn list(&self) -> Result<Vec<Breakdown>, String> {
        if let Some(list) = self.breakdowns.as_ref().filter(|list| !list.is_empty()) {
            return match list.len() > MAX_BREAKDOWNS {
                true => Err(format!("At most {MAX_BREAKDOWNS} breakdowns are supported")),
                false => Ok(list.clone()),
            };
        }
        let one = |property: &Value| Breakdown {
            kind: self.breakdown_type.clone(),
            property: property.clone(),
            normalize_url: self.breakdown_normalize_url,
            group_type_index: self.breakdown_group_type_index,
            histogram_bin_count: self.breakdown_histogram_bin_count,
        };
        Ok(match &self.breakdown {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::String(text)) if text.is_empty() => Vec::new(),
            Some(Value::Array(list)) if list.len() > MAX_BREAKDOWNS => {
                return Err(format!("At most {MAX_BREAKDOWNS} breakdowns are supported"));
            }
            Some(Value::Array(list)) => list.iter().map(one).collect(),
            Some(value) => vec![one(value)],
        })
    }
}
