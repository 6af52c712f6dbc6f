//! `StickinessQuery` as clients write it.

use super::series::Series;
use super::{insight_node, refuse_unknown};
use crate::compare::CompareFilter;
use crate::dates::Interval;
use serde::Deserialize;
use serde_json::{Map, Value};

insight_node! {
    StickinessQuery {
        #[serde(deserialize_with = "super::bounded_series")]
        series: Vec<Series>,
        #[serde(default)]
        interval: Option<Interval>,
        /// So many intervals make one period.
        #[serde(default, rename = "intervalCount")]
        interval_count: Option<u32>,
        #[serde(default, rename = "stickinessFilter")]
        filter: Option<StickinessFilter>,
        #[serde(default, rename = "compareFilter")]
        compare: Option<CompareFilter>,
    }
}

/// `stickinessFilter`: the fields that change the numbers.
#[derive(Clone, Debug, Default)]
pub struct StickinessFilter {
    pub cumulative: bool,
    pub criteria: Option<Criteria>,
}

/// How many events a period needs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Criteria {
    pub operator: String,
    pub value: Value,
}

#[derive(Deserialize)]
struct WireFilter {
    #[serde(default, rename = "computedAs")]
    computed_as: Option<ComputedAs>,
    #[serde(default, rename = "stickinessCriteria")]
    criteria: Option<Criteria>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ComputedAs {
    NonCumulative,
    Cumulative,
}

const PRESENTATION: &[&str] = &[
    "display",
    "showLegend",
    "showMultipleYAxes",
    "showValuesOnSeries",
    "hiddenLegendIndexes",
    "resultCustomizations",
    "resultCustomizationBy",
    "goalLines",
    "showTrendLines",
];

impl<'de> Deserialize<'de> for StickinessFilter {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = WireFilter::deserialize(deserializer)?;
        refuse_unknown::<D::Error>("stickinessFilter", &wire.rest, |name| PRESENTATION.contains(&name))?;
        Ok(StickinessFilter { cumulative: wire.computed_as == Some(ComputedAs::Cumulative), criteria: wire.criteria })
    }
}
