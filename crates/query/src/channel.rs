//! How a visit came about: its channel type, from what its first events say of campaign and referrer.
//!
//! The rules are PostHog's and their order matters; the tables behind them ([`sources`]) are our own.

mod sources;

use sources::{MEDIUMS, Source};

/// What a session's (or person's) first events say. Empty texts and the text `null` count as missing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Entry<'a> {
    pub campaign: Option<&'a str>,
    pub medium: Option<&'a str>,
    pub source: Option<&'a str>,
    /// `$direct` when the visitor typed the address.
    pub referring_domain: Option<&'a str>,
    pub has_gclid: bool,
    pub has_fbclid: bool,
    pub gad_source: Option<&'a str>,
}

/// What a table says of a source or medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// `Search`, `Social`, `Video` …
    pub domain: Option<&'static str>,
    pub paid: Option<&'static str>,
    pub organic: &'static str,
}

/// Every answer of [`channel_type`], for suggestions.
pub const CHANNELS: &[&str] = &[
    "Cross Network",
    "Paid Search",
    "Paid Social",
    "Paid Video",
    "Paid Shopping",
    "Paid Unknown",
    "Direct",
    "Organic Search",
    "Organic Social",
    "Organic Video",
    "Organic Shopping",
    "Push",
    "SMS",
    "Audio",
    "Email",
    "Referral",
    "Affiliate",
    "Display",
    "AI",
    "Unknown",
];

pub fn channel_type(entry: Entry) -> &'static str {
    let campaign = lower(entry.campaign).unwrap_or_default();
    let medium = lower(entry.medium);
    let source = lower(entry.source);
    let domain = lower(entry.referring_domain);
    let gad_source = present(entry.gad_source);
    let of_source = source.as_deref().and_then(source_kind);
    let of_medium = medium.as_deref().and_then(medium_kind);
    let of_domain = domain.as_deref().and_then(source_kind);
    let video = campaign.contains("video");
    if campaign.contains("cross-network") {
        return "Cross Network";
    }
    if medium.as_deref().is_some_and(is_paid) || entry.has_gclid || gad_source.is_some() {
        let paid = |kind: Option<Kind>| kind.and_then(|kind| kind.paid);
        return paid(of_source)
            .or_else(|| (names_a_shop(&campaign) || campaign.contains("shopping")).then_some("Paid Shopping"))
            .or_else(|| paid(of_medium))
            .or_else(|| paid(of_domain))
            .or_else(|| (gad_source == Some("1")).then_some("Paid Search"))
            .or_else(|| video.then_some("Paid Video"))
            .or_else(|| entry.has_fbclid.then_some("Paid Social"))
            .unwrap_or("Paid Unknown");
    }
    let typed = domain.as_deref() == Some("$direct");
    let sourceless = source.as_deref().is_none_or(|source| matches!(source, "(direct)" | "direct" | "$direct"));
    if typed && medium.is_none() && sourceless && !entry.has_fbclid {
        return "Direct";
    }
    let organic = |kind: Option<Kind>| kind.map(|kind| kind.organic);
    organic(of_source)
        .or_else(|| names_a_shop(&campaign).then_some("Organic Shopping"))
        .or_else(|| organic(of_medium))
        .or_else(|| organic(of_domain))
        .or_else(|| video.then_some("Organic Video"))
        .or_else(|| medium.as_deref().is_some_and(|medium| medium.ends_with("push")).then_some("Push"))
        .or_else(|| entry.has_fbclid.then_some("Organic Social"))
        .or_else(|| typed.then_some("Direct"))
        .unwrap_or(if domain.is_some() { "Referral" } else { "Unknown" })
}

fn present(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty() && *text != "null")
}

fn lower(text: Option<&str>) -> Option<String> {
    present(text).map(str::to_lowercase)
}

fn is_paid(medium: &str) -> bool {
    matches!(medium, "cpc" | "cpm" | "cpv" | "cpa" | "ppc" | "retargeting") || medium.starts_with("paid")
}

/// `shop`, `eshop`, `e-shop`, but not `workshop`.
fn names_a_shop(campaign: &str) -> bool {
    campaign.match_indices("shop").any(|(at, _)| {
        let before = campaign[..at].chars().next_back();
        before.is_none_or(|c| !matches!(c, 'a'..='d' | 'f'..='z'))
    })
}

/// Of a `utm_medium`, in lower case.
pub fn medium_kind(medium: &str) -> Option<Kind> {
    MEDIUMS.iter().find(|(names, _)| names.contains(&medium)).map(|(_, kind)| *kind)
}

/// Of a `utm_source` or the domain of a referrer, in lower case.
pub fn source_kind(source: &str) -> Option<Kind> {
    sources::find(source).map(Source::kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &'static str)]) -> &'static str {
        let get = |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        channel_type(Entry {
            campaign: get("campaign"),
            medium: get("medium"),
            source: get("source"),
            referring_domain: get("referrer"),
            has_gclid: get("gclid").is_some(),
            has_fbclid: get("fbclid").is_some(),
            gad_source: get("gad_source"),
        })
    }

    #[test]
    fn the_worked_examples_hold() {
        assert_eq!(of(&[("source", "google"), ("medium", "cpc")]), "Paid Search");
        assert_eq!(of(&[("gclid", "x"), ("referrer", "www.google.com")]), "Paid Search");
        assert_eq!(of(&[("medium", "email"), ("source", "newsletter")]), "Email");
        assert_eq!(of(&[("referrer", "t.co")]), "Organic Social");
        assert_eq!(of(&[("referrer", "$direct")]), "Direct");
        assert_eq!(of(&[("referrer", "$direct"), ("fbclid", "x")]), "Organic Social");
        assert_eq!(of(&[("medium", "paid-social"), ("source", "acme"), ("referrer", "acme.example")]), "Paid Unknown");
        assert_eq!(of(&[("referrer", "example.org")]), "Referral");
        assert_eq!(of(&[]), "Unknown");
        assert_eq!(of(&[("campaign", "eshop-june")]), "Organic Shopping");
        assert_eq!(of(&[("campaign", "workshop")]), "Unknown");
    }

    #[test]
    fn each_rule_comes_before_the_next() {
        assert_eq!(of(&[("campaign", "Cross-Network 5"), ("medium", "cpc"), ("source", "google")]), "Cross Network");
        assert_eq!(of(&[("medium", "CPC"), ("campaign", "summer shopping")]), "Paid Shopping");
        assert_eq!(of(&[("medium", "cpc"), ("source", "google"), ("campaign", "shop")]), "Paid Search");
        assert_eq!(of(&[("medium", "cpm")]), "Display");
        assert_eq!(of(&[("gad_source", "1")]), "Paid Search");
        assert_eq!(of(&[("gad_source", "2")]), "Paid Unknown");
        assert_eq!(of(&[("medium", "paid"), ("fbclid", "x")]), "Paid Social");
        assert_eq!(of(&[("medium", "paid"), ("campaign", "spring video")]), "Paid Video");
        assert_eq!(of(&[("source", "(direct)"), ("referrer", "$direct")]), "Direct");
        assert_eq!(of(&[("source", "acme"), ("referrer", "$direct")]), "Direct");
        assert_eq!(of(&[("medium", "web-push")]), "Push");
        assert_eq!(of(&[("referrer", ""), ("source", "null")]), "Unknown");
    }

    #[test]
    fn domains_are_known_with_their_countries_and_prefixes() {
        for (domain, organic) in [
            ("www.google.co.uk", "Organic Search"),
            ("google.de", "Organic Search"),
            ("de.search.yahoo.com", "Organic Search"),
            ("search.brave.com", "Organic Search"),
            ("mail.google.com", "Email"),
            ("l.instagram.com", "Organic Social"),
            ("old.reddit.com", "Organic Social"),
            ("m.youtube.com", "Organic Video"),
            ("amazon.co.jp", "Organic Shopping"),
            ("chatgpt.com", "AI"),
            ("com.google.android.gm", "Email"),
        ] {
            assert_eq!(source_kind(domain).map(|kind| kind.organic), Some(organic), "{domain}");
        }
        for domain in ["google.example.org", "mygoogle.com", "docs.google.com", "x.com.evil.net", "", ".", "com"] {
            assert_eq!(source_kind(domain), None, "{domain}");
        }
    }
}
