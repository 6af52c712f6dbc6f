//! Query nodes about traces of language models.

use super::Modifiers;
use super::filters::Properties;
use crate::dates::DateRange;
use serde::Deserialize;
use serde_json::Value;

node! {
    TracesQuery {
        #[serde(default, rename = "dateRange")]
        date_range: Option<DateRange>,
        #[serde(default)]
        limit: Option<i64>,
        #[serde(default)]
        offset: Option<i64>,
        #[serde(default, rename = "filterTestAccounts")]
        filter_test_accounts: Option<bool>,
        #[serde(default)]
        properties: Option<Properties>,
        #[serde(default, rename = "personId")]
        person_id: Option<String>,
        #[serde(default, rename = "showColumnConfigurator")]
        show_column_configurator: Option<bool>,
    }
}

node! {
    TraceQuery {
        #[serde(rename = "traceId")]
        trace_id: String,
        #[serde(default, rename = "dateRange")]
        date_range: Option<DateRange>,
        #[serde(default)]
        properties: Option<Properties>,
    }
}
