//! `RetentionQuery` as clients write it.

use super::filters::Properties;
use super::series::{BreakdownFilter, Common, Entity, Series};
use super::{insight_node, refuse_unknown};
use crate::dates::Interval;
use serde::Deserialize;
use serde_json::{Map, Value};

insight_node! {
    RetentionQuery {
        #[serde(rename = "retentionFilter")]
        filter: RetentionFilter,
        #[serde(default, rename = "breakdownFilter")]
        breakdown: Option<BreakdownFilter>,
    }
}

/// `retentionFilter`: the fields that change the numbers. The others only say how a chart looks.
#[derive(Clone, Debug)]
pub struct RetentionFilter {
    pub kind: RetentionType,
    pub target: Series,
    pub returning: Series,
    pub period: Interval,
    pub intervals: Option<i64>,
    pub minimum_occurrences: Option<i64>,
    pub cumulative: bool,
    pub rolling: bool,
    pub brackets: Option<Vec<f64>>,
    pub aggregation: AggregationType,
    pub aggregation_property: Option<String>,
    pub aggregation_property_type: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum RetentionType {
    #[default]
    #[serde(rename = "retention_recurring")]
    Recurring,
    #[serde(rename = "retention_first_time")]
    FirstTime,
    #[serde(rename = "retention_first_ever_occurrence")]
    FirstEver,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AggregationType {
    #[default]
    Count,
    Sum,
    Avg,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
enum WindowMode {
    #[serde(rename = "strict_calendar_dates")]
    Calendar,
    #[serde(rename = "24_hour_windows")]
    Rolling,
}

#[derive(Clone, Copy, Deserialize)]
enum Period {
    Hour,
    Day,
    Week,
    Month,
}

#[derive(Deserialize)]
struct WireFilter {
    #[serde(default, rename = "retentionType")]
    kind: Option<RetentionType>,
    #[serde(default, rename = "targetEntity")]
    target: Option<WireEntity>,
    #[serde(default, rename = "returningEntity")]
    returning: Option<WireEntity>,
    #[serde(default)]
    period: Option<Period>,
    #[serde(default, rename = "totalIntervals")]
    intervals: Option<i64>,
    #[serde(default, rename = "minimumOccurrences")]
    minimum_occurrences: Option<i64>,
    #[serde(default)]
    cumulative: Option<bool>,
    #[serde(default, rename = "timeWindowMode")]
    window_mode: Option<WindowMode>,
    #[serde(default, rename = "retentionCustomBrackets")]
    brackets: Option<Vec<f64>>,
    #[serde(default, rename = "aggregationType")]
    aggregation: Option<AggregationType>,
    #[serde(default, rename = "aggregationProperty")]
    aggregation_property: Option<String>,
    #[serde(default, rename = "aggregationPropertyType")]
    aggregation_property_type: Option<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

const PRESENTATION: &[&str] = &[
    "retentionReference",
    "meanRetentionCalculation",
    "display",
    "dashboardDisplay",
    "showTrendLines",
    "showMean",
    "selectedInterval",
    "goalLines",
    "cohortLabelStartIndex",
];

/// `targetEntity` and `returningEntity`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "fields that are accepted and have no effect on the answer")]
struct WireEntity {
    /// Without it: all events.
    #[serde(default)]
    id: Option<Value>,
    #[serde(default, rename = "type")]
    entity_type: Option<String>,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    custom_name: Option<String>,
    #[serde(default)]
    properties: Option<Properties>,
    #[serde(default)]
    order: Option<i64>,
    #[serde(default)]
    uuid: Option<String>,
}

/// Where no entity is given.
const USUAL_EVENT: &str = "$pageview";

impl WireEntity {
    fn series(self) -> Result<Series, String> {
        let is_action = self.entity_type.as_deref() == Some("actions") || self.kind.as_deref() == Some("ActionsNode");
        if let Some(other) = self.entity_type.as_deref().filter(|kind| !matches!(*kind, "events" | "actions")) {
            return Err(format!("an entity of retention is of type events or actions, not \"{other}\""));
        }
        let entity = match self.id {
            Some(id) if is_action => {
                let number = id.as_i64().or_else(|| id.as_str()?.parse().ok());
                Entity::Action(number.ok_or("the `id` of an action must be a number")?)
            }
            None if is_action => return Err("an action needs its `id`".to_owned()),
            None => Entity::Event(None),
            Some(Value::String(event)) if event.is_empty() => Entity::Event(None),
            Some(Value::String(event)) => Entity::Event(Some(event)),
            Some(_) => return Err("the `id` of an event must be its name".to_owned()),
        };
        let common =
            Common { name: self.name, custom_name: self.custom_name, properties: self.properties.unwrap_or_default(), ..Common::default() };
        Ok(Series { entity, common })
    }
}

impl<'de> Deserialize<'de> for RetentionFilter {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let wire = WireFilter::deserialize(deserializer)?;
        refuse_unknown::<D::Error>("retentionFilter", &wire.rest, |name| PRESENTATION.contains(&name))?;
        let usual = || Series { entity: Entity::Event(Some(USUAL_EVENT.to_owned())), common: Common::default() };
        let entity = |entity: Option<WireEntity>, name: &str| match entity {
            Some(entity) => entity.series().map_err(|error| D::Error::custom(format!("{name}: {error}"))),
            None => Ok(usual()),
        };
        Ok(RetentionFilter {
            kind: wire.kind.unwrap_or_default(),
            target: entity(wire.target, "targetEntity")?,
            returning: entity(wire.returning, "returningEntity")?,
            period: match wire.period.unwrap_or(Period::Day) {
                Period::Hour => Interval::Hour,
                Period::Day => Interval::Day,
                Period::Week => Interval::Week,
                Period::Month => Interval::Month,
            },
            intervals: wire.intervals,
            minimum_occurrences: wire.minimum_occurrences,
            cumulative: wire.cumulative.unwrap_or(false),
            rolling: wire.window_mode == Some(WindowMode::Rolling),
            brackets: wire.brackets.filter(|brackets| !brackets.is_empty()),
            aggregation: wire.aggregation.unwrap_or_default(),
            aggregation_property: wire.aggregation_property.filter(|name| !name.is_empty()),
            aggregation_property_type: wire.aggregation_property_type,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodes::read;
    use serde_json::json;

    fn filter(filter: Value) -> Result<RetentionFilter, String> {
        let query: RetentionQuery = read(&json!({"kind": "RetentionQuery", "retentionFilter": filter}))?;
        Ok(query.filter)
    }

    #[test]
    fn an_entity_without_id_is_every_event_and_no_entity_the_page_view() {
        let read = filter(json!({"targetEntity": {"type": "events", "id": null}, "returningEntity": {"type": "events"}})).unwrap();
        assert_eq!((read.target.entity, read.returning.entity), (Entity::Event(None), Entity::Event(None)));
        assert_eq!(filter(json!({})).unwrap().target.entity, Entity::Event(Some("$pageview".to_owned())));
    }

    #[test]
    fn unknown_fields_are_named() {
        assert!(filter(json!({"perod": "Day"})).unwrap_err().contains("unknown field `perod` in retentionFilter"));
        assert!(filter(json!({"targetEntity": {"ids": 1}})).unwrap_err().contains("unknown field `ids`"));
        assert!(filter(json!({"period": "Year"})).unwrap_err().contains("unknown variant `Year`"));
        assert!(filter(json!({"targetEntity": {"type": "actions", "id": "x"}})).unwrap_err().contains("must be a number"));
        assert!(read::<RetentionQuery>(&json!({"kind": "RetentionQuery"})).unwrap_err().contains("retentionFilter"));
    }
}
