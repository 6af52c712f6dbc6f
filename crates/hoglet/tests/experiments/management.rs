//! Making, changing and refusing experiments, holdouts and shared metrics.

use crate::world::{Then, worlds};
use http::{Method, StatusCode};
use serde_json::{Value, json};

const NOW: &str = "2026-03-01T00:00:00Z";

fn metric() -> Value {
    json!({"kind": "ExperimentMetric", "metric_type": "mean", "source": {"kind": "EventsNode", "event": "paid"}})
}

async fn made(then: &Then, key: &str) -> Value {
    then.create("experiments", json!({"name": key, "feature_flag_key": key})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_experiment_has_the_fields_that_clients_check() {
    for world in worlds().await {
        let then = world.then(NOW).await;
        let variants = json!([{"key": "control", "rollout_percentage": 30}, {"key": "b", "rollout_percentage": 70}]);
        let body = json!({
            "name": "Prices", "description": "of things", "feature_flag_key": "prices", "metrics": [metric()], "metrics_secondary": [metric()],
            "parameters": {"feature_flag_variants": variants, "minimum_detectable_effect": 20, "rollout_percentage": 50},
            "exposure_criteria": {"filterTestAccounts": true}, "stats_config": {"method": "frequentist"}, "unknown": 1,
        });
        let experiment = then.create("experiments", body).await;
        let expected = [
            ("name", json!("Prices")),
            ("description", json!("of things")),
            ("feature_flag_key", json!("prices")),
            ("type", json!("product")),
            ("status", json!("draft")),
            ("archived", json!(false)),
            ("deleted", json!(false)),
            ("saved_metrics_ids", json!([])),
            ("saved_metrics", json!([])),
            ("start_date", Value::Null),
            ("end_date", Value::Null),
            ("conclusion", Value::Null),
            ("holdout_id", Value::Null),
            ("only_count_matured_users", json!(false)),
            ("exposure_criteria", json!({"filterTestAccounts": true})),
            ("stats_config", json!({"method": "frequentist"})),
            ("created_at", json!("2026-03-01T00:00:00.000000Z")),
        ];
        for (name, value) in expected {
            assert_eq!(experiment[name], value, "{}: {name}", world.name);
        }
        assert!(
            experiment["id"].is_i64()
                && experiment["metrics"][0]["uuid"].is_string()
                && experiment["metrics_secondary"][0]["uuid"].is_string()
        );
        assert_eq!(
            (&experiment["parameters"]["minimum_detectable_effect"], &experiment["parameters"]["feature_flag_variants"]),
            (&json!(20), &variants)
        );
        assert_eq!(
            (&experiment["feature_flag"]["filters"]["groups"][0]["rollout_percentage"], &experiment["created_by"]["id"]),
            (&json!(50), &json!(1))
        );
        let path = format!("experiments/{}", experiment["id"]);
        assert_eq!(then.get(&path).await, experiment);
        assert_eq!(then.get("experiments?search=PRIC").await["results"][0]["id"], experiment["id"]);
        assert_eq!(then.get("experiments?status=running").await["count"], 0);
        assert_eq!(then.delete(&path).await, StatusCode::METHOD_NOT_ALLOWED);
        let flag = then.get(&format!("feature_flags/{}", experiment["feature_flag"]["id"])).await;
        assert_eq!(flag["experiment_set"], json!([experiment["id"]]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_changed_what_is_in_the_log() {
    for world in worlds().await {
        let then = world.then(NOW).await;
        let path = format!("experiments/{}", made(&then, "logged").await["id"]);
        then.patch(&path, json!({"name": "Renamed", "description": ""})).await;
        let log = then.get(&format!("{path}/activity")).await;
        let latest = &log["results"][0];
        assert_eq!((&log["count"], &latest["activity"], &latest["user"]["id"]), (&json!(2), &json!("updated"), &json!(1)));
        let change = json!({"type": "Experiment", "action": "changed", "field": "name", "before": "logged", "after": "Renamed"});
        assert_eq!(latest["detail"]["changes"], json!([change]));
        assert_eq!(then.get("experiments/activity").await["count"], 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_with_a_reason() {
    let world = worlds().await.remove(0);
    let then = world.then(NOW).await;
    let base = |more: Value| {
        let mut body = json!({"name": "x", "feature_flag_key": "x"});
        body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        body
    };
    let variant = |key: &str| json!({"key": key, "rollout_percentage": 50});
    for (body, reason) in [
        (json!({"name": "x"}), "This field is required"),
        (json!({"feature_flag_key": "x"}), "This field is required"),
        (base(json!({"name": " "})), "may not be blank"),
        (base(json!({"feature_flag_key": "no spaces"})), "A key consists of letters"),
        (base(json!({"type": "other"})), "Choose one of web, product"),
        (base(json!({"metrics": [{"kind": "ExperimentMetric"}]})), "needs a metric_type"),
        (
            base(json!({"metrics": [{"kind": "ExperimentMetric", "metric_type": "mean", "source": {"kind": "EventsNode", "evnt": "x"}}]})),
            "unknown field `evnt`",
        ),
        (base(json!({"metrics": 3})), "must be a list"),
        (base(json!({"exposure_criteria": {"multiple_variant_handling": "all"}})), "unknown variant `all`"),
        (base(json!({"stats_config": {"method": "magic"}})), "method is bayesian or frequentist"),
        (base(json!({"stats_config": {"cuped": {"enabled": true, "lookback_days": 90}}})), "lookback_days is from 1 to 30"),
        (base(json!({"start_date": "yesterday"})), "not a date and time"),
        (base(json!({"end_date": NOW})), "no start_date cannot have an end_date"),
        (base(json!({"start_date": "2026-03-02T00:00:00Z", "end_date": NOW})), "cannot end before it starts"),
        (base(json!({"parameters": {"feature_flag_variants": [variant("a"), variant("b")]}})), "must be \"control\""),
        (base(json!({"parameters": {"feature_flag_variants": [variant("control"), {"key": "b", "rollout_percentage": 10}]}})), "100"),
        (base(json!({"holdout_id": 99})), "Holdout 99 does not exist"),
        (base(json!({"saved_metrics_ids": [{"id": 99}]})), "Shared metric 99 does not exist"),
        (base(json!({"saved_metrics_ids": ["x"]})), "Shared metrics are a list"),
        (base(json!({"conclusion": "great"})), "Choose one of won"),
    ] {
        let refusal = then.refused(Method::POST, "experiments", body.clone()).await;
        assert!(refusal.starts_with("400") && refusal.contains(reason), "{body}: {refusal}");
    }
    assert_eq!(then.get("feature_flags").await["count"], 0, "nothing refused leaves a flag behind");
    then.create("feature_flags", json!({"key": "plain"})).await;
    let refusal = then.refused(Method::POST, "experiments", json!({"name": "x", "feature_flag_key": "plain"})).await;
    assert!(refusal.contains("no variants with a \"control\""), "{refusal}");
    assert!(then.refused(Method::GET, "experiments/99", Value::Null).await.starts_with("404"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_of_its_life_is_possible_only_in_its_place() {
    let world = worlds().await.remove(0);
    let then = world.then(NOW).await;
    let path = format!("experiments/{}", made(&then, "steps").await["id"]);
    let refused = async |action: &str| then.refused(Method::POST, &format!("{path}/{action}"), json!({"variant_key": "test"})).await;
    for action in ["pause", "resume", "end", "ship_variant", "reset"] {
        assert!(refused(action).await.contains("is draft"), "{action}");
    }
    then.post(&format!("{path}/launch"), json!({})).await;
    for action in ["launch", "resume", "archive"] {
        assert!(refused(action).await.contains("is running"), "{action}");
    }
    let keys = json!({"parameters": {"feature_flag_variants": [{"key": "control", "rollout_percentage": 50}, {"key": "b", "rollout_percentage": 50}]}});
    assert!(then.refused(Method::PATCH, &path, keys.clone()).await.contains("keep their keys"));
    assert!(then.refused(Method::PATCH, &path, json!({"holdout_id": 1})).await.contains("launched experiment cannot be changed"));
    assert!(
        then.refused(Method::PATCH, &path, json!({"feature_flag_key": "other"})).await.contains("flag of an experiment cannot be changed")
    );
    let shifted = json!({"parameters": {"feature_flag_variants": [{"key": "control", "rollout_percentage": 10}, {"key": "test", "rollout_percentage": 90}]}});
    assert_eq!(then.patch(&path, shifted).await["feature_flag"]["filters"]["multivariate"]["variants"][1]["rollout_percentage"], 90);
    let wrong = then.refused(Method::POST, &format!("{path}/ship_variant"), json!({"variant_key": "nope"})).await;
    assert!(wrong.contains("no variant \"nope\""), "{wrong}");
    assert_eq!(then.get(&path).await["status"], "running", "a refused shipment ends nothing");
    assert!(then.refused(Method::POST, &format!("{path}/end"), json!({"conclusion": "great"})).await.contains("Choose one of won"));
    then.post(&format!("{path}/end"), json!({})).await;
    for action in ["launch", "pause", "resume", "end"] {
        assert!(refused(action).await.contains("is stopped"), "{action}");
    }
    let reset = then.post(&format!("{path}/reset"), json!({})).await;
    assert_eq!((&reset["status"], &reset["feature_flag"]["active"]), (&json!("draft"), &json!(true)));
    then.patch(&path, keys).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_experiments_let_go_of_their_flag_and_can_come_back() {
    for world in worlds().await {
        let then = world.then(NOW).await;
        let experiment = made(&then, "gone").await;
        let (path, flag) = (format!("experiments/{}", experiment["id"]), format!("feature_flags/{}", experiment["feature_flag"]["id"]));
        assert!(then.refused(Method::PATCH, &flag, json!({"deleted": true})).await.contains("uses this flag"));
        assert_eq!(then.patch(&path, json!({"deleted": true})).await["deleted"], true);
        assert!(then.refused(Method::GET, &path, Value::Null).await.starts_with("404"));
        assert!(then.refused(Method::PATCH, &path, json!({"name": "x"})).await.starts_with("404"));
        assert_eq!(then.get(&flag).await["experiment_set"], json!([]));
        assert_eq!(then.patch(&path, json!({"deleted": false})).await["deleted"], false);
        assert_eq!(then.get(&flag).await["experiment_set"], json!([experiment["id"]]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_a_draft_with_the_same_settings() {
    let world = worlds().await.remove(0);
    let then = world.then(NOW).await;
    let source =
        then.create("experiments", json!({"name": "One", "feature_flag_key": "one", "metrics": [metric()], "start_date": NOW})).await;
    let path = format!("experiments/{}/duplicate", source["id"]);
    let copy = then.create(&path, json!({})).await;
    assert_eq!((&copy["name"], &copy["feature_flag_key"], &copy["status"]), (&json!("One (Copy)"), &json!("one"), &json!("draft")));
    assert_eq!(copy["metrics"][0]["source"], source["metrics"][0]["source"]);
    assert_ne!(copy["metrics"][0]["uuid"], source["metrics"][0]["uuid"], "results are kept by uuid");
    let other = then.create(&path, json!({"name": "Two", "feature_flag_key": "two"})).await;
    assert_eq!((&other["feature_flag_key"], &other["feature_flag"]["active"]), (&json!("two"), &json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn shared_metrics_and_holdouts_reach_experiments_and_flags() {
    for world in worlds().await {
        let then = world.then(NOW).await;
        let shared = then.create("experiment_saved_metrics", json!({"name": "Paid", "query": metric()})).await;
        assert!(shared["query"]["uuid"].is_string());
        assert!(
            then.refused(Method::POST, "experiment_saved_metrics", json!({"name": "x", "query": {"kind": "x"}}))
                .await
                .contains("not supported")
        );
        let holdout =
            then.create("experiment_holdouts", json!({"name": "Few", "filters": [{"properties": [], "rollout_percentage": 5}]})).await;
        let links = json!([{"id": shared["id"], "metadata": {"type": "secondary"}}]);
        let body = json!({"name": "x", "feature_flag_key": "x", "saved_metrics_ids": links, "holdout_id": holdout["id"]});
        let experiment = then.create("experiments", body).await;
        assert_eq!((&experiment["saved_metrics_ids"], &experiment["saved_metrics"][0]["query"]), (&links, &shared["query"]));
        let path = format!("experiments/{}", experiment["id"]);
        let excluded = async || then.get(&path).await["feature_flag"]["filters"]["holdout"]["exclusion_percentage"].clone();
        assert_eq!(excluded().await, 5);
        let wider = json!({"filters": [{"properties": [], "rollout_percentage": 15}]});
        then.patch(&format!("experiment_holdouts/{}", holdout["id"]), wider).await;
        assert_eq!(excluded().await, 15);
        assert_eq!(then.patch(&path, json!({"holdout_id": null})).await["feature_flag"]["filters"].get("holdout"), None);
        let renamed = then.patch(&format!("experiment_saved_metrics/{}", shared["id"]), json!({"name": "Paid at all"})).await;
        assert_eq!((&renamed["name"], &renamed["query"]), (&json!("Paid at all"), &shared["query"]));
        assert_eq!(then.delete(&format!("experiment_saved_metrics/{}", shared["id"])).await, StatusCode::NO_CONTENT);
        assert_eq!(then.get(&path).await["saved_metrics_ids"], json!([]));
        for filters in [json!([]), json!([{"rollout_percentage": 101}]), json!([{"rollout_percentage": "x"}])] {
            let refusal = then.refused(Method::POST, "experiment_holdouts", json!({"name": "x", "filters": filters})).await;
            assert!(refusal.contains("from 0 to 100"), "{refusal}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_learn_of_web_experiments_that_are_not_over() {
    let world = worlds().await.remove(0);
    let then = world.then(NOW).await;
    let variants = json!({
        "control": {"transforms": [], "rollout_percentage": 40},
        "test": {"conditions": {"url": "/pricing"}, "transforms": [{"selector": "h1", "html": "<b>Hi</b>"}], "rollout_percentage": 60},
    });
    let experiment = then.create("web_experiments", json!({"name": "Better title!", "variants": variants})).await;
    assert_eq!((&experiment["type"], &experiment["feature_flag_key"]), (&json!("web"), &json!("better-title-web-experiment-feature")));
    made(&then, "not-for-pages").await;
    let listed = async || then.public("/api/web_experiments?token=phc_experiments").await;
    let (status, body) = listed().await;
    let key = "better-title-web-experiment-feature";
    let expected = json!({"id": experiment["id"], "name": "Better title!", "feature_flag_key": key, "variants": variants});
    assert_eq!((status, body), (StatusCode::OK, json!({"experiments": [expected]})));
    let path = format!("experiments/{}", experiment["id"]);
    then.post(&format!("{path}/launch"), json!({})).await;
    then.post(&format!("{path}/end"), json!({})).await;
    assert_eq!(listed().await.1, json!({"experiments": []}));
    assert_eq!(then.public("/api/web_experiments?token=phc_nobody").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_running_time_is_told_before_anything_runs() {
    let world = worlds().await.remove(0);
    let then = world.then(NOW).await;
    let path = "experiments/calculate_running_time";
    let count = json!({"metric_type": "mean_count", "baseline_value": 4, "minimum_detectable_effect": 5, "exposures_per_day": 100});
    let answer = then.post(path, count).await;
    assert_eq!((&answer["recommended_sample_size"], &answer["recommended_running_time"]), (&json!(6_400), &json!(64)));
    let retention = then.post(path, json!({"metric_type": "retention", "baseline_value": 0.7, "minimum_detectable_effect": 10})).await;
    assert_eq!((&retention["recommended_sample_size"], &retention["recommended_running_time"]), (&json!(1_372), &Value::Null));
    let ratio = json!({"metric_type": "ratio", "baseline_value": 10, "variance": 32, "minimum_detectable_effect": 10});
    assert_eq!(then.post(path, ratio).await["recommended_sample_size"], 1_024);
    let sample = json!({"number_of_samples": 10_000, "sum": 500_000, "sum_squares": 3.0e7, "denominator_sum": 50_000,
                        "denominator_sum_squares": 300_000, "numerator_denominator_sum_product": 2.6e6});
    assert_eq!(
        then.post(path, json!({"metric_type": "ratio", "sample": sample, "minimum_detectable_effect": 10})).await["baseline_value"],
        10.0
    );
    for (body, reason) in [
        (json!({"metric_type": "funnel"}), "This field is required"),
        (json!({"metric_type": "funnel", "baseline_value": 10}), "from 0 to 1"),
        (json!({"metric_type": "funnel", "baseline_value": 0}), "must not be zero"),
        (json!({"metric_type": "ratio", "baseline_value": 10}), "needs its variance"),
        (json!({"metric_type": "sum", "baseline_value": 10}), "Choose mean_count"),
        (json!({"metric_type": "funnel", "baseline_value": 0.5, "minimum_detectable_effect": 0}), "above 0"),
        (json!({"metric_type": "funnel", "baseline_value": 0.5, "number_of_variants": 1}), "2 to 20"),
    ] {
        let refusal = then.refused(Method::POST, path, body).await;
        assert!(refusal.contains(reason), "{refusal}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_exposed_becomes_a_cohort_once() {
    let world = worlds().await.remove(0);
    let then = world.then(NOW).await;
    let path = format!("experiments/{}", made(&then, "seen").await["id"]);
    let cohort = format!("{path}/create_exposure_cohort_for_experiment");
    assert!(then.refused(Method::POST, &cohort, json!({})).await.contains("is draft"));
    then.post(&format!("{path}/launch"), json!({})).await;
    let own =
        json!({"exposure_criteria": {"exposure_config": {"kind": "ExperimentEventExposureConfig", "event": "seen", "properties": []}}});
    then.patch(&path, own).await;
    let made = then.create(&cohort, json!({})).await;
    let criterion = &made["cohort"]["filters"]["properties"]["values"][0]["values"][0];
    assert_eq!((&criterion["key"], &criterion["event_filters"][0]["key"]), (&json!("seen"), &json!("$feature/seen")));
    assert_eq!(made["cohort"]["name"], "Users exposed to experiment seen");
    assert_eq!(then.get(&path).await["exposure_cohort"], made["cohort"]["id"]);
    assert!(then.refused(Method::POST, &cohort, json!({})).await.contains("already"));
}
