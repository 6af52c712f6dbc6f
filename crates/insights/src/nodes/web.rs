//! Query nodes of web analytics: visitors, pages, sources, goals, vitals.

use super::Modifiers;
use super::filters::Properties;
use crate::compare::CompareFilter;
use crate::dates::{DateRange, Interval};
use serde::Deserialize;
use serde_json::Value;

/// What every node of web analytics accepts, and its own fields.
macro_rules! web_node {
    ($(#[$doc:meta])* $name:ident { $($(#[$meta:meta])* $field:ident: $type:ty,)* }) => {
        node! {
            $(#[$doc])*
            $name {
                #[serde(default)]
                properties: Option<Properties>,
                #[serde(default, rename = "dateRange")]
                date_range: Option<DateRange>,
                #[serde(default, rename = "conversionGoal")]
                conversion_goal: Option<ConversionGoal>,
                #[serde(default, rename = "compareFilter")]
                compare: Option<CompareFilter>,
                #[serde(default, rename = "doPathCleaning")]
                path_cleaning: Option<bool>,
                #[serde(default, rename = "filterTestAccounts")]
                filter_test_accounts: Option<bool>,
                #[serde(default)]
                interval: Option<Interval>,
                #[serde(default, rename = "orderBy")]
                order_by: Option<Vec<String>>,
                // Answers are exact and fast enough; there is nothing to sample.
                #[serde(default)]
                sampling: Option<Value>,
                #[serde(default, rename = "samplingFactor")]
                sampling_factor: Option<f64>,
                #[serde(default, rename = "useSessionsTable")]
                use_sessions_table: Option<bool>,
                #[serde(default, rename = "includeRevenue")]
                include_revenue: Option<bool>,
                #[serde(default)]
                aggregation_group_type_index: Option<i64>,
                #[serde(default, rename = "dataColorTheme")]
                data_color_theme: Option<Value>,
                $($(#[$meta])* $field: $type,)*
            }
        }

        impl $name {
            #[allow(dead_code, reason = "a node that only carries another query has filters that change nothing")]
            pub fn filters(&self) -> WebFilters {
                WebFilters {
                    properties: self.properties.clone().unwrap_or_default(),
                    date_range: self.date_range.clone().unwrap_or_default(),
                    goal: self.conversion_goal.clone(),
                    compare: self.compare.clone().unwrap_or_default(),
                    cleans_paths: self.path_cleaning.unwrap_or(false),
                    without_test_accounts: self.filter_test_accounts.unwrap_or(false),
                    interval: self.interval.unwrap_or(Interval::Day),
                }
            }
        }
    };
}

/// What the nodes of web analytics have in common.
#[derive(Clone, Debug)]
pub struct WebFilters {
    pub properties: Properties,
    pub date_range: DateRange,
    pub goal: Option<ConversionGoal>,
    pub compare: CompareFilter,
    pub cleans_paths: bool,
    pub without_test_accounts: bool,
    pub interval: Interval,
}

/// What visitors are hoped to do.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConversionGoal {
    #[serde(default, rename = "actionId")]
    pub action: Option<i64>,
    #[serde(default, rename = "customEventName")]
    pub event: Option<String>,
}

web_node! {
    WebOverviewQuery {}
}

web_node! {
    WebStatsTableQuery {
        #[serde(rename = "breakdownBy")]
        breakdown: StatsBreakdown,
        #[serde(default, rename = "includeBounceRate")]
        include_bounce_rate: Option<bool>,
        #[serde(default, rename = "includeScrollDepth")]
        include_scroll_depth: Option<bool>,
        #[serde(default, rename = "includeAvgTimeOnPage")]
        include_time_on_page: Option<bool>,
        #[serde(default)]
        limit: Option<i64>,
        #[serde(default)]
        offset: Option<i64>,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum StatsBreakdown {
    Page,
    InitialPage,
    ExitPage,
    ExitClick,
    PreviousPage,
    ScreenName,
    InitialChannelType,
    InitialReferringDomain,
    InitialReferringURL,
    InitialUTMSource,
    InitialUTMCampaign,
    InitialUTMMedium,
    InitialUTMTerm,
    InitialUTMContent,
    InitialUTMSourceMediumCampaign,
    Browser,
    #[serde(rename = "OS")]
    Os,
    Viewport,
    DeviceType,
    Country,
    Region,
    City,
    Timezone,
    Language,
    FrustrationMetrics,
}

web_node! {
    WebGoalsQuery {
        #[serde(default)]
        limit: Option<i64>,
    }
}

web_node! {
    WebExternalClicksTableQuery {
        #[serde(default)]
        limit: Option<i64>,
        #[serde(default, rename = "stripQueryParams")]
        strip_query_params: Option<bool>,
    }
}

web_node! {
    WebPageURLSearchQuery {
        #[serde(default, rename = "searchTerm")]
        search: Option<String>,
        #[serde(default)]
        limit: Option<i64>,
        #[serde(default, rename = "stripQueryParams")]
        strip_query_params: Option<bool>,
    }
}

web_node! {
    WebVitalsQuery {
        source: Value,
    }
}

web_node! {
    WebVitalsPathBreakdownQuery {
        metric: Vital,
        percentile: Percentile,
        /// Up to the first a value is good, beyond the second it is poor.
        thresholds: (f64, f64),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Vital {
    Lcp,
    Inp,
    Cls,
    Fcp,
}

impl Vital {
    pub fn property(self) -> &'static str {
        match self {
            Vital::Lcp => "$web_vitals_LCP_value",
            Vital::Inp => "$web_vitals_INP_value",
            Vital::Cls => "$web_vitals_CLS_value",
            Vital::Fcp => "$web_vitals_FCP_value",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Percentile {
    P75,
    P90,
    P99,
}

impl Percentile {
    pub fn fraction(self) -> f64 {
        match self {
            Percentile::P75 => 0.75,
            Percentile::P90 => 0.9,
            Percentile::P99 => 0.99,
        }
    }
}
