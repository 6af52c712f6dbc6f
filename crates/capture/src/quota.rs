//! Which tokens have used up what. Nobody has, unless the operator says so.

use std::collections::{HashMap, HashSet};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    Events,
    Recordings,
    Exceptions,
    Surveys,
    LlmEvents,
}

#[derive(Clone, Debug, Default)]
pub struct Quota(HashMap<String, HashSet<Resource>>);

impl Quota {
    pub fn limit(mut self, token: impl Into<String>, resource: Resource) -> Self {
        self.0.entry(token.into()).or_default().insert(resource);
        self
    }

    pub fn is_used_up(&self, token: &str, resource: Resource) -> bool {
        self.0.get(token).is_some_and(|limited| limited.contains(&resource))
    }

    /// Whether an event must go. One with a quota of its own does not count as an ordinary event.
    pub fn drops_event(&self, token: &str, event: &str, has_product_tour: bool) -> bool {
        let Some(limited) = self.0.get(token) else { return false };
        limited.contains(&resource_of(event, has_product_tour))
    }
}

fn resource_of(event: &str, has_product_tour: bool) -> Resource {
    match event {
        "$exception" => Resource::Exceptions,
        "survey sent" | "survey shown" | "survey dismissed" if !has_product_tour => Resource::Surveys,
        event if event.starts_with("$ai_") => Resource::LlmEvents,
        _ => Resource::Events,
    }
}

/// Events that the operator wants dropped: `token:distinct_id,distinct_id;token:*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DropList(HashMap<String, Dropped>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Dropped {
    Everything,
    DistinctIds(HashSet<String>),
}

impl DropList {
    /// The form of `DROP_EVENTS_BY_TOKEN_DISTINCT_ID`. A token alone drops everything of it.
    pub fn parse(text: &str) -> Self {
        let mut list = HashMap::new();
        for entry in text.split(';').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (token, ids) = entry.split_once(':').unwrap_or((entry, "*"));
            let ids: HashSet<String> = ids.split(',').map(|id| id.trim().to_owned()).filter(|id| !id.is_empty()).collect();
            let dropped = if ids.contains("*") { Dropped::Everything } else { Dropped::DistinctIds(ids) };
            list.insert(token.trim().to_owned(), dropped);
        }
        DropList(list)
    }

    pub fn drops(&self, token: &str, distinct_id: &str) -> bool {
        match self.0.get(token) {
            None => false,
            Some(Dropped::Everything) => true,
            Some(Dropped::DistinctIds(ids)) => ids.contains(distinct_id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scoped_quotas_are_separate_from_the_one_for_events() {
        let events = Quota::default().limit("t", Resource::Events);
        assert!(events.drops_event("t", "a", false));
        assert!(!events.drops_event("t", "$exception", false));
        assert!(!events.drops_event("other", "a", false));
        let surveys = Quota::default().limit("t", Resource::Surveys);
        assert!(surveys.drops_event("t", "survey sent", false));
        assert!(!surveys.drops_event("t", "survey sent", true));
        assert!(Quota::default().limit("t", Resource::LlmEvents).drops_event("t", "$ai_trace", false));
    }

    #[test]
    fn the_drop_list_reads_the_operators_spelling() {
        let list = DropList::parse("one:a, b ;two:*;three;;");
        assert!(list.drops("one", "a") && list.drops("one", "b") && !list.drops("one", "c"));
        assert!(list.drops("two", "x") && list.drops("three", "x") && !list.drops("four", "x"));
        assert_eq!(DropList::parse(""), DropList::default());
    }
}
