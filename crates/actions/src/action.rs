//! An action as it is stored and edited.

use model::{TeamId, Timestamp, UserId};
use serde::Deserialize;
use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    pub id: i64,
    pub team: TeamId,
    pub name: String,
    pub description: String,
    pub tags: Vec<String>,
    /// As clients wrote them; [`Action::steps`] reads them.
    pub steps: Value,
    pub post_to_slack: bool,
    pub slack_message_format: String,
    pub pinned_at: Option<Timestamp>,
    pub deleted: bool,
    pub created_by: Option<UserId>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What an event must be to match; a field that is not given asks nothing.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Step {
    #[serde(default)]
    pub event: Option<String>,
    /// Property filters, as in queries.
    #[serde(default)]
    pub properties: Value,
    #[serde(default)]
    pub selector: Option<String>,
    #[serde(default)]
    pub tag_name: Option<String>,
    #[serde(default)]
    pub text: Option<String>,
    #[serde(default)]
    pub text_matching: Option<Matching>,
    #[serde(default)]
    pub href: Option<String>,
    #[serde(default)]
    pub href_matching: Option<Matching>,
    #[serde(default)]
    pub url: Option<String>,
    #[serde(default)]
    pub url_matching: Option<Matching>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Matching {
    Contains,
    Regex,
    Exact,
}

const MAX_STEPS: usize = 50;
const MAX_TEXT_BYTES: usize = 4_000;

impl Action {
    /// An event matches when it matches one of them. The error says what to change.
    pub fn steps(&self) -> Result<Vec<Step>, String> {
        read_steps(&self.steps)
    }
}

pub fn read_steps(steps: &Value) -> Result<Vec<Step>, String> {
    let steps = match steps {
        Value::Null => return Ok(Vec::new()),
        Value::Array(steps) if steps.len() > MAX_STEPS => return Err(format!("An action can have at most {MAX_STEPS} steps.")),
        Value::Array(steps) => steps,
        _ => return Err("`steps` must be a list.".to_owned()),
    };
    let read = |(at, step): (usize, &Value)| {
        let step = Step::deserialize(step).map_err(|error| format!("Step {}: {error}.", at + 1))?;
        if step.texts().any(|text| text.len() > MAX_TEXT_BYTES) {
            return Err(format!("Step {}: a text can have at most {MAX_TEXT_BYTES} bytes.", at + 1));
        }
        Ok(step)
    };
    steps.iter().enumerate().map(read).collect()
}

impl Step {
    fn texts(&self) -> impl Iterator<Item = &String> {
        [&self.event, &self.selector, &self.tag_name, &self.text, &self.href, &self.url].into_iter().flatten()
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use serde_json::json;

    pub fn action(steps: Value) -> Action {
        Action {
            id: 1,
            team: TeamId(1),
            name: "a".to_owned(),
            description: String::new(),
            tags: Vec::new(),
            steps,
            post_to_slack: false,
            slack_message_format: String::new(),
            pinned_at: None,
            deleted: false,
            created_by: None,
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
        }
    }

    #[test]
    fn steps_are_read_and_what_is_wrong_is_said() {
        let steps = json!([
            {"event": "$autocapture", "text": "Buy", "text_matching": "contains", "properties": [], "selector": null},
            {"event": "$pageview", "url": "/pricing", "url_matching": "exact", "id": "unknown fields stay"},
        ]);
        let read = action(steps).steps().unwrap();
        assert_eq!((read[0].text_matching, read[1].url_matching), (Some(Matching::Contains), Some(Matching::Exact)));
        assert_eq!(action(Value::Null).steps(), Ok(Vec::new()));
        for (steps, message) in [
            (json!({}), "must be a list"),
            (json!([{"url_matching": "like"}]), "Step 1: unknown variant `like`"),
            (json!([{}, {"event": 5}]), "Step 2: invalid type"),
            (json!([{"text": "x".repeat(5_000)}]), "at most 4000 bytes"),
            (Value::Array(vec![json!({}); 51]), "at most 50 steps"),
        ] {
            let error = action(steps).steps().unwrap_err();
            assert!(error.contains(message), "{error}");
        }
    }
}
