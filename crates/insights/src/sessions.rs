//! The properties that sessions have, and their types. Every session has the same: they are computed from its events.

use query::PropertyType::{self, Boolean, DateTime, Numeric, String};

pub const PROPERTIES: &[(&str, PropertyType)] = &[
    ("$start_timestamp", DateTime),
    ("$end_timestamp", DateTime),
    ("$session_duration", Numeric),
    ("$is_bounce", Boolean),
    ("$pageview_count", Numeric),
    ("$autocapture_count", Numeric),
    ("$screen_count", Numeric),
    ("$num_uniq_urls", Numeric),
    ("$entry_current_url", String),
    ("$entry_pathname", String),
    ("$entry_hostname", String),
    ("$end_current_url", String),
    ("$end_pathname", String),
    ("$end_hostname", String),
    ("$entry_referring_domain", String),
    ("$entry_referrer", String),
    ("$entry_utm_source", String),
    ("$entry_utm_campaign", String),
    ("$entry_utm_medium", String),
    ("$entry_utm_term", String),
    ("$entry_utm_content", String),
    ("$entry_gclid", String),
    ("$entry_fbclid", String),
    ("$entry_msclkid", String),
    ("$last_external_click_url", String),
];

pub fn kind_of(name: &str) -> PropertyType {
    let name = if name == "duration" { "$session_duration" } else { name };
    PROPERTIES.iter().find(|(known, _)| *known == name).map_or(String, |(_, kind)| *kind)
}
