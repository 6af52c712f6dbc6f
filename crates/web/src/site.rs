use crate::client_ip::forwarded_by_proxy;
use http::header::{HOST, HeaderMap};
use http::{Extensions, HeaderValue, Uri};
use std::sync::Arc;

/// Where the operator says this server is reached, e.g. `https://hog.example.com`. Request extension; optional.
#[derive(Clone, Debug)]
pub struct Site {
    /// Without a trailing slash.
    pub url: Arc<str>,
}

impl Site {
    pub fn new(url: &str) -> Self {
        Site { url: url.trim_end_matches('/').into() }
    }

    pub fn is_https(&self) -> bool {
        self.url.starts_with("https://")
    }
}

/// `scheme://host[:port]` under which the client reached us, for absolute links in answers to that same client.
pub fn request_origin(extensions: &Extensions, headers: &HeaderMap) -> String {
    let site = extensions.get::<Site>();
    let Some(host) = host(extensions, headers) else {
        return site.map_or_else(|| "http://localhost".to_owned(), |site| site.url.to_string());
    };
    if let Some(site) = site
        && authority(&site.url) == Some(host)
    {
        return site.url.to_string();
    }
    let forwarded = headers.get("x-forwarded-proto").and_then(|value| value.to_str().ok());
    let scheme = match forwarded {
        Some("https") if forwarded_by_proxy(extensions) => "https",
        _ => "http",
    };
    format!("{scheme}://{host}")
}

/// Whether `origin` (an `Origin` or `Referer` header) is this server itself.
pub(crate) fn is_own_origin(extensions: &Extensions, headers: &HeaderMap, origin: &str) -> bool {
    let Some(asking) = authority(origin) else {
        return false;
    };
    let own = host(extensions, headers);
    let site = extensions.get::<Site>().and_then(|site| authority(&site.url));
    [own, site].into_iter().flatten().any(|ours| ours.eq_ignore_ascii_case(asking))
}

fn host<'a>(extensions: &Extensions, headers: &'a HeaderMap) -> Option<&'a str> {
    let text = |value: &'a HeaderValue| value.to_str().ok().filter(|host| is_plausible(host));
    let forwarded = headers.get("x-forwarded-host").filter(|_| forwarded_by_proxy(extensions));
    forwarded.and_then(text).or_else(|| headers.get(HOST).and_then(text))
}

fn is_plausible(host: &str) -> bool {
    !host.is_empty() && host.len() <= 255 && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte))
}

/// `host[:port]` of an http(s) URL, default ports left out.
fn authority(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let default_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return None,
    };
    url.parse::<Uri>().ok()?;
    Some(authority.strip_suffix(default_port).unwrap_or(authority)).filter(|authority| is_plausible(authority))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(host: &'static str, origin: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static(host));
        is_own_origin(&Extensions::new(), &headers, origin)
    }

    #[test]
    fn only_the_same_host_and_port_is_our_own_origin() {
        assert!(asked("hog.example:8000", "http://hog.example:8000"));
        assert!(asked("hog.example", "https://hog.example/login?next=/"));
        assert!(!asked("hog.example", "https://evil.example"));
        assert!(!asked("hog.example", "https://hog.example.evil.example"));
        assert!(!asked("hog.example", "https://hog.example@evil.example"));
        assert!(!asked("hog.example", "null"));
        assert!(!asked("hog.example", ""));
        assert!(!asked("hog.example:8000", "http://hog.example:9000"));
    }

    #[test]
    fn forwarded_headers_count_only_from_a_proxy() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("inner:8000"));
        headers.insert("x-forwarded-host", HeaderValue::from_static("hog.example"));
        headers.insert("x-forwarded-proto", HeaderValue::from_static("https"));
        assert_eq!(request_origin(&Extensions::new(), &headers), "http://inner:8000");
        let mut extensions = Extensions::new();
        extensions.insert(crate::Proxies::All);
        assert_eq!(request_origin(&extensions, &headers), "https://hog.example");
    }
}
