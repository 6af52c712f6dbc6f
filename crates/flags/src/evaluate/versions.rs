//! Semantic versions as people write them: a leading `v`, missing parts and leading zeros are forgiven.

use semver::{Comparator, Op, Prerelease, Version};

pub fn parse(text: &str) -> Option<Version> {
    let text = without_v(text);
    let end = text.find(['-', '+']).unwrap_or(text.len());
    let (numbers, rest) = text.split_at(end);
    let mut parts = numbers.split('.');
    let major = number(parts.next()?)?;
    let minor = parts.next().map_or(Some(0), number)?;
    let patch = parts.next().map_or(Some(0), number)?;
    if parts.next().is_some() {
        return None;
    }
    Version::parse(&format!("{major}.{minor}.{patch}{rest}")).ok()
}

/// `~1.2.3`: 1.2.3 or a later patch of it.
pub fn tilde(text: &str) -> Option<Comparator> {
    full(text, Op::Tilde)
}

/// `^1.2.3`: 1.2.3 or later, while the first part that is not 0 stays.
pub fn caret(text: &str) -> Option<Comparator> {
    full(text, Op::Caret)
}

/// `1.*` or `1.2.*`.
pub fn wildcard(text: &str) -> Option<Comparator> {
    let parts: Vec<&str> = without_v(text).split('.').collect();
    let named = parts.iter().take_while(|part| **part != "*").count();
    let ends_in_stars = parts[named..].iter().all(|part| *part == "*");
    if !ends_in_stars || !(1..=2).contains(&named) {
        return None;
    }
    let minor = parts[..named].get(1).map_or(Some(None), |part| number(part).map(Some))?;
    Some(Comparator { op: Op::Wildcard, major: number(parts[0])?, minor, patch: None, pre: Prerelease::EMPTY })
}

fn full(text: &str, op: Op) -> Option<Comparator> {
    let Version { major, minor, patch, pre, .. } = parse(text)?;
    Some(Comparator { op, major, minor: Some(minor), patch: Some(patch), pre })
}

fn without_v(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix(['v', 'V']).unwrap_or(text)
}

fn number(part: &str) -> Option<u64> {
    let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if digits { part.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loose_spellings_are_read() {
        let version = |text: &str| parse(text).map(|version| version.to_string());
        assert_eq!(version("v1.2").as_deref(), Some("1.2.0"));
        assert_eq!(version(" 03.08 ").as_deref(), Some("3.8.0"));
        assert_eq!(version("1-rc.1").as_deref(), Some("1.0.0-rc.1"));
        assert_eq!(version("1.2.3+b-1").as_deref(), Some("1.2.3+b-1"));
        for bad in ["", "v", "1..2", "1.2.3.4", "x", "1.2.x", "1.2.3-", "1.2.3-rc..1", "99999999999999999999.0.0", "+1.0.0"] {
            assert_eq!(version(bad), None, "{bad}");
        }
    }

    #[test]
    fn ranges_keep_the_parts_they_name() {
        let within = |range: Option<Comparator>, text: &str| range.unwrap().matches(&parse(text).unwrap());
        assert!(within(tilde("1.2.3"), "1.2.9") && !within(tilde("1.2.3"), "1.3.0"));
        assert!(within(caret("1.2.3"), "1.9.0") && !within(caret("1.2.3"), "2.0.0"));
        assert!(within(caret("0.2.3"), "0.2.9") && !within(caret("0.2.3"), "0.3.0"));
        assert!(within(caret("0.0.3"), "0.0.3") && !within(caret("0.0.3"), "0.0.4"));
        assert!(within(wildcard("1.*"), "1.9.9") && !within(wildcard("1.*"), "2.0.0"));
        assert!(within(wildcard("v1.2.*"), "1.2.77") && !within(wildcard("1.2.*"), "1.3.0"));
        assert!(!within(caret("1.2.3"), "1.3.0-rc.1"));
        assert!(within(caret("1.3.0-rc.1"), "1.3.0-rc.2"));
        for bad in ["*", "", "1.*.2", "x.*", "1.2.3.*"] {
            assert_eq!(wildcard(bad), None, "{bad}");
        }
    }
}
