//! Whether a page may record sessions: the project's list of replay domains against the page that asks.

use http::{HeaderMap, header};

/// Mobile SDKs have no origin; they are recognised by their user agent and always allowed.
const MOBILE_AGENTS: &[&str] = &["posthog-android", "posthog-ios", "posthog-react-native", "posthog-flutter"];

/// An empty list allows every page.
pub fn may_record(allowed: &[&str], headers: &HeaderMap) -> bool {
    if allowed.is_empty() || is_mobile(headers) {
        return true;
    }
    [header::ORIGIN, header::REFERER]
        .iter()
        .filter_map(|name| headers.get(name)?.to_str().ok())
        .filter_map(host)
        .any(|page| allowed.iter().filter_map(|pattern| host(pattern)).any(|pattern| matches(&pattern, &page)))
}

fn is_mobile(headers: &HeaderMap) -> bool {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    MOBILE_AGENTS.iter().any(|name| agent.contains(name))
}

/// Host of an origin, URL or bare `host[:port]`, lower case, without the port: projects list `https://app.example.com` and mean the site.
fn host(text: &str) -> Option<String> {
    let after_scheme = text.trim().split_once("://").map_or(text.trim(), |(_, rest)| rest);
    let authority = after_scheme.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match authority.strip_prefix('[') {
        Some(ipv6) => ipv6.split(']').next()?,
        None => authority.split(':').next()?,
    };
    (!host.is_empty()).then(|| host.to_ascii_lowercase())
}

/// `*` stands for any run of characters. Every step moves forward in one of both texts, so the cost is bounded by their lengths.
fn matches(pattern: &str, host: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| host.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn request(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn empty_list_allows_every_page() {
        assert!(may_record(&[], &HeaderMap::new()));
    }

    #[test]
    fn page_outside_the_list_may_not_record() {
        let allowed = ["https://app.example.com", "https://*.shop.test:8443"];
        assert!(may_record(&allowed, &request(header::ORIGIN, "https://app.example.com")));
        assert!(may_record(&allowed, &request(header::REFERER, "https://APP.example.com/path?x=1")));
        assert!(may_record(&allowed, &request(header::ORIGIN, "http://a.b.shop.test")));
        assert!(!may_record(&allowed, &request(header::ORIGIN, "https://shop.test")));
        assert!(!may_record(&allowed, &request(header::ORIGIN, "https://app.example.com.evil.test")));
        assert!(!may_record(&allowed, &request(header::ORIGIN, "https://evil.test/app.example.com")));
        assert!(!may_record(&allowed, &HeaderMap::new()));
    }

    #[test]
    fn mobile_sdk_needs_no_origin() {
        assert!(may_record(&["https://app.example.com"], &request(header::USER_AGENT, "posthog-ios/3.30.0")));
    }

    #[test]
    fn star_matches_any_run_of_characters() {
        assert!(matches("*", "anything.test"));
        assert!(matches("a*c*e", "abcde"));
        assert!(!matches("a*c*e", "abde"));
        assert!(!matches("ab*ba", "aba"));
        assert!(!matches("exact.test", "exact.test.org"));
    }
}
