//! `CalendarHeatmapQuery` as clients write it.

use super::insight_node;
use super::series::Series;
use crate::dates::Interval;
use serde::Deserialize;
use serde_json::Value;

insight_node! {
    CalendarHeatmapQuery {
        #[serde(deserialize_with = "super::bounded_series")]
        series: Vec<Series>,
        #[serde(default)]
        interval: Option<Interval>,
        #[serde(default, rename = "calendarHeatmapFilter")]
        filter: Option<CalendarHeatmapFilter>,
        #[serde(default, rename = "conversionGoal")]
        conversion_goal: Option<Value>,
        #[serde(default, rename = "trendsFilter")]
        trends_filter: Option<Value>,
        #[serde(default, rename = "breakdownFilter")]
        breakdown: Option<Value>,
        #[serde(default, rename = "compareFilter")]
        compare: Option<Value>,
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalendarHeatmapFilter {
    /// The first matching event of a session says where its events count.
    #[serde(default, rename = "bucketBySessionStart")]
    pub by_session_start: Option<bool>,
}
