//! `ExperimentQuery` and `ExperimentExposureQuery` as clients write them, and the metrics that experiments keep.

use super::series::{Breakdown, BreakdownFilter, Series};
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "fields that are accepted and have no effect on the answer")]
pub struct ExperimentQuery {
    kind: String,
    #[serde(default)]
    name: Option<String>,
    pub experiment_id: i64,
    pub metric: Metric,
    /// Results as they were then, instead of now or at the experiment's end.
    #[serde(default)]
    pub override_end_date: Option<String>,
    #[serde(default)]
    modifiers: Option<Value>,
    #[serde(default)]
    response: Option<Value>,
    #[serde(default)]
    tags: Option<Value>,
    #[serde(default)]
    version: Option<i64>,
}

/// Members that are absent are the stored experiment's; without an `experiment_id` the flag's are needed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "fields that are accepted and have no effect on the answer")]
pub struct ExperimentExposureQuery {
    kind: String,
    #[serde(default)]
    pub experiment_id: Option<i64>,
    #[serde(default)]
    experiment_name: Option<String>,
    #[serde(default)]
    pub exposure_criteria: Option<Value>,
    /// The whole flag, or its key alone.
    #[serde(default)]
    pub feature_flag: Option<Value>,
    #[serde(default)]
    pub start_date: Option<String>,
    #[serde(default)]
    pub end_date: Option<String>,
    /// The whole holdout: `{"id": 3, …}`.
    #[serde(default)]
    pub holdout: Option<Value>,
    #[serde(default)]
    modifiers: Option<Value>,
    #[serde(default)]
    response: Option<Value>,
    #[serde(default)]
    tags: Option<Value>,
    #[serde(default)]
    version: Option<i64>,
}

/// A metric of an experiment.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Wire")]
pub struct Metric {
    pub goal: statistics::Goal,
    /// How long after the last exposure an event counts.
    pub window_seconds: Option<i64>,
    pub measure: Measured,
    /// Of exposures.
    pub breakdowns: Vec<Breakdown>,
    pub breakdown_limit: Option<u32>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Measured {
    Mean {
        source: Series,
        percentiles: statistics::winsorise::Percentiles,
        /// Counts entities whose value is at least this.
        threshold: Option<f64>,
    },
    Funnel {
        steps: Vec<Series>,
        unordered: bool,
    },
    Ratio {
        numerator: Series,
        denominator: Series,
    },
    Retention(Box<Returning>),
}

/// Of those who start, who comes back in time?
#[derive(Clone, Debug, PartialEq)]
pub struct Returning {
    pub start: Series,
    pub completion: Series,
    /// Units after the start, both included.
    pub from: i64,
    pub to: i64,
    pub unit: Unit,
    pub last_start: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Second,
    Minute,
    Hour,
    #[default]
    Day,
    Week,
    Month,
}

impl Unit {
    pub fn seconds(self) -> i64 {
        match self {
            Unit::Second => 1,
            Unit::Minute => 60,
            Unit::Hour => 3_600,
            Unit::Day => 86_400,
            Unit::Week => 7 * 86_400,
            Unit::Month => 30 * 86_400,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum GoalName {
    #[default]
    Increase,
    Decrease,
}

/// Every metric's fields; which of them it needs, its type says. What is in `rest` concerns only how the metric is shown.
#[derive(Deserialize)]
struct Wire {
    kind: String,
    metric_type: Option<String>,
    #[serde(default)]
    goal: Option<GoalName>,
    #[serde(default)]
    conversion_window: Option<i64>,
    #[serde(default)]
    conversion_window_unit: Option<Unit>,
    #[serde(default)]
    source: Option<Series>,
    #[serde(default)]
    lower_bound_percentile: Option<f64>,
    #[serde(default)]
    upper_bound_percentile: Option<f64>,
    #[serde(default)]
    ignore_zeros: Option<bool>,
    #[serde(default)]
    threshold: Option<f64>,
    #[serde(default)]
    series: Option<Vec<Series>>,
    #[serde(default)]
    funnel_order_type: Option<String>,
    #[serde(default)]
    numerator: Option<Series>,
    #[serde(default)]
    denominator: Option<Series>,
    #[serde(default)]
    start_event: Option<Series>,
    #[serde(default)]
    completion_event: Option<Series>,
    #[serde(default)]
    retention_window_start: Option<i64>,
    #[serde(default)]
    retention_window_end: Option<i64>,
    #[serde(default)]
    retention_window_unit: Option<Unit>,
    #[serde(default)]
    start_handling: Option<String>,
    #[serde(default, rename = "breakdownFilter")]
    breakdown: Option<BreakdownFilter>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

const SHOWN: &[&str] = &[
    "uuid",
    "name",
    "fingerprint",
    "response",
    "version",
    "isSharedMetric",
    "sharedMetricId",
    "metadata",
    "description",
    "saved_metric_id",
    "winsorization",
];
/// Steps of a funnel after the exposure.
const MOST_STEPS: usize = 30;
const LONGEST_SECONDS: i64 = 10 * 366 * 86_400;

impl TryFrom<Wire> for Metric {
    type Error = String;

    fn try_from(mut wire: Wire) -> Result<Metric, String> {
        if wire.kind != "ExperimentMetric" {
            return Err(format!("a metric of kind \"{}\" is not supported; write an ExperimentMetric with a metric_type", wire.kind));
        }
        if let Some(unknown) = wire.rest.keys().find(|name| !SHOWN.contains(&name.as_str())) {
            return Err(format!("unknown field `{unknown}` in a metric"));
        }
        let breakdown = wire.breakdown.take().unwrap_or_default();
        let window_seconds = window(wire.conversion_window, wire.conversion_window_unit)?;
        let goal = match wire.goal.unwrap_or_default() {
            GoalName::Increase => statistics::Goal::Increase,
            GoalName::Decrease => statistics::Goal::Decrease,
        };
        Ok(Metric {
            goal,
            window_seconds,
            measure: measured(wire)?,
            breakdowns: breakdown.list()?,
            breakdown_limit: breakdown.breakdown_limit,
        })
    }
}

fn window(count: Option<i64>, unit: Option<Unit>) -> Result<Option<i64>, String> {
    let Some(count) = count.filter(|count| *count != 0) else { return Ok(None) };
    match count.checked_mul(unit.unwrap_or_default().seconds()) {
        Some(seconds @ 1..=LONGEST_SECONDS) => Ok(Some(seconds)),
        _ => Err("conversion_window must be positive and at most ten years".to_owned()),
    }
}

fn measured(wire: Wire) -> Result<Measured, String> {
    match wire.metric_type.as_deref() {
        Some("mean") => mean(wire),
        Some("funnel") => {
            let steps = wire.series.filter(|steps| !steps.is_empty()).ok_or("a funnel metric needs `series`")?;
            if steps.len() > MOST_STEPS {
                return Err(format!("a funnel metric has at most {MOST_STEPS} steps"));
            }
            let unordered = match wire.funnel_order_type.as_deref() {
                None | Some("ordered") => false,
                Some("unordered") => true,
                Some(other) => return Err(format!("funnel_order_type is ordered or unordered, not \"{other}\"")),
            };
            Ok(Measured::Funnel { steps, unordered })
        }
        Some("ratio") => Ok(Measured::Ratio {
            numerator: wire.numerator.ok_or("a ratio metric needs a `numerator`")?,
            denominator: wire.denominator.ok_or("a ratio metric needs a `denominator`")?,
        }),
        Some("retention") => retention(wire),
        Some(other) => Err(format!("metric_type is mean, funnel, ratio or retention, not \"{other}\"")),
        None => Err("a metric needs a metric_type: mean, funnel, ratio or retention".to_owned()),
    }
}

fn mean(wire: Wire) -> Result<Measured, String> {
    let source = wire.source.ok_or("a mean metric needs a `source`")?;
    for (name, level) in [("lower_bound_percentile", wire.lower_bound_percentile), ("upper_bound_percentile", wire.upper_bound_percentile)]
    {
        if level.is_some_and(|level| !(0.0..=1.0).contains(&level)) {
            return Err(format!("{name} is a share from 0 to 1"));
        }
    }
    if let (Some(lower), Some(upper)) = (wire.lower_bound_percentile, wire.upper_bound_percentile)
        && lower >= upper
    {
        return Err("lower_bound_percentile must be below upper_bound_percentile".to_owned());
    }
    if wire.threshold.is_some() && !matches!(source.common.math.as_deref(), None | Some("total" | "sum")) {
        return Err("a threshold needs the math total or sum".to_owned());
    }
    let percentiles = statistics::winsorise::Percentiles {
        lower: wire.lower_bound_percentile,
        upper: wire.upper_bound_percentile,
        ignore_zeros: wire.ignore_zeros.unwrap_or(false),
    };
    Ok(Measured::Mean { source, percentiles, threshold: wire.threshold })
}

fn retention(wire: Wire) -> Result<Measured, String> {
    let unit = wire.retention_window_unit.unwrap_or_default();
    let (Some(from), Some(to)) = (wire.retention_window_start, wire.retention_window_end) else {
        return Err("a retention metric needs retention_window_start and retention_window_end".to_owned());
    };
    if from < 0 || to < from || to.checked_mul(unit.seconds()).is_none_or(|seconds| seconds > LONGEST_SECONDS) {
        return Err("retention_window_start must be from 0 to retention_window_end, and that at most ten years".to_owned());
    }
    let last_start = match wire.start_handling.as_deref() {
        None | Some("first_seen") => false,
        Some("last_seen") => true,
        Some(other) => return Err(format!("start_handling is first_seen or last_seen, not \"{other}\"")),
    };
    Ok(Measured::Retention(Box::new(Returning {
        start: wire.start_event.ok_or("a retention metric needs a `start_event`")?,
        completion: wire.completion_event.ok_or("a retention metric needs a `completion_event`")?,
        from,
        to,
        unit,
        last_start,
    })))
}

/// `exposure_criteria`: who counts as having seen the experiment.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExposureCriteria {
    #[serde(default, rename = "filterTestAccounts")]
    pub filter_test_accounts: Option<bool>,
    #[serde(default)]
    pub exposure_config: Option<ExposureConfig>,
    #[serde(default)]
    pub multiple_variant_handling: Option<MultipleVariants>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MultipleVariants {
    #[default]
    Exclude,
    FirstSeen,
}

/// An event or action of the client's own, instead of `$feature_flag_called`.
#[derive(Clone, Debug)]
pub struct ExposureConfig {
    pub series: Series,
}

impl<'de> Deserialize<'de> for ExposureConfig {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let mut value = Value::Object(Map::deserialize(deserializer)?);
        // Written before configurations had kinds.
        let kind = value.get("kind").and_then(Value::as_str).unwrap_or("ExperimentEventExposureConfig").to_owned();
        match kind.as_str() {
            "ExperimentEventExposureConfig" | "EventsNode" => value["kind"] = "EventsNode".into(),
            "ActionsNode" => {}
            other => return Err(D::Error::custom(format!("exposure_config of kind \"{other}\" is not known"))),
        }
        let series = Series::deserialize(value).map_err(|error| D::Error::custom(format!("exposure_config: {error}")))?;
        Ok(ExposureConfig { series })
    }
}

/// Who is behind a number; the source of an `ActorsQuery`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "fields that are accepted and have no effect on the answer")]
pub struct ExperimentActorsQuery {
    kind: String,
    pub source: Value,
    #[serde(alias = "funnelStepBreakdown")]
    pub variant: String,
    #[serde(default, rename = "funnelStep")]
    pub step: Option<i64>,
    #[serde(default)]
    modifiers: Option<Value>,
    #[serde(default)]
    response: Option<Value>,
    #[serde(default)]
    tags: Option<Value>,
    #[serde(default)]
    version: Option<i64>,
}
