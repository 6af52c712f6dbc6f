//! What a `/flags` request asks, whatever the spelling.

use http::{HeaderMap, header};
use serde_json::{Map, Value};

const MAX_DISTINCT_ID_CHARS: usize = 200;
const MAX_LISTED: usize = 1_000;

/// Everything that an evaluation may depend on.
#[derive(Clone, Debug, Default)]
pub struct Question {
    pub distinct_id: String,
    /// The id before `identify`.
    pub anon_distinct_id: Option<String>,
    pub device_id: Option<String>,
    /// Group type name → group key.
    pub groups: Vec<(String, String)>,
    pub person_properties: Map<String, Value>,
    /// Group type name → properties.
    pub group_properties: Map<String, Value>,
    pub geoip_disable: bool,
    pub ip_address: Option<String>,
    pub disable_flags: bool,
    /// Only these are answered; what they depend on is still evaluated.
    pub flag_keys: Option<Vec<String>>,
    pub evaluation_contexts: Option<Vec<String>>,
    pub evaluation_runtime: Runtime,
    pub timezone: Option<String>,
    /// Tells visitors without cookies apart who share an address and a browser.
    pub cookieless_extra: Option<String>,
    pub only_survey_flags: bool,
    /// The stored person is not looked at.
    pub only_override_properties: bool,
}

/// Who asks, for flags that are meant for one side only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Runtime {
    /// Every flag is answered.
    #[default]
    All,
    Client,
    Server,
    /// Only flags for both sides are answered.
    Unknown,
}

const BROWSERS: &[&str] = &["Mozilla/", "Chrome/", "Safari/", "Firefox/", "Edge/"];
const CLIENT_SDKS: &[&str] = &["posthog-android/", "posthog-ios/", "posthog-react-native/", "posthog-flutter/"];
const SERVER_SDKS: &[&str] = &[
    "posthog-python/",
    "posthog-ruby/",
    "posthog-php/",
    "posthog-java/",
    "posthog-go/",
    "posthog-node/",
    "posthog-dotnet/",
    "posthog-elixir/",
    "python-requests/",
    "curl/",
];

impl Runtime {
    /// What a request is recognised by when it does not say it itself.
    fn of(headers: &HeaderMap) -> Self {
        let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if BROWSERS.iter().any(|browser| agent.contains(browser)) || CLIENT_SDKS.iter().any(|sdk| agent.starts_with(sdk)) {
            return Self::Client;
        }
        if SERVER_SDKS.iter().any(|sdk| agent.starts_with(sdk)) {
            return Self::Server;
        }
        let is_page = headers.contains_key(header::ORIGIN)
            || headers.contains_key(header::REFERER)
            || headers.keys().any(|name| name.as_str().starts_with("sec-fetch-"));
        if is_page { Self::Client } else { Self::Unknown }
    }
}

/// The project token, trimmed; `None` when it is missing or empty.
pub fn token(body: &Map<String, Value>) -> Option<&str> {
    let token = first(body, &["token", "$token", "api_key"])?.as_str()?.trim();
    (!token.is_empty()).then_some(token)
}

impl Question {
    /// `None` when there is no distinct id. Other fields of a wrong type count as absent: a flag request is answered if it can be.
    pub fn parse(mut body: Map<String, Value>, headers: &HeaderMap) -> Option<Self> {
        let distinct_id = first(&body, &["distinct_id", "$distinct_id"]).and_then(id)?;
        let person_properties = take_object(&mut body, &["person_properties", "$properties"]);
        let group_properties = take_object(&mut body, &["group_properties", "$group_properties"]);
        let text = |names: &[&str]| first(&body, names).and_then(Value::as_str).map(str::to_owned);
        let is_true = |name: &str| body.get(name).is_some_and(|value| value == true);
        let device_id = text(&["device_id", "$device_id"]).or_else(|| Some(person_properties.get("$device_id")?.as_str()?.to_owned()));
        Some(Self {
            distinct_id: distinct_id.chars().take(MAX_DISTINCT_ID_CHARS).collect(),
            anon_distinct_id: first(&body, &["anon_distinct_id", "$anon_distinct_id"]).and_then(id),
            device_id,
            groups: groups(&body),
            geoip_disable: is_true("geoip_disable"),
            ip_address: text(&["ip_address"]),
            disable_flags: is_true("disable_flags"),
            flag_keys: list(&body, &["flag_keys", "flag_keys_to_evaluate"]),
            evaluation_contexts: list(&body, &["evaluation_contexts", "evaluation_environments"]),
            evaluation_runtime: match body.get("evaluation_runtime").and_then(Value::as_str) {
                Some("client") => Runtime::Client,
                Some("server") => Runtime::Server,
                Some(_) => Runtime::All,
                None => Runtime::of(headers),
            },
            timezone: text(&["timezone"]),
            cookieless_extra: text(&["cookieless_hash_extra"]),
            only_survey_flags: false,
            only_override_properties: false,
            person_properties,
            group_properties,
        })
    }
}

/// An explicit null counts as absent, so that the next spelling is looked at.
fn first<'a>(body: &'a Map<String, Value>, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| body.get(*name).filter(|value| !value.is_null()))
}

fn id(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn take_object(body: &mut Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    let found = names.iter().find_map(|name| match body.remove(*name) {
        Some(Value::Object(object)) => Some(object),
        _ => None,
    });
    found.unwrap_or_default()
}

fn groups(body: &Map<String, Value>) -> Vec<(String, String)> {
    let groups = first(body, &["groups", "$groups"]).and_then(Value::as_object);
    groups.into_iter().flatten().filter_map(|(kind, key)| Some((kind.clone(), id(key)?))).collect()
}

fn list(body: &Map<String, Value>, names: &[&str]) -> Option<Vec<String>> {
    let values = first(body, names)?.as_array()?;
    Some(values.iter().filter_map(Value::as_str).take(MAX_LISTED).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn question(body: Value) -> Option<Question> {
        let Value::Object(body) = body else { panic!("a body is an object") };
        Question::parse(body, &HeaderMap::new())
    }

    #[test]
    fn spellings_of_old_and_new_sdks_mean_the_same() {
        let body = json!({"$token": " phc_a ", "api_key": "phc_b"});
        assert_eq!(token(body.as_object().unwrap()), Some("phc_a"));
        let question = question(json!({
            "distinct_id": null, "$distinct_id": "u", "$anon_distinct_id": "anon", "$groups": {"company": 5, "team": "x", "bad": null},
            "$properties": {"plan": "pro", "$device_id": "device"}, "flag_keys_to_evaluate": ["a"], "evaluation_environments": ["web"],
        }));
        let question = question.unwrap();
        assert_eq!(question.distinct_id, "u");
        assert_eq!(question.anon_distinct_id.as_deref(), Some("anon"));
        assert_eq!(question.device_id.as_deref(), Some("device"));
        assert_eq!(question.groups, [("company".to_owned(), "5".to_owned()), ("team".to_owned(), "x".to_owned())]);
        assert_eq!(question.person_properties["plan"], "pro");
        assert_eq!(question.flag_keys, Some(vec!["a".to_owned()]));
        assert_eq!(question.evaluation_contexts, Some(vec!["web".to_owned()]));
    }

    #[test]
    fn who_asks_is_told_by_the_body_then_the_user_agent_then_what_browsers_add() {
        let runtime = |body: Value, headers: &[(header::HeaderName, &str)]| {
            let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
            let Value::Object(body) = body else { panic!("a body is an object") };
            Question::parse(body, &headers).unwrap().evaluation_runtime
        };
        let asking = || json!({"distinct_id": "u"});
        let agent = |text: &'static str| [(header::USER_AGENT, text)];
        assert_eq!(runtime(asking(), &[]), Runtime::Unknown);
        assert_eq!(runtime(asking(), &agent("Mozilla/5.0 (X11)")), Runtime::Client);
        assert_eq!(runtime(asking(), &agent("posthog-ios/3.1")), Runtime::Client);
        assert_eq!(runtime(asking(), &agent("posthog-python/7.0")), Runtime::Server);
        assert_eq!(runtime(asking(), &agent("my posthog-python/7.0")), Runtime::Unknown);
        assert_eq!(runtime(asking(), &[(header::ORIGIN, "https://shop.example")]), Runtime::Client);
        assert_eq!(runtime(json!({"distinct_id": "u", "evaluation_runtime": "server"}), &agent("Mozilla/5.0")), Runtime::Server);
        assert_eq!(runtime(json!({"distinct_id": "u", "evaluation_runtime": "edge"}), &agent("Mozilla/5.0")), Runtime::All);
    }

    #[test]
    fn distinct_id_is_text_or_number_of_bounded_length() {
        assert_eq!(question(json!({"distinct_id": 12345})).unwrap().distinct_id, "12345");
        assert_eq!(question(json!({"distinct_id": ""})).unwrap().distinct_id, "");
        assert_eq!(question(json!({"distinct_id": "ü".repeat(300)})).unwrap().distinct_id.chars().count(), 200);
        assert!(question(json!({"distinct_id": {"a": 1}})).is_none());
        assert!(question(json!({})).is_none());
    }

    #[test]
    fn fields_of_a_wrong_type_count_as_absent() {
        let question =
            question(json!({"distinct_id": "u", "groups": "x", "person_properties": [1], "disable_flags": "yes", "flag_keys": "a"}))
                .unwrap();
        assert!(question.groups.is_empty());
        assert!(question.person_properties.is_empty());
        assert!(!question.disable_flags);
        assert_eq!(question.flag_keys, None);
    }
}
