//! Sessions: one row per `$session_id`, made of all events that carry it.

use crate::ast::{self, Expr};
use crate::context::{BounceMode, PropertyType, SessionRules};
use crate::typed::{Column, INT64, Type, UINT8};
use std::collections::HashMap;

#[derive(Debug)]
pub struct SessionField {
    pub name: &'static str,
    pub kind: SessionKind,
    /// HogQL over the events of one session.
    expr: SessionExpr,
    /// Part of `*`.
    pub is_visible: bool,
}

#[derive(Clone, Copy, Debug)]
pub enum SessionKind {
    Text,
    TextOrNull,
    Texts,
    Count,
    FloatOrNull,
    Time,
    FlagOrNull,
}

#[derive(Debug)]
enum SessionExpr {
    Is(&'static str),
    /// The property's first value that says anything.
    First(&'static str),
    Last(&'static str),
    Bounce,
    Channel,
}

impl SessionKind {
    pub fn column(self) -> (Type, bool) {
        match self {
            SessionKind::Text => (Type::String, false),
            SessionKind::TextOrNull => (Type::String, true),
            SessionKind::Texts => (Type::array(Column::nullable(Type::String)), false),
            SessionKind::Count => (INT64, false),
            SessionKind::FloatOrNull => (Type::Float, true),
            SessionKind::Time => (Type::DateTime, false),
            SessionKind::FlagOrNull => (UINT8, true),
        }
    }

    fn property_type(self) -> PropertyType {
        match self {
            SessionKind::Text | SessionKind::TextOrNull | SessionKind::Texts => PropertyType::String,
            SessionKind::Count | SessionKind::FloatOrNull => PropertyType::Numeric,
            SessionKind::Time => PropertyType::DateTime,
            SessionKind::FlagOrNull => PropertyType::Boolean,
        }
    }
}

/// The properties that filters and breakdowns of sessions know, and their types.
pub fn session_properties() -> impl Iterator<Item = (&'static str, PropertyType)> {
    let is_property = |field: &&SessionField| field.is_visible && !matches!(field.name, "session_id" | "distinct_id");
    SESSION_FIELDS.iter().filter(is_property).map(|field| (field.name, field.kind.property_type()))
}

/// The field over the events of one session, by the project's rules.
pub fn session_expr(field: &SessionField, rules: &SessionRules) -> Result<Expr, crate::SyntaxError> {
    match &field.expr {
        SessionExpr::Is(text) => crate::parse_expr(text),
        SessionExpr::First(property) => crate::parse_expr(&picked("argMinIf", property)),
        SessionExpr::Last(property) => crate::parse_expr(&picked("argMaxIf", property)),
        SessionExpr::Bounce => crate::parse_expr(&bounce(rules)),
        SessionExpr::Channel => channel(rules),
    }
}

/// Empty texts and the text `null` say nothing.
fn picked(function: &str, property: &str) -> String {
    format!("{function}(properties.{property}, timestamp, properties.{property} NOT IN ('', 'null') AND properties.{property} IS NOT NULL)")
}

// The store keeps an event once, so that counting events counts distinct ones.
const PAGEVIEWS: &str = "countIf(event = '$pageview')";
const AUTOCAPTURES: &str = "countIf(event = '$autocapture')";
const INTERACTIONS: &str = "countIf(event IN ('$pageview', '$screen', '$autocapture'))";
const URLS: &str = "uniqIf(properties.$current_url, notEmpty(properties.$current_url))";
const DURATION: &str = "dateDiff('second', min(timestamp), max(timestamp))";

fn bounce(rules: &SessionRules) -> String {
    let seconds = rules.bounce_seconds;
    let (seen, more) = match rules.bounce {
        BounceMode::PageViews => (PAGEVIEWS, format!("{PAGEVIEWS} > 1 OR {AUTOCAPTURES} > 0")),
        BounceMode::Urls => (URLS, format!("{URLS} > 1 OR {AUTOCAPTURES} > 0")),
        BounceMode::PagesScreensAutocaptures => (INTERACTIONS, format!("{INTERACTIONS} > 1")),
    };
    format!("if({seen} = 0, NULL, if({more} OR {DURATION} >= {seconds:?}, 0, 1))")
}

fn channel(rules: &SessionRules) -> Result<Expr, crate::SyntaxError> {
    let first = |property: &str| crate::parse_expr(&picked("argMinIf", property));
    let mut inputs = Vec::new();
    for property in ["utm_campaign", "utm_medium", "utm_source", "$referring_domain", "gclid", "fbclid", "gad_source"] {
        inputs.push(first(property)?);
    }
    let usual = Expr::call("channelType", inputs);
    if rules.channels.is_empty() {
        return Ok(usual);
    }
    let mut known = HashMap::new();
    for (name, property) in [
        ("utm_source", "utm_source"),
        ("utm_medium", "utm_medium"),
        ("utm_campaign", "utm_campaign"),
        ("referring_domain", "$referring_domain"),
        ("url", "$current_url"),
        ("pathname", "$pathname"),
        ("hostname", "$host"),
    ] {
        known.insert(name.to_owned(), first(property)?);
    }
    let mut branches = Vec::new();
    for rule in rules.channels.iter() {
        let mut condition = rule.condition.clone();
        ast::substitute_expr(&mut condition, &known);
        branches.extend([condition, Expr::constant(rule.channel.as_str())]);
    }
    branches.push(usual);
    Ok(Expr::call("multiIf", branches))
}

macro_rules! session_fields {
    ($($name:literal $kind:ident $expr:expr $(, $hidden:ident)?;)*) => {
        &[$(SessionField { name: $name, kind: SessionKind::$kind, expr: $expr, is_visible: true $(&& stringify!($hidden).is_empty())? }),*]
    };
}

use SessionExpr::{Bounce, Channel, First, Is, Last};

/// Fields after which `hidden` stands are other names of one that `*` shows already.
pub const SESSION_FIELDS: &[SessionField] = session_fields! {
    "session_id" Text Is("$session_id");
    "id" Text Is("$session_id"), hidden;
    "session_id_v7" Text Is("$session_id"), hidden;
    "distinct_id" Text Is("argMax(distinct_id, timestamp)");
    "$start_timestamp" Time Is("min(timestamp)");
    "$end_timestamp" Time Is("max(timestamp)");
    "$urls" Texts Is("groupUniqArrayIf(properties.$current_url, notEmpty(properties.$current_url))");
    "$num_uniq_urls" Count Is(URLS);
    "$entry_current_url" TextOrNull First("$current_url");
    "$entry_pathname" TextOrNull First("$pathname");
    "$entry_hostname" TextOrNull First("$host");
    "$end_current_url" TextOrNull Last("$current_url");
    "$end_pathname" TextOrNull Last("$pathname");
    "$end_hostname" TextOrNull Last("$host");
    "$exit_current_url" TextOrNull Last("$current_url"), hidden;
    "$exit_pathname" TextOrNull Last("$pathname"), hidden;
    "$exit_hostname" TextOrNull Last("$host"), hidden;
    "$entry_utm_source" TextOrNull First("utm_source");
    "$entry_utm_campaign" TextOrNull First("utm_campaign");
    "$entry_utm_medium" TextOrNull First("utm_medium");
    "$entry_utm_term" TextOrNull First("utm_term");
    "$entry_utm_content" TextOrNull First("utm_content");
    "$entry_referring_domain" TextOrNull First("$referring_domain");
    "$entry_referrer" TextOrNull First("$referrer");
    "$entry_gclid" TextOrNull First("gclid");
    "$entry_gad_source" TextOrNull First("gad_source");
    "$entry_gclsrc" TextOrNull First("gclsrc");
    "$entry_dclid" TextOrNull First("dclid");
    "$entry_gbraid" TextOrNull First("gbraid");
    "$entry_wbraid" TextOrNull First("wbraid");
    "$entry_fbclid" TextOrNull First("fbclid");
    "$entry_msclkid" TextOrNull First("msclkid");
    "$entry_twclid" TextOrNull First("twclid");
    "$entry_li_fat_id" TextOrNull First("li_fat_id");
    "$entry_mc_cid" TextOrNull First("mc_cid");
    "$entry_igshid" TextOrNull First("igshid");
    "$entry_ttclid" TextOrNull First("ttclid");
    "$entry__kx" TextOrNull First("_kx");
    "$entry_irclid" TextOrNull First("irclid");
    "$pageview_count" Count Is(PAGEVIEWS);
    "$autocapture_count" Count Is(AUTOCAPTURES);
    "$screen_count" Count Is("countIf(event = '$screen')");
    "$page_screen_autocapture_count_up_to" Count Is(INTERACTIONS);
    "$channel_type" TextOrNull Channel;
    "$session_duration" Count Is(DURATION);
    "duration" Count Is(DURATION), hidden;
    "$is_bounce" FlagOrNull Bounce;
    "$last_external_click_url" TextOrNull Last("$external_click_url");
    "$vitals_lcp" FloatOrNull Is("argMinIf(toFloat(properties.$web_vitals_LCP_value), timestamp, toFloat(properties.$web_vitals_LCP_value) IS NOT NULL)");
};
