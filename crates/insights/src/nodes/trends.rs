//! `TrendsQuery` as clients write it.

use super::filters::Properties;
use super::series::{BreakdownFilter, Series};
use super::{Modifiers, refuse_unknown};
use crate::compare::CompareFilter;
use crate::dates::{DateRange, Interval};
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "fields that are accepted and have no effect on the answer")]
pub struct TrendsQuery {
    kind: String,
    #[serde(default, rename = "dateRange")]
    pub date_range: Option<DateRange>,
    #[serde(default)]
    pub interval: Option<Interval>,
    #[serde(deserialize_with = "super::bounded_series")]
    pub series: Vec<Series>,
    #[serde(default, rename = "trendsFilter")]
    pub filter: Option<TrendsFilter>,
    #[serde(default, rename = "breakdownFilter")]
    pub breakdown: Option<BreakdownFilter>,
    #[serde(default, rename = "compareFilter")]
    pub compare: Option<CompareFilter>,
    #[serde(default)]
    pub properties: Option<Properties>,
    #[serde(default, rename = "filterTestAccounts")]
    pub filter_test_accounts: Option<bool>,
    #[serde(default, rename = "samplingFactor")]
    pub sampling_factor: Option<f64>,
    #[serde(default)]
    pub aggregation_group_type_index: Option<u8>,
    #[serde(default)]
    pub modifiers: Option<Modifiers>,
    #[serde(default, rename = "conversionGoal")]
    pub conversion_goal: Option<Value>,
    #[serde(default, rename = "calendarHeatmapFilter")]
    calendar_heatmap_filter: Option<Value>,
    #[serde(default, rename = "dataColorTheme")]
    data_color_theme: Option<Value>,
    #[serde(default)]
    response: Option<Value>,
    #[serde(default)]
    tags: Option<Value>,
    #[serde(default)]
    version: Option<i64>,
}

impl TrendsQuery {
    /// Shown by weekday and hour, which is another question.
    pub fn is_heatmap(&self) -> bool {
        let display = self.filter.as_ref().map(|filter| filter.display);
        matches!(display, Some(Display::CalendarHeatmap | Display::TwoDimensionalHeatmap))
    }
}

/// `trendsFilter`: the fields that change the numbers. The others only say how a chart looks.
#[derive(Clone, Debug, Default)]
pub struct TrendsFilter {
    pub display: Display,
    pub smoothing_intervals: Option<usize>,
    pub formulas: Vec<FormulaNode>,
    pub histogram_bins: Option<u32>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormulaNode {
    pub formula: String,
    #[serde(default)]
    pub custom_name: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Display {
    #[default]
    ActionsLineGraph,
    ActionsBar,
    ActionsUnstackedBar,
    ActionsAreaGraph,
    ActionsLineGraphCumulative,
    ActionsStackedBar,
    SlopeGraph,
    Metric,
    BoxPlot,
    BoldNumber,
    ActionsPie,
    ActionsBarValue,
    ActionsTable,
    WorldMap,
    CalendarHeatmap,
    TwoDimensionalHeatmap,
    Auto,
}

impl Display {
    /// One number per series instead of one per bucket.
    pub fn is_total_value(self) -> bool {
        use Display::*;
        matches!(self, BoldNumber | ActionsPie | ActionsBarValue | ActionsTable | WorldMap)
    }
}

const PRESENTATION: &[&str] = &[
    "showLegend",
    "legendPosition",
    "showAlertThresholdLines",
    "aggregationAxisFormat",
    "aggregationAxisPrefix",
    "aggregationAxisPostfix",
    "decimalPlaces",
    "minDecimalPlaces",
    "xAxisLabel",
    "yAxisLabel",
    "showValuesOnSeries",
    "showLabelsOnSeries",
    "showPercentStackView",
    "showPercentView",
    "stackBreakdownValues",
    "yAxisScaleType",
    "showMultipleYAxes",
    "hiddenLegendIndexes",
    "resultCustomizationBy",
    "resultCustomizations",
    "goalLines",
    "showConfidenceIntervals",
    "confidenceLevel",
    "showTrendLines",
    "showMovingAverage",
    "movingAverageIntervals",
    "detailedResultsAggregationType",
    "excludeBoxPlotOutliers",
    "hideWeekends",
    "showAnnotations",
    "breakdownSorting",
];

#[derive(Deserialize)]
struct WireFilter {
    #[serde(default)]
    display: Option<Display>,
    #[serde(default, rename = "smoothingIntervals")]
    smoothing_intervals: Option<usize>,
    #[serde(default)]
    formula: Option<String>,
    #[serde(default)]
    formulas: Option<Vec<String>>,
    #[serde(default, rename = "formulaNodes")]
    formula_nodes: Option<Vec<FormulaNode>>,
    #[serde(default)]
    breakdown_histogram_bin_count: Option<u32>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl<'de> Deserialize<'de> for TrendsFilter {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = WireFilter::deserialize(deserializer)?;
        refuse_unknown::<D::Error>("trendsFilter", &wire.rest, |name| PRESENTATION.contains(&name) || name.starts_with("metric"))?;
        let formulas: Vec<FormulaNode> = match (wire.formula_nodes, wire.formulas, wire.formula) {
            (Some(nodes), ..) if !nodes.is_empty() => nodes,
            (_, Some(texts), _) if !texts.is_empty() => {
                texts.into_iter().map(|formula| FormulaNode { formula, custom_name: None }).collect()
            }
            (_, _, Some(formula)) => vec![FormulaNode { formula, custom_name: None }],
            _ => Vec::new(),
        };
        Ok(TrendsFilter {
            display: wire.display.unwrap_or_default(),
            smoothing_intervals: wire.smoothing_intervals,
            formulas: formulas.into_iter().filter(|node| !node.formula.trim().is_empty()).collect(),
            histogram_bins: wire.breakdown_histogram_bin_count,
        })
    }
}
