//! `LifecycleQuery` as clients write it.

use super::series::Series;
use super::{insight_node, refuse_unknown};
use crate::dates::Interval;
use serde::Deserialize;
use serde_json::{Map, Value};

insight_node! {
    LifecycleQuery {
        #[serde(deserialize_with = "super::bounded_series")]
        series: Vec<Series>,
        #[serde(default)]
        interval: Option<Interval>,
        #[serde(default, rename = "lifecycleFilter")]
        filter: Option<LifecycleFilter>,
    }
}

/// `lifecycleFilter`: how the chart looks, which statuses it shows included.
#[derive(Clone, Debug, Default)]
pub struct LifecycleFilter;

const PRESENTATION: &[&str] = &[
    "toggledLifecycles",
    "showLegend",
    "showValuesOnSeries",
    "stacked",
    "showTrendLines",
    "goalLines",
    "resultCustomizations",
    "resultCustomizationBy",
];

impl<'de> Deserialize<'de> for LifecycleFilter {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = Map::<String, Value>::deserialize(deserializer)?;
        refuse_unknown::<D::Error>("lifecycleFilter", &members, |name| PRESENTATION.contains(&name))?;
        Ok(LifecycleFilter)
    }
}
