//! PostHog's older forms of insights, as query nodes: the flat `filters` of insights saved before there were nodes, and nodes of
//! earlier versions.

mod entities;
mod filters;
mod upgrade;

pub use filters::{convert, is_legacy};
pub use upgrade::upgrade;

use serde_json::Value;

/// The query of a saved insight, in its present form; insights from before there were queries have filters.
pub fn query_of(query: Option<Value>, filters: &Value) -> Option<Value> {
    match query {
        Some(query) => upgrade(&query).ok().or(Some(query)),
        None if is_legacy(filters) => convert(filters).ok(),
        None => None,
    }
}

/// `funnel_window_interval` → `funnelWindowInterval`
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut text = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        text.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        text.push_str(letters.as_str());
    }
    text
}

#[cfg(test)]
mod tests;
