//! What a row of the stats table stands for.

use super::hogql;
use crate::conditions::check_regex;
use crate::failure::Failure;
use crate::nodes::web::StatsBreakdown::{self, *};
use crate::run::Run;
use query::ast::Expr;
use serde_json::Value;

/// The parts of a row's value; most have one.
pub fn parts(breakdown: StatsBreakdown, cleans_paths: bool, run: &Run) -> Result<Vec<Expr>, Failure> {
    let path = |text: &str| -> Result<Expr, Failure> {
        let path = hogql(text)?;
        if cleans_paths { cleaned(path, run) } else { Ok(path) }
    };
    Ok(vec![match breakdown {
        Page | FrustrationMetrics => path("properties.$pathname")?,
        InitialPage => path("session.$entry_pathname")?,
        ExitPage => path("session.$end_pathname")?,
        ExitClick => hogql("session.$last_external_click_url")?,
        PreviousPage => path(
            "if(notEmpty(properties.$prev_pageview_pathname), properties.$prev_pageview_pathname, \
             if(notEmpty(properties.$referrer) AND domain(properties.$referrer) = domain(properties.$current_url), \
             path(properties.$referrer), properties.$referrer))",
        )?,
        ScreenName => hogql("properties.$screen_name")?,
        InitialChannelType => hogql("session.$channel_type")?,
        InitialReferringDomain => hogql("session.$entry_referring_domain")?,
        InitialReferringURL => hogql("cutQueryStringAndFragment(session.$entry_referrer)")?,
        InitialUTMSource => hogql("session.$entry_utm_source")?,
        InitialUTMCampaign => hogql("session.$entry_utm_campaign")?,
        InitialUTMMedium => hogql("session.$entry_utm_medium")?,
        InitialUTMTerm => hogql("session.$entry_utm_term")?,
        InitialUTMContent => hogql("session.$entry_utm_content")?,
        InitialUTMSourceMediumCampaign => hogql(
            "concatWithSeparator(' / ', \
             coalesce(session.$entry_utm_source, if(isNull(session.$entry_referring_domain), NULL, concat('referrer:', session.$entry_referring_domain)), '(none)'), \
             coalesce(session.$entry_utm_medium, '(none)'), coalesce(session.$entry_utm_campaign, '(none)'))",
        )?,
        Browser => hogql("properties.$browser")?,
        Os => hogql("properties.$os")?,
        Viewport => hogql(
            "if(toInt(properties.$viewport_width) > 0 AND toInt(properties.$viewport_height) > 0, \
             concat(toString(toInt(properties.$viewport_width)), 'x', toString(toInt(properties.$viewport_height))), NULL)",
        )?,
        DeviceType => hogql("properties.$device_type")?,
        Country => hogql("properties.$geoip_country_code")?,
        Region => {
            let parts = ["properties.$geoip_country_code", "properties.$geoip_subdivision_1_code", "properties.$geoip_subdivision_1_name"];
            return parts.into_iter().map(hogql).collect();
        }
        City => return ["properties.$geoip_country_code", "properties.$geoip_city_name"].into_iter().map(hogql).collect(),
        // Hours ahead of UTC at the time of the event.
        Timezone => hogql("timeZoneOffsetHours(timestamp, properties.$timezone)")?,
        Language => hogql("properties.$browser_language")?,
    }])
}

/// Rows without a value are shown where "no campaign" says something.
pub fn shows_missing(breakdown: StatsBreakdown) -> bool {
    matches!(breakdown, InitialChannelType | InitialUTMSource | InitialUTMCampaign | InitialUTMMedium | InitialUTMTerm | InitialUTMContent)
}

/// The part that must be there for a row to be shown: of places, the most exact one.
pub fn needed_part(breakdown: StatsBreakdown) -> usize {
    match breakdown {
        Region => 2,
        City => 1,
        _ => 0,
    }
}

/// The project's rules for paths, one after the other.
pub fn cleaned(path: Expr, run: &Run) -> Result<Expr, Failure> {
    let rules = run.team.settings.get("path_cleaning_filters").and_then(Value::as_array);
    let mut rules: Vec<&Value> = rules.into_iter().flatten().collect();
    rules.sort_by_key(|rule| rule.get("order").and_then(Value::as_i64).unwrap_or(0));
    let mut cleaned = path;
    for rule in rules {
        let part = |name: &str| rule.get(name).and_then(Value::as_str).unwrap_or_default();
        check_regex(part("regex"))?;
        cleaned = Expr::call("replaceRegexpAll", [cleaned, Expr::constant(part("regex")), Expr::constant(part("alias"))]);
    }
    Ok(cleaned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn breakdowns_are_read_by_posthogs_names() {
        for (name, breakdown) in [("OS", Os), ("InitialUTMSourceMediumCampaign", InitialUTMSourceMediumCampaign), ("Page", Page)] {
            assert_eq!(serde_json::from_value::<StatsBreakdown>(json!(name)).unwrap(), breakdown);
        }
    }
}
