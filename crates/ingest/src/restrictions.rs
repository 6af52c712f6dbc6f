//! Rules by which the operator of a server drops events or takes their persons away, per project token.

use crate::event::Incoming;
use anyhow::Result;
use db::Db;
use std::collections::{HashMap, HashSet};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    SkipPersonProcessing,
    Drop,
}

/// Filters of different kinds must all match; an empty one matches everything.
#[derive(Debug)]
struct Rule {
    effect: Effect,
    distinct_ids: HashSet<String>,
    session_ids: HashSet<String>,
    event_names: HashSet<String>,
    event_uuids: HashSet<String>,
}

#[derive(Debug, Default)]
pub struct Restrictions {
    by_token: HashMap<String, Vec<Rule>>,
}

/// Rules read at once; an operator writes a handful.
const MAX_RULES: i64 = 10_000;

impl Restrictions {
    pub async fn load(db: &Db) -> Result<Restrictions> {
        let sql = "SELECT token, kind, distinct_ids, session_ids, event_names, event_uuids FROM event_restriction ORDER BY id LIMIT $1";
        let mut by_token: HashMap<String, Vec<Rule>> = HashMap::new();
        for row in db.fetch_all(sql, db::args![MAX_RULES]).await? {
            let effect = match row.get::<String>("kind")?.as_str() {
                "drop_event_from_ingestion" => Effect::Drop,
                "skip_person_processing" => Effect::SkipPersonProcessing,
                // Rerouting means nothing where there is one queue.
                _ => continue,
            };
            let set = |column: &str| -> Result<HashSet<String>> { Ok(serde_json::from_str(&row.get::<String>(column)?)?) };
            let rule = Rule {
                effect,
                distinct_ids: set("distinct_ids")?,
                session_ids: set("session_ids")?,
                event_names: set("event_names")?,
                event_uuids: set("event_uuids")?,
            };
            by_token.entry(row.get("token")?).or_default().push(rule);
        }
        Ok(Restrictions { by_token })
    }

    /// The strongest of the rules that match.
    pub fn effect(&self, event: &Incoming) -> Option<Effect> {
        let rules = self.by_token.get(&event.project.token)?;
        rules.iter().filter(|rule| rule.matches(event)).map(|rule| rule.effect).max()
    }
}

impl Rule {
    fn matches(&self, event: &Incoming) -> bool {
        let among = |set: &HashSet<String>, text: &str| set.is_empty() || set.contains(text);
        among(&self.distinct_ids, &event.distinct_id)
            && among(&self.event_names, &event.event)
            && (self.session_ids.is_empty() || self.session_ids.contains(event.properties.get_str("$session_id").unwrap_or_default()))
            && (self.event_uuids.is_empty() || self.event_uuids.contains(&event.uuid.to_string()))
    }
}
