use crate::request_origin;
use axum::Json;
use axum::extract::FromRequestParts;
use http::Uri;
use http::request::Parts;
use serde::Serialize;
use serde_json::{Value, json};
use std::convert::Infallible;

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1_000;
const MAX_OFFSET: usize = 10_000_000;

/// `?limit=&offset=`, both bounded. Like PostHog's, it reads what it cannot understand as absent.
#[derive(Clone, Debug)]
pub struct Page {
    pub limit: usize,
    pub offset: usize,
    /// `scheme://host` of the request: clients want absolute links.
    pub origin: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Page {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        let number = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == name).and_then(|(_, value)| value.parse::<usize>().ok())
        };
        let limit = number("limit").filter(|limit| *limit > 0).unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT);
        let offset = number("offset").unwrap_or(0).min(MAX_OFFSET);
        Ok(Page { limit, offset, origin: request_origin(&parts.extensions, &parts.headers) })
    }
}

/// `{"count","next","previous","results"}`. `results` is the page alone, `count` the number of all, `uri` the request's
/// (take it with `axum::extract::OriginalUri`).
pub fn paginated<T: Serialize>(page: &Page, count: usize, results: Vec<T>, uri: &Uri) -> Json<Value> {
    let next = (page.offset + page.limit < count).then(|| link(page, page.offset + page.limit, uri));
    let previous = (page.offset > 0).then(|| link(page, page.offset.saturating_sub(page.limit), uri));
    Json(json!({"count": count, "next": next, "previous": previous, "results": results}))
}

fn link(page: &Page, offset: usize, uri: &Uri) -> String {
    let query = uri.query().unwrap_or_default();
    let kept = query.split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        // A key in a link would end up in logs.
        !pair.is_empty() && !matches!(name, "limit" | "offset" | "personal_api_key")
    });
    let mut pairs: Vec<String> = kept.map(str::to_owned).collect();
    pairs.push(format!("limit={}", page.limit));
    if offset > 0 {
        pairs.push(format!("offset={offset}"));
    }
    format!("{}{}?{}", page.origin, uri.path(), pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_absolute_and_keep_the_other_parameters() {
        let page = Page { limit: 10, offset: 10, origin: "https://h".into() };
        let uri: Uri = "/api/x?search=a%20b&limit=10&offset=10&personal_api_key=phx_1".parse().unwrap();
        let Json(body) = paginated(&page, 25, vec![1], &uri);
        assert_eq!(body["next"], "https://h/api/x?search=a%20b&limit=10&offset=20");
        assert_eq!(body["previous"], "https://h/api/x?search=a%20b&limit=10");
        let Json(last) = paginated(&Page { offset: 20, ..page }, 25, vec![1], &uri);
        assert_eq!(last["next"], Value::Null);
    }
}
