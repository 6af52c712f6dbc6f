//! The remote config: which parts of a client SDK are switched on for a project. Built from the project's settings; the only thing
//! that depends on the request is whether the asking page may record sessions.

use http::HeaderMap;
use serde_json::{Map, Value, json};
use teams::Team;

use crate::domains;

/// What a project has, as far as SDKs leave out requests that would find nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    pub has_active_flags: bool,
    /// Some that run.
    pub has_surveys: bool,
    /// The operator has switched recordings off.
    pub recordings_limited: bool,
}

/// Every field that an SDK reads, old ones too. The same object is served at `/array/…` and flattened into `/flags` replies.
pub fn remote_config(team: &Team, contents: Contents, headers: &HeaderMap) -> Map<String, Value> {
    let settings = Settings(&team.settings);
    let autocapture_exceptions = settings.is_on("autocapture_exceptions_opt_in", false);
    let Value::Object(mut config) = json!({
        "token": team.api_token,
        // Without this list posthog-js stops compressing and its requests need a preflight each.
        "supportedCompression": ["gzip", "gzip-js"],
        // With `false`, posthog-js does not ask for flags.
        "hasFeatureFlags": contents.has_active_flags,
        "captureDeadClicks": settings.is_on("capture_dead_clicks", false),
        "capturePerformance": capture_performance(&settings),
        // Must be present: a browser that never saw it keeps autocapture off.
        "autocapture_opt_out": settings.is_on("autocapture_opt_out", false),
        "autocaptureExceptions": autocapture_exceptions,
        "errorTracking": {
            "autocaptureExceptions": autocapture_exceptions,
            "captureExtensionExceptions": false,
            "suppressionRules": [],
        },
        "analytics": {"endpoint": "/i/v0/e/"},
        "elementsChainAsString": true,
        "heatmaps": settings.is_on("heatmaps_opt_in", true),
        "surveys": contents.has_surveys && settings.is_on("surveys_opt_in", true),
        "survey_config": settings.object("survey_config"),
        "productTours": false,
        "conversations": false,
        "logs": {"captureConsoleLogs": false},
        "sessionRecording": match contents.recordings_limited {
            true => Value::Bool(false),
            false => session_recording(&settings, headers),
        },
        "defaultIdentifiedOnly": true,
        "siteApps": [],
        "toolbarParams": {},
        "editorParams": {},
        "toolbarVersion": "toolbar",
        "isAuthenticated": false,
        "config": {"enable_collect_everything": true},
    }) else {
        unreachable!("the literal above is an object");
    };
    if contents.recordings_limited {
        config.insert("quotaLimited".into(), json!(["recordings"]));
    }
    config
}

fn capture_performance(settings: &Settings) -> Value {
    let network_timing = settings.is_on("capture_performance_opt_in", true);
    let web_vitals = settings.is_on("autocapture_web_vitals_opt_in", false);
    if !network_timing && !web_vitals {
        return Value::Bool(false);
    }
    json!({
        "network_timing": network_timing,
        "web_vitals": web_vitals,
        "web_vitals_allowed_metrics": settings.list("autocapture_web_vitals_allowed_metrics"),
    })
}

fn session_recording(settings: &Settings, headers: &HeaderMap) -> Value {
    let domains: Vec<&str> = settings.array("recording_domains").iter().filter_map(Value::as_str).collect();
    if !settings.is_on("session_recording_opt_in", false) || !domains::may_record(&domains, headers) {
        return Value::Bool(false);
    }
    let records_canvas = settings.object("session_replay_config")["record_canvas"].as_bool().unwrap_or(false);
    let mut recording = json!({
        "endpoint": "/s/",
        "consoleLogRecordingEnabled": settings.is_on("capture_console_log_opt_in", false),
        "recorderVersion": "v2",
        "sampleRate": sample_rate(settings.get("session_recording_sample_rate")),
        "minimumDurationMilliseconds": settings.get("session_recording_minimum_duration_milliseconds").as_u64().filter(|ms| *ms > 0),
        "linkedFlag": linked_flag(settings.get("session_recording_linked_flag")),
        "networkPayloadCapture": settings.object("session_recording_network_payload_capture_config"),
        "masking": settings.object("session_recording_masking_config"),
        "urlTriggers": settings.array("session_recording_url_trigger_config"),
        "urlBlocklist": settings.array("session_recording_url_blocklist_config"),
        "eventTriggers": settings.array("session_recording_event_trigger_config"),
        "triggerMatchType": settings.get("session_recording_trigger_match_type_config").as_str(),
        "scriptConfig": {"script": "posthog-recorder"},
        "recordCanvas": records_canvas,
        "canvasFps": records_canvas.then_some(3),
        "canvasQuality": records_canvas.then_some("0.4"),
        "version": 1,
    });
    let groups = settings.object("session_recording_trigger_groups");
    if groups["version"] == 2 {
        recording["version"] = json!(2);
        recording["triggerGroups"] = groups["groups"].clone();
    }
    recording
}

/// SDKs want a decimal string with two digits; recording everything is told by null.
fn sample_rate(setting: &Value) -> Option<String> {
    let rate = match setting {
        Value::String(text) => text.trim().parse().ok()?,
        Value::Number(number) => number.as_f64()?,
        _ => return None,
    };
    (0.0..1.0).contains(&rate).then(|| format!("{rate:.2}"))
}

/// Stored as `{id, key, variant}`; SDKs read the key alone, or the key with a variant.
fn linked_flag(setting: &Value) -> Value {
    match (setting["key"].as_str(), setting["variant"].as_str()) {
        (Some(key), Some(variant)) => json!({"flag": key, "variant": variant}),
        (Some(key), None) => json!(key),
        (None, _) => Value::Null,
    }
}

/// A project's settings, read leniently: they may be missing, null, or of a type that an older version wrote.
struct Settings<'a>(&'a Map<String, Value>);

impl Settings<'_> {
    fn get(&self, name: &str) -> &Value {
        self.0.get(name).unwrap_or(&Value::Null)
    }

    fn is_on(&self, name: &str, unset: bool) -> bool {
        self.get(name).as_bool().unwrap_or(unset)
    }

    fn object(&self, name: &str) -> &Value {
        Some(self.get(name)).filter(|value| value.is_object()).unwrap_or(&Value::Null)
    }

    fn list(&self, name: &str) -> &Value {
        Some(self.get(name)).filter(|value| value.is_array()).unwrap_or(&Value::Null)
    }

    fn array(&self, name: &str) -> &[Value] {
        self.get(name).as_array().map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderValue, header};
    use teams::Teams;

    async fn config(settings: Value, headers: &HeaderMap) -> Value {
        config_with(Contents::default(), settings, headers).await
    }

    async fn config_with(contents: Contents, settings: Value, headers: &HeaderMap) -> Value {
        let Value::Object(settings) = settings else { panic!("settings are an object") };
        let team = Teams::new(db::Db::in_memory().await).create_for_tests("phc_site").await;
        Value::Object(remote_config(&Team { settings, ..(*team).clone() }, contents, headers))
    }

    #[tokio::test]
    async fn sdks_ask_only_for_what_the_project_has() {
        let some = Contents { has_active_flags: true, has_surveys: true, recordings_limited: false };
        let told = async |contents, settings| {
            let config = config_with(contents, settings, &HeaderMap::new()).await;
            (config["hasFeatureFlags"].clone(), config["surveys"].clone())
        };
        assert_eq!(told(Contents::default(), json!({})).await, (json!(false), json!(false)));
        assert_eq!(told(some, json!({"surveys_opt_in": null})).await, (json!(true), json!(true)));
        assert_eq!(told(some, json!({"surveys_opt_in": false})).await, (json!(true), json!(false)));
    }

    #[tokio::test]
    async fn limited_recordings_are_off_and_say_why() {
        let limited = Contents { recordings_limited: true, ..Contents::default() };
        let config = config_with(limited, json!({"session_recording_opt_in": true}), &HeaderMap::new()).await;
        assert_eq!((&config["sessionRecording"], &config["quotaLimited"]), (&json!(false), &json!(["recordings"])));
    }

    #[tokio::test]
    async fn project_without_settings_gets_a_config_that_keeps_every_sdk_healthy() {
        let config = config(json!({}), &HeaderMap::new()).await;
        assert_eq!(config["token"], "phc_site");
        assert_eq!(config["supportedCompression"], json!(["gzip", "gzip-js"]));
        assert_eq!(config["autocapture_opt_out"], false);
        assert_eq!(config["analytics"]["endpoint"], "/i/v0/e/");
        assert_eq!(config["elementsChainAsString"], true);
        assert_eq!(config["sessionRecording"], false);
        assert_eq!(config["capturePerformance"], json!({"network_timing": true, "web_vitals": false, "web_vitals_allowed_metrics": null}));
        assert_eq!(config["siteApps"], json!([]));
        assert_eq!(config["surveys"], false);
        assert_eq!(config["config"]["enable_collect_everything"], true);
    }

    #[tokio::test]
    async fn settings_switch_parts_of_the_sdk() {
        let settings = json!({
            "autocapture_opt_out": true, "heatmaps_opt_in": false, "capture_dead_clicks": true,
            "capture_performance_opt_in": false, "autocapture_web_vitals_opt_in": true,
            "autocapture_web_vitals_allowed_metrics": ["LCP"], "autocapture_exceptions_opt_in": true,
            "survey_config": {"appearance": {"backgroundColor": "#fff"}},
        });
        let config = config(settings, &HeaderMap::new()).await;
        assert_eq!(config["autocapture_opt_out"], true);
        assert_eq!(config["heatmaps"], false);
        assert_eq!(config["captureDeadClicks"], true);
        assert_eq!(config["survey_config"]["appearance"]["backgroundColor"], "#fff");
        assert_eq!(
            config["capturePerformance"],
            json!({"network_timing": false, "web_vitals": true, "web_vitals_allowed_metrics": ["LCP"]})
        );
        assert_eq!(config["errorTracking"]["autocaptureExceptions"], true);
        assert_eq!(config["autocaptureExceptions"], true);
    }

    #[tokio::test]
    async fn performance_capture_is_false_when_both_parts_are_off() {
        assert_eq!(config(json!({"capture_performance_opt_in": false}), &HeaderMap::new()).await["capturePerformance"], false);
    }

    #[tokio::test]
    async fn recording_settings_keep_the_types_that_sdks_parse() {
        let settings = json!({
            "session_recording_opt_in": true, "capture_console_log_opt_in": true, "session_recording_sample_rate": "0.5",
            "session_recording_minimum_duration_milliseconds": 2000,
            "session_recording_linked_flag": {"id": 3, "key": "replay", "variant": "on"},
            "session_recording_network_payload_capture_config": {"recordHeaders": true, "recordBody": false},
            "session_recording_masking_config": {"maskAllInputs": true}, "session_replay_config": {"record_canvas": true},
            "session_recording_url_trigger_config": [{"url": "^https://a", "matching": "regex"}],
            "session_recording_event_trigger_config": ["purchase"], "session_recording_trigger_match_type_config": "all",
        });
        let recording = &config(settings, &HeaderMap::new()).await["sessionRecording"];
        assert_eq!(recording["endpoint"], "/s/");
        assert_eq!(recording["sampleRate"], "0.50");
        assert_eq!(recording["minimumDurationMilliseconds"], 2000);
        assert_eq!(recording["linkedFlag"], json!({"flag": "replay", "variant": "on"}));
        assert_eq!(recording["networkPayloadCapture"], json!({"recordHeaders": true, "recordBody": false}));
        assert_eq!(recording["masking"], json!({"maskAllInputs": true}));
        assert_eq!(recording["canvasFps"], 3);
        assert_eq!(recording["canvasQuality"], "0.4");
        assert_eq!(recording["urlTriggers"][0]["matching"], "regex");
        assert_eq!(recording["eventTriggers"], json!(["purchase"]));
        assert_eq!(recording["triggerMatchType"], "all");
        assert_eq!(recording["consoleLogRecordingEnabled"], true);
    }

    #[tokio::test]
    async fn recording_everything_and_no_minimum_are_told_by_null() {
        let settings = json!({
            "session_recording_opt_in": true, "session_recording_sample_rate": 1.0,
            "session_recording_minimum_duration_milliseconds": 0, "session_recording_linked_flag": {"id": 3, "key": "replay"},
        });
        let recording = &config(settings, &HeaderMap::new()).await["sessionRecording"];
        assert_eq!(recording["sampleRate"], Value::Null);
        assert_eq!(recording["minimumDurationMilliseconds"], Value::Null);
        assert_eq!(recording["linkedFlag"], "replay");
        assert_eq!(recording["canvasFps"], Value::Null);
    }

    #[tokio::test]
    async fn page_outside_the_replay_domains_gets_no_recording() {
        let settings = json!({"session_recording_opt_in": true, "recording_domains": ["https://app.example.com"]});
        let from = |origin| HeaderMap::from_iter([(header::ORIGIN, HeaderValue::from_static(origin))]);
        assert_eq!(config(settings.clone(), &from("https://other.example.com")).await["sessionRecording"], false);
        assert!(config(settings, &from("https://app.example.com")).await["sessionRecording"].is_object());
    }
}
