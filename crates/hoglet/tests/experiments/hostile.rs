//! Bodies with values in them replaced by hostile ones: each is taken or refused, none is the server's fault.

use crate::world::worlds;
use http::Method;
use serde_json::{Value, json};

fn values() -> Vec<Value> {
    let deep = (0..60).fold(json!(1), |inner, _| json!([inner]));
    vec![
        Value::Null,
        json!(-1),
        json!(1e308),
        json!(i64::MAX),
        json!(true),
        json!(""),
        json!("' OR 1=1 --\u{0}`\\"),
        json!("日本".repeat(2_000)),
        json!([]),
        json!({}),
        json!([null, -1, "x"]),
        deep,
    ]
}

fn paths(value: &Value, at: String) -> Vec<String> {
    let inner: Vec<String> = match value {
        Value::Array(items) => items.iter().enumerate().flat_map(|(index, item)| paths(item, format!("{at}/{index}"))).collect(),
        Value::Object(members) => members.iter().flat_map(|(name, item)| paths(item, format!("{at}/{name}"))).collect(),
        _ => Vec::new(),
    };
    std::iter::once(at).chain(inner).collect()
}

/// The body with each of its places replaced by each value.
fn spoiled(body: &Value) -> impl Iterator<Item = Value> {
    paths(body, String::new()).into_iter().flat_map(move |path| {
        values().into_iter().filter_map(move |value| {
            let mut body = body.clone();
            *body.pointer_mut(&path)? = value;
            Some(body)
        })
    })
}

fn experiment() -> Value {
    let node = json!({"kind": "EventsNode", "event": "paid", "math": "sum", "math_property": "amount", "properties": [{"key": "a", "type": "event", "value": 1}]});
    json!({
        "name": "x", "description": "", "feature_flag_key": "x", "type": "web", "holdout_id": 1, "start_date": "2026-03-01T00:00:00Z",
        "end_date": "2026-03-02T00:00:00Z", "archived": false, "only_count_matured_users": true, "conclusion": "won",
        "parameters": {"feature_flag_variants": [{"key": "control", "rollout_percentage": 50}, {"key": "test", "rollout_percentage": 50}],
                       "rollout_percentage": 100, "aggregation_group_type_index": 0, "excluded_variants": ["test"]},
        "exposure_criteria": {"filterTestAccounts": true, "multiple_variant_handling": "exclude",
                              "exposure_config": {"kind": "ExperimentEventExposureConfig", "event": "seen", "properties": []}},
        "metrics": [{"kind": "ExperimentMetric", "metric_type": "mean", "source": node, "upper_bound_percentile": 0.9, "conversion_window": 3}],
        "saved_metrics_ids": [{"id": 1, "metadata": {"type": "primary"}}],
        "stats_config": {"method": "bayesian", "bayesian": {"ci_level": 0.9}, "cuped": {"enabled": true, "lookback_days": 3}},
        "variants": {"control": {"transforms": []}, "test": {"transforms": [{"selector": "h1"}]}},
        "primary_metrics_ordered_uuids": ["a"],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn no_hostile_body_is_the_servers_fault() {
    let world = worlds().await.remove(0);
    let then = world.then("2026-03-01T00:00:00Z").await;
    let holdout = json!({"name": "h", "description": "", "filters": [{"properties": [], "rollout_percentage": 10}]});
    let shared = json!({"name": "s", "tags": ["t"], "query": experiment()["metrics"][0]});
    then.create("experiment_holdouts", holdout.clone()).await;
    then.create("experiment_saved_metrics", shared.clone()).await;
    let made = then.create("experiments", json!({"name": "kept", "feature_flag_key": "kept"})).await;
    let own = format!("experiments/{}", made["id"]);
    let time = json!({"metric_type": "ratio", "baseline_value": 1, "variance": 2, "minimum_detectable_effect": 5, "number_of_variants": 2,
                      "exposures_per_day": 10, "sample": {"number_of_samples": 10, "sum": 1, "sum_squares": 1}});
    let ask = json!({"query": {"kind": "ExperimentQuery", "experiment_id": made["id"], "metric": experiment()["metrics"][0]}});
    for (method, path, body) in [
        (Method::POST, "experiments", experiment()),
        (Method::PATCH, own.as_str(), experiment()),
        (Method::POST, "experiment_holdouts", holdout.clone()),
        (Method::PATCH, "experiment_holdouts/1", holdout),
        (Method::POST, "experiment_saved_metrics", shared.clone()),
        (Method::PATCH, "experiment_saved_metrics/1", shared),
        (
            Method::POST,
            "web_experiments",
            json!({"name": "w", "variants": {"control": {"transforms": []}, "test": {"rollout_percentage": 50}}}),
        ),
        (Method::POST, "experiments/calculate_running_time", time),
    ] {
        for spoiled in spoiled(&body) {
            let status = then.status(method.clone(), path, spoiled.clone()).await;
            assert!(!status.is_server_error(), "{method} {path} answers {status} to {spoiled}");
            // Whatever was stored can be listed and asked about.
            if status.is_success() && path == own {
                let asked = then.status(Method::POST, "query", ask.clone()).await;
                assert!(!asked.is_server_error(), "{spoiled} makes the results answer {asked}");
            }
        }
    }
    for list in ["experiments?limit=1000", "experiment_holdouts", "experiment_saved_metrics"] {
        then.get(list).await;
    }
    assert_eq!(then.public("/api/web_experiments?token=phc_experiments").await.0, http::StatusCode::OK);
}
