//! Golden queries with values in them replaced by hostile ones. Each must be answered or refused; none may be the server's fault.

use super::{Suite, suites};
use crate::answer::{Question, Refresh};
use crate::failure::Failure;
use events::EventStore;
use serde_json::{Value, json};
use std::sync::Arc;

fn values() -> [Value; KINDS] {
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    [
        json!(null),
        json!(-1),
        json!(1e308),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(true),
        json!(""),
        json!("' OR 1=1 --\u{0}`\\"),
        json!("日本".repeat(2_000)),
        json!([]),
        json!({}),
        json!([null, -1, "x"]),
        json!({"kind": "TrendsQuery"}),
        deep,
    ]
}

/// How many hostile values there are.
pub const KINDS: usize = 14;

/// Every place of every golden query, each with the next of the hostile values; `shift` of up to [`KINDS`] meets all of them.
pub fn queries(shift: usize) -> Vec<Value> {
    let values = values();
    let places = suites().into_iter().flat_map(|suite| {
        let queries: Vec<Value> = suite.queries().cloned().collect();
        queries.into_iter().flat_map(|query| paths(&query, String::new()).into_iter().map(move |path| (query.clone(), path)))
    });
    places
        .zip(values.iter().cycle().skip(shift))
        .map(|((mut query, path), value)| {
            if let Some(place) = query.pointer_mut(&path) {
                *place = value.clone();
            }
            query
        })
        .collect()
}

fn paths(value: &Value, at: String) -> Vec<String> {
    let inner: Vec<String> = match value {
        Value::Array(items) => items.iter().enumerate().flat_map(|(index, item)| paths(item, format!("{at}/{index}"))).collect(),
        Value::Object(members) => {
            members.iter().flat_map(|(name, item)| paths(item, format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")))).collect()
        }
        _ => Vec::new(),
    };
    std::iter::once(at).chain(inner).collect()
}

impl Suite {
    /// Asks hostile queries about this suite's events. Returns those that the server failed at.
    pub async fn run_hostile(&self, store: Arc<dyn EventStore>, shift: usize) -> Vec<String> {
        if let Err(problem) = self.fill(&store, true).await {
            return vec![problem];
        }
        let (state, team) = match self.state(None, store).await {
            Ok(world) => world,
            Err(problem) => return vec![problem],
        };
        let mut failures = Vec::new();
        for query in queries(shift) {
            if let Err(Failure::Failed(cause)) =
                state.engine.reply(team.clone(), Question::new(query.clone(), Refresh::ForceBlocking)).await
            {
                failures.push(format!("{cause:#}\n    {query}"));
            }
        }
        failures
    }
}
