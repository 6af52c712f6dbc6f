//! `FunnelsQuery`, and the queries around it, as clients write them.

use super::filters::Properties;
use super::series::{BreakdownFilter, Series};
use super::{Modifiers, insight_node, refuse_unknown};
use crate::compare::CompareFilter;
use crate::dates::Interval;
use serde::Deserialize;
use serde_json::{Map, Value};

insight_node! {
    FunnelsQuery {
        #[serde(deserialize_with = "super::bounded_series")]
        series: Vec<Series>,
        #[serde(default)]
        interval: Option<Interval>,
        #[serde(default, rename = "funnelsFilter")]
        filter: Option<FunnelsFilter>,
        #[serde(default, rename = "breakdownFilter")]
        breakdown: Option<BreakdownFilter>,
        #[serde(default, rename = "compareFilter")]
        compare: Option<CompareFilter>,
    }
}

/// `funnelsFilter`: the fields that change the numbers. The others only say how a chart looks.
#[derive(Clone, Debug, Default)]
pub struct FunnelsFilter {
    pub order: StepOrder,
    pub view: FunnelView,
    pub window: Option<i64>,
    pub window_unit: WindowUnit,
    pub exclusions: Vec<FunnelExclusion>,
    pub attribution: AttributionType,
    pub attribution_step: Option<i64>,
    pub aggregate_by: Option<String>,
    pub from_step: Option<i64>,
    pub to_step: Option<i64>,
    pub bins: Option<i64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepOrder {
    #[default]
    Ordered,
    Strict,
    Unordered,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FunnelView {
    /// `flow` draws the same numbers in another way.
    #[default]
    #[serde(alias = "flow")]
    Steps,
    TimeToConvert,
    Trends,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowUnit {
    Second,
    Minute,
    Hour,
    #[default]
    Day,
    Week,
    Month,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttributionType {
    #[default]
    FirstTouch,
    LastTouch,
    AllEvents,
    Step,
}

/// An event that must not happen between two steps, which count from 0.
#[derive(Clone, Debug)]
pub struct FunnelExclusion {
    pub entity: Series,
    pub from_step: i64,
    pub to_step: i64,
}

#[derive(Deserialize)]
struct WireFilter {
    #[serde(default, rename = "funnelOrderType")]
    order: Option<StepOrder>,
    #[serde(default, rename = "funnelVizType")]
    view: Option<FunnelView>,
    #[serde(default, rename = "funnelWindowInterval")]
    window: Option<i64>,
    #[serde(default, rename = "funnelWindowIntervalUnit")]
    window_unit: Option<WindowUnit>,
    #[serde(default)]
    exclusions: Option<Vec<FunnelExclusion>>,
    #[serde(default, rename = "breakdownAttributionType")]
    attribution: Option<AttributionType>,
    #[serde(default, rename = "breakdownAttributionValue")]
    attribution_step: Option<i64>,
    #[serde(default, rename = "funnelAggregateByHogQL")]
    aggregate_by: Option<String>,
    #[serde(default, rename = "funnelFromStep")]
    from_step: Option<i64>,
    #[serde(default, rename = "funnelToStep")]
    to_step: Option<i64>,
    #[serde(default, rename = "binCount")]
    bins: Option<i64>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

const PRESENTATION: &[&str] = &[
    "layout",
    "funnelStepReference",
    "hiddenLegendBreakdowns",
    "resultCustomizations",
    "resultCustomizationBy",
    "goalLines",
    "breakdownSorting",
    "customAggregationTarget",
    "hideIncompleteConversionWindowPeriods",
    "showLegend",
    "showTrendLines",
    "showValuesOnSeries",
    "showLabelsOnSeries",
    "showAnnotations",
    "useUdf",
];

impl<'de> Deserialize<'de> for FunnelsFilter {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = WireFilter::deserialize(deserializer)?;
        refuse_unknown::<D::Error>("funnelsFilter", &wire.rest, |name| PRESENTATION.contains(&name))?;
        Ok(FunnelsFilter {
            order: wire.order.unwrap_or_default(),
            view: wire.view.unwrap_or_default(),
            window: wire.window,
            window_unit: wire.window_unit.unwrap_or_default(),
            exclusions: wire.exclusions.unwrap_or_default(),
            attribution: wire.attribution.unwrap_or_default(),
            attribution_step: wire.attribution_step,
            aggregate_by: wire.aggregate_by.filter(|text| !text.trim().is_empty()),
            from_step: wire.from_step,
            to_step: wire.to_step,
            bins: wire.bins,
        })
    }
}

impl<'de> Deserialize<'de> for FunnelExclusion {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let mut members = Map::<String, Value>::deserialize(deserializer)?;
        let mut step = |name: &str| {
            let step = members.remove(name).and_then(|value| value.as_i64());
            step.ok_or_else(|| D::Error::custom(format!("an exclusion needs a whole number as `{name}`")))
        };
        let (from_step, to_step) = (step("funnelFromStep")?, step("funnelToStep")?);
        let kind = match members.get("kind").and_then(Value::as_str) {
            Some("FunnelExclusionEventsNode") => "EventsNode",
            Some("FunnelExclusionActionsNode") => "ActionsNode",
            _ => return Err(D::Error::custom("an exclusion is a FunnelExclusionEventsNode or a FunnelExclusionActionsNode")),
        };
        members.insert("kind".to_owned(), kind.into());
        let entity = Series::deserialize(Value::Object(members)).map_err(|error| D::Error::custom(format!("exclusion: {error}")))?;
        Ok(FunnelExclusion { entity, from_step, to_step })
    }
}

node! {
    /// Who is behind a number of a funnel.
    FunnelsActorsQuery {
        source: Value,
        /// Counts from 1; −k are those who came to the step before k and no further.
        #[serde(default, rename = "funnelStep")]
        step: Option<i64>,
        /// Instead of `funnelStep`: those who came exactly so far.
        #[serde(default, rename = "funnelCustomSteps")]
        custom_steps: Option<Vec<i64>>,
        #[serde(default, rename = "funnelStepBreakdown")]
        breakdown: Option<Value>,
        #[serde(default, rename = "funnelTrendsDropOff")]
        trends_drop_off: Option<bool>,
        #[serde(default, rename = "funnelTrendsEntrancePeriodStart")]
        trends_period: Option<String>,
        #[serde(default)]
        compare: Option<String>,
        #[serde(default, rename = "includeRecordings")]
        include_recordings: Option<bool>,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CorrelationType {
    Events,
    Properties,
    EventWithProperties,
}

node! {
    /// What those who converted did more often than those who did not.
    FunnelCorrelationQuery {
        source: Value,
        #[serde(rename = "funnelCorrelationType")]
        correlation: CorrelationType,
        #[serde(default, rename = "funnelCorrelationExcludeEventNames")]
        exclude_events: Option<Vec<String>>,
        #[serde(default, rename = "funnelCorrelationNames")]
        names: Option<Vec<String>>,
        #[serde(default, rename = "funnelCorrelationExcludeNames")]
        exclude_names: Option<Vec<String>>,
        #[serde(default, rename = "funnelCorrelationEventNames")]
        event_names: Option<Vec<String>>,
        #[serde(default, rename = "funnelCorrelationEventExcludePropertyNames")]
        exclude_event_properties: Option<Vec<String>>,
    }
}

node! {
    FunnelCorrelationActorsQuery {
        source: Value,
        #[serde(default, rename = "funnelCorrelationPersonConverted")]
        converted: Option<bool>,
        #[serde(default, rename = "funnelCorrelationPersonEntity")]
        entity: Option<Series>,
        #[serde(default, rename = "funnelCorrelationPropertyValues")]
        property_values: Option<Properties>,
        #[serde(default, rename = "includeRecordings")]
        include_recordings: Option<bool>,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodes::read;
    use serde_json::json;

    fn funnel(filter: Value) -> Result<FunnelsQuery, String> {
        read(&json!({"kind": "FunnelsQuery", "series": [{"kind": "EventsNode", "event": "a"}], "funnelsFilter": filter}))
    }

    #[test]
    fn filters_are_read_beside_what_only_concerns_looks() {
        let filter = json!({"funnelVizType": "time_to_convert", "funnelWindowIntervalUnit": "week", "layout": "vertical",
            "exclusions": [{"kind": "FunnelExclusionEventsNode", "event": "x", "funnelFromStep": 0, "funnelToStep": 1}]});
        let filter = funnel(filter).unwrap().filter.unwrap();
        assert_eq!((filter.view, filter.window_unit, filter.exclusions[0].to_step), (FunnelView::TimeToConvert, WindowUnit::Week, 1));
    }

    #[test]
    fn unknown_fields_are_named() {
        assert!(funnel(json!({"funnelVizTyp": "steps"})).unwrap_err().contains("unknown field `funnelVizTyp` in funnelsFilter"));
        let exclusion = |more: Value| {
            let mut exclusion = json!({"kind": "FunnelExclusionEventsNode", "funnelFromStep": 0, "funnelToStep": 1});
            exclusion.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            funnel(json!({"exclusions": [exclusion]})).unwrap_err()
        };
        assert!(exclusion(json!({"evnt": "x"})).contains("unknown field `evnt`"));
        assert!(exclusion(json!({"funnelToStep": "x"})).contains("a whole number as `funnelToStep`"));
        assert!(exclusion(json!({"kind": "EventsNode"})).contains("FunnelExclusionEventsNode"));
    }
}
