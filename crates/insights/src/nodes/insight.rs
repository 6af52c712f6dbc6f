/// Declares the node of an insight: its own fields, plus what every insight accepts.
macro_rules! insight_node {
    ($(#[$doc:meta])* $name:ident { $($(#[$meta:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        #[allow(dead_code, reason = "fields that are accepted and have no effect on the answer")]
        pub struct $name {
            kind: String,
            #[serde(default, rename = "dateRange")]
            pub date_range: Option<crate::dates::DateRange>,
            $($(#[$meta])* pub $field: $type,)*
            #[serde(default)]
            pub properties: Option<crate::nodes::filters::Properties>,
            #[serde(default, rename = "filterTestAccounts")]
            pub filter_test_accounts: Option<bool>,
            #[serde(default, rename = "samplingFactor")]
            pub sampling_factor: Option<f64>,
            #[serde(default)]
            pub aggregation_group_type_index: Option<u8>,
            #[serde(default)]
            pub modifiers: Option<crate::nodes::Modifiers>,
            #[serde(default, rename = "dataColorTheme")]
            data_color_theme: Option<serde_json::Value>,
            #[serde(default)]
            response: Option<serde_json::Value>,
            #[serde(default)]
            tags: Option<serde_json::Value>,
            #[serde(default)]
            version: Option<i64>,
        }
    };
}

pub(super) use insight_node;
