//! The settings of a project, under the names of PostHog's API.

use crate::fields::{Field, Kind};

const JSON_LIST: Kind = Kind::List;
const OBJECT: Kind = Kind::Object;
const ANY_INT: Kind = Kind::Int { least: 0, most: i64::MAX };
const LONG: Kind = Kind::Text { most: 10_000 };

/// Everything that PATCH may write, except what has a column of its own (name, time zone, week start, IP and cookieless mode).
pub(crate) const FIELDS: &[Field] = &[
    // Where it is used, and who counts.
    Field::new("app_urls", Kind::TextList, "[]"),
    Field::nullable("recording_domains", Kind::TextList, "null"),
    Field::nullable("slack_incoming_webhook", Kind::Text { most: 500 }, "null"),
    Field::new("completed_snippet_onboarding", Kind::Bool, "false"),
    Field::nullable("has_completed_onboarding_for", OBJECT, "null"),
    Field::nullable("onboarding_tasks", OBJECT, "null"),
    Field::new("test_account_filters", JSON_LIST, "[]"),
    Field::nullable("test_account_filters_default_checked", Kind::Bool, "null"),
    Field::nullable("path_cleaning_filters", JSON_LIST, "[]"),
    Field::new("data_attributes", JSON_LIST, "[\"data-attr\"]"),
    Field::nullable("person_display_name_properties", Kind::TextList, "null"),
    Field::nullable("correlation_config", OBJECT, "{}"),
    Field::new("access_control", Kind::Bool, "false"),
    // What SDKs capture.
    Field::nullable("autocapture_opt_out", Kind::Bool, "null"),
    Field::nullable("autocapture_exceptions_opt_in", Kind::Bool, "null"),
    Field::nullable("autocapture_exceptions_errors_to_ignore", JSON_LIST, "null"),
    Field::nullable("autocapture_web_vitals_opt_in", Kind::Bool, "null"),
    Field::nullable("autocapture_web_vitals_allowed_metrics", JSON_LIST, "null"),
    Field::nullable("capture_console_log_opt_in", Kind::Bool, "null"),
    Field::nullable("capture_performance_opt_in", Kind::Bool, "null"),
    Field::nullable("capture_dead_clicks", Kind::Bool, "null"),
    Field::nullable("heatmaps_opt_in", Kind::Bool, "null"),
    Field::nullable("surveys_opt_in", Kind::Bool, "null"),
    Field::nullable("survey_config", OBJECT, "null"),
    // What ingestion refuses.
    Field::nullable("person_processing_opt_out", Kind::Bool, "null"),
    Field::nullable("drop_events_older_than", Kind::Text { most: 40 }, "null"),
    Field::nullable("drop_bot_events", Kind::Bool, "null"),
    Field::nullable("inject_web_apps", Kind::Bool, "null"),
    Field::nullable("flags_persistence_default", Kind::Bool, "null"),
    // Session replay.
    Field::new("session_recording_opt_in", Kind::Bool, "false"),
    Field::nullable("session_recording_sample_rate", Kind::Fraction, "null"),
    Field::nullable("session_recording_minimum_duration_milliseconds", Kind::Int { least: 0, most: 30_000 }, "null"),
    Field::nullable("session_recording_linked_flag", OBJECT, "null"),
    Field::nullable("session_recording_network_payload_capture_config", OBJECT, "null"),
    Field::nullable("session_recording_masking_config", OBJECT, "null"),
    Field::nullable("session_recording_url_trigger_config", JSON_LIST, "null"),
    Field::nullable("session_recording_url_blocklist_config", JSON_LIST, "null"),
    Field::nullable("session_recording_event_trigger_config", JSON_LIST, "null"),
    Field::nullable("session_recording_trigger_match_type_config", Kind::Choice(&["any", "all"]), "null"),
    Field::nullable("session_recording_trigger_groups", Kind::Any, "null"),
    Field::nullable("session_replay_config", OBJECT, "null"),
    Field::new("session_recording_retention_period", Kind::Choice(&["30d", "90d", "1y", "5y"]), "\"30d\""),
    // How the app shows it.
    Field::nullable("primary_dashboard", ANY_INT, "null"),
    Field::nullable("live_events_columns", JSON_LIST, "null"),
    Field::nullable("human_friendly_comparison_periods", Kind::Bool, "false"),
    Field::nullable("default_data_theme", ANY_INT, "null"),
    Field::nullable("feature_flag_confirmation_enabled", Kind::Bool, "false"),
    Field::nullable("feature_flag_confirmation_message", LONG, "null"),
    Field::nullable("extra_settings", OBJECT, "null"),
    Field::nullable("modifiers", OBJECT, "null"),
    Field::nullable(
        "revenue_analytics_config",
        OBJECT,
        r#"{"base_currency": "USD", "events": [], "goals": [], "filter_test_accounts": false}"#,
    ),
    Field::nullable("marketing_analytics_config", OBJECT, r#"{"sources_map": {}}"#),
    Field::new("base_currency", Kind::Text { most: 3 }, "\"USD\""),
    Field::nullable("web_analytics_pre_aggregated_tables_enabled", Kind::Bool, "false"),
];

/// What a new project leaves out when asked to: its owners' own machines.
pub(crate) const FIRST_TEST_ACCOUNT_FILTERS: &str =
    r#"[{"key": "$host", "operator": "not_regex", "value": "^(localhost|127\\.0\\.0\\.1)($|:)", "type": "event"}]"#;
