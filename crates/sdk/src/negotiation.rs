//! Which encoding a client takes and whether it already has the body.

use http::{HeaderMap, header};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Brotli,
    Gzip,
    Plain,
}

impl Encoding {
    /// The smallest one that `Accept-Encoding` allows.
    pub fn accepted(headers: &HeaderMap) -> Self {
        let accepts = |name: &str| {
            headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(
                |item| {
                    let (coding, weight) = item.split_once(';').unwrap_or((item, ""));
                    let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.trim().parse::<f32>() == Ok(0.0));
                    coding.trim().eq_ignore_ascii_case(name) && !refused
                },
            )
        };
        if accepts("br") {
            Self::Brotli
        } else if accepts("gzip") {
            Self::Gzip
        } else {
            Self::Plain
        }
    }

    pub fn header(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Plain => None,
        }
    }

    /// Bodies differ by encoding, so strong tags must too.
    pub fn tag(self, etag: &str) -> String {
        match self.header() {
            Some(coding) => format!("\"{etag}-{coding}\""),
            None => format!("\"{etag}\""),
        }
    }
}

/// True when `If-None-Match` names this tag; weak, strong and unquoted spellings are one.
pub fn already_has(headers: &HeaderMap, tag: &str) -> bool {
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").trim_matches('"').to_owned();
    let wanted = bare(tag);
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| item.trim() == "*" || bare(item) == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn asking(accept: &'static str) -> Encoding {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(accept));
        Encoding::accepted(&headers)
    }

    #[test]
    fn smallest_allowed_encoding_wins() {
        assert_eq!(asking("gzip, deflate, br, zstd"), Encoding::Brotli);
        assert_eq!(asking("GZIP;q=0.5, identity"), Encoding::Gzip);
        assert_eq!(asking("br;q=0, gzip"), Encoding::Gzip);
        assert_eq!(asking("br; q=0.0"), Encoding::Plain);
        assert_eq!(Encoding::accepted(&HeaderMap::new()), Encoding::Plain);
    }

    #[test]
    fn if_none_match_is_compared_without_weakness_and_quotes() {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"other\", W/\"abc-br\""));
        assert!(already_has(&headers, "\"abc-br\""));
        assert!(!already_has(&headers, "\"abc-gzip\""));
        headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static("abc-gzip"));
        assert!(already_has(&headers, "\"abc-gzip\""));
    }
}
