//! Computed answers, kept until the data that they were computed from changes.
//!
//! An answer is served again only while nothing was ingested, merged or erased since: its [`Watermark`] is compared with
//! the present one. Only the mode `lazy_async` takes an age for good enough
//! ([`crate::staleness`]).

use model::Timestamp;
use moka::sync::Cache;
use query::PropertyTypes;
use serde_json::Value;
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// The state of everything an answer depends on besides the question.
#[derive(Clone, Debug)]
pub struct Watermark {
    pub rows: u64,
    pub position: Option<u64>,
    pub persons: u64,
    pub types: Arc<PropertyTypes>,
    /// Versions of the project's cohorts and actions.
    pub named: (i64, i64),
}

impl PartialEq for Watermark {
    fn eq(&self, other: &Self) -> bool {
        let data = |mark: &Watermark| (mark.rows, mark.position, mark.persons, mark.named);
        data(self) == data(other) && (Arc::ptr_eq(&self.types, &other.types) || self.types == other.types)
    }
}

#[derive(Debug)]
pub struct Kept {
    pub watermark: Watermark,
    /// The answer without what the cache adds.
    pub body: Value,
    pub computed_at: Timestamp,
    size: u32,
}

#[derive(Clone)]
pub struct Answers {
    cache: Cache<u128, Arc<Kept>>,
}

/// Larger answers are not kept: they would push out everything else.
const MAX_ENTRY_BYTES: usize = 8 << 20;

impl Answers {
    pub fn new(max_bytes: u64) -> Answers {
        Answers { cache: Cache::builder().weigher(|_, kept: &Arc<Kept>| kept.size).max_capacity(max_bytes).build() }
    }

    /// Whatever was computed last, fresh or not.
    pub fn last(&self, key: u128) -> Option<Arc<Kept>> {
        self.cache.get(&key)
    }

    pub fn keep(&self, key: u128, watermark: Watermark, body: &Value, computed_at: Timestamp) {
        let size = weight(body);
        if size <= MAX_ENTRY_BYTES {
            let kept = Kept { watermark, body: body.clone(), computed_at, size: size as u32 };
            self.cache.insert(key, Arc::new(kept));
        }
    }
}

/// Roughly the bytes that a JSON tree occupies in memory.
fn weight(value: &Value) -> usize {
    const NODE: usize = 40;
    match value {
        Value::Array(items) => NODE + items.iter().map(weight).sum::<usize>(),
        Value::Object(members) => NODE + members.iter().map(|(name, value)| NODE + name.len() + weight(value)).sum::<usize>(),
        Value::String(text) => NODE + text.len(),
        _ => NODE,
    }
}

/// Names a question: the node, the project's settings that change its answer, and the time it is asked about.
pub fn key<'a>(parts: impl IntoIterator<Item = &'a Value>) -> u128 {
    let mut hasher = Xxh3::new();
    for part in parts {
        feed(part, &mut hasher);
        hasher.update(&[0xff]);
    }
    hasher.digest128()
}

/// Members in the order of their names, so that spelling a query differently does not compute it twice.
fn feed(value: &Value, hasher: &mut Xxh3) {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort();
            hasher.update(b"{");
            for name in names {
                hasher.update(name.as_bytes());
                hasher.update(&[0]);
                feed(&members[name], hasher);
            }
            hasher.update(b"}");
        }
        Value::Array(items) => {
            hasher.update(b"[");
            items.iter().for_each(|item| feed(item, hasher));
            hasher.update(b"]");
        }
        leaf => {
            hasher.update(leaf.to_string().as_bytes());
            hasher.update(&[1]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_ignore_the_order_of_members_only() {
        assert_eq!(key([&json!({"a": 1, "b": [1, 2]})]), key([&json!({"b": [1, 2], "a": 1})]));
        assert_ne!(key([&json!({"b": [1, 2]})]), key([&json!({"b": [2, 1]})]));
        assert_ne!(key([&json!("a"), &json!("b")]), key([&json!("ab")]));
        assert_ne!(key([&json!(["1"])]), key([&json!([1])]));
    }

    #[test]
    fn an_answer_that_would_fill_the_cache_is_not_kept() {
        let answers = Answers::new(64 << 20);
        let mark = Watermark { rows: 1, position: None, persons: 0, types: Arc::default(), named: (0, 0) };
        answers.keep(1, mark.clone(), &json!("x".repeat(9 << 20)), Timestamp::EPOCH);
        assert!(answers.last(1).is_none());
        answers.keep(1, mark.clone(), &json!("x"), Timestamp::EPOCH);
        assert!(answers.last(1).is_some_and(|kept| kept.watermark == mark));
    }

    #[test]
    fn any_change_of_the_data_moves_the_watermark() {
        let mark = Watermark { rows: 1, position: Some(1), persons: 1, types: Arc::default(), named: (0, 0) };
        assert_eq!(mark, Watermark { types: Arc::default(), ..mark.clone() });
        for other in [
            Watermark { rows: 2, ..mark.clone() },
            Watermark { position: Some(2), ..mark.clone() },
            Watermark { persons: 2, ..mark.clone() },
        ] {
            assert_ne!(mark, other);
        }
    }
}
