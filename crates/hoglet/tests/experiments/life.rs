//! An experiment from draft to conclusion, with people whom the real flag gives a variant, and an effect that is planted.

use crate::world::{Then, World, at, worlds};
use http::StatusCode;
use model::Timestamp;
use serde_json::{Value, json};
use std::collections::HashMap;

const PEOPLE: u64 = 3_000;

fn share(person: u64, salt: u64) -> f64 {
    let mut mixed = (person << 8 | salt).wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

fn name(person: u64) -> String {
    format!("person-{person}")
}

fn funnel() -> Value {
    json!({"kind": "ExperimentMetric", "metric_type": "funnel", "uuid": "f-1", "name": "Signed up",
           "series": [{"kind": "EventsNode", "event": "form"}, {"kind": "EventsNode", "event": "signup"}]})
}

fn revenue() -> Value {
    json!({"kind": "ExperimentMetric", "metric_type": "mean", "uuid": "m-1", "upper_bound_percentile": 0.99,
           "source": {"kind": "EventsNode", "event": "paid", "math": "sum", "math_property": "amount"}})
}

/// Everybody comes once within ten days. Of control 20 % sign up, of test 30 %; who signed up pays, in both variants alike.
async fn people_come(world: &mut World, then: &Then, key: &str, start: Timestamp) -> HashMap<String, u64> {
    let mut variants: HashMap<String, u64> = HashMap::new();
    let mut events = Vec::new();
    for person in 0..PEOPLE {
        let variant = then.flag(key, &name(person)).await;
        let Some(variant) = variant.as_str() else { continue };
        *variants.entry(variant.to_owned()).or_default() += 1;
        let seen = start.plus_seconds(60 + (person * 863_000 / PEOPLE) as i64);
        events.push((name(person), "$feature_flag_called", seen, json!({"$feature_flag": key, "$feature_flag_response": variant})));
        events.push((name(person), "form", seen.plus_seconds(30), json!({})));
        let rate = if variant == "test" { 0.30 } else { 0.20 };
        if share(person, 1) < rate {
            events.push((name(person), "signup", seen.plus_seconds(90), json!({})));
            events.push((name(person), "paid", seen.plus_seconds(95), json!({"amount": (10.0 + 20.0 * share(person, 2)).round()})));
        }
    }
    world.happens(events).await;
    variants
}

fn only(result: &Value) -> &Value {
    assert_eq!(result["variant_results"].as_array().map(Vec::len), Some(1), "{result}");
    &result["variant_results"][0]
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_experiment_finds_the_planted_effect_and_ships_it() {
    for mut world in worlds().await {
        lives(&mut world).await;
    }
}

async fn lives(world: &mut World) {
    let draft = world.then("2026-03-01T00:00:00Z").await;
    let made = draft
        .create("experiments", json!({"name": "Shorter form", "feature_flag_key": "short-form", "metrics": [funnel(), revenue()]}))
        .await;
    let id = made["id"].as_i64().unwrap();
    let path = |action: &str| format!("experiments/{id}/{action}");
    assert_eq!((&made["status"], &made["feature_flag"]["active"]), (&json!("draft"), &json!(false)), "{}", world.name);
    assert_eq!(draft.flag("short-form", "person-1").await, Value::Null, "a draft's flag is absent");
    assert!(
        draft
            .refused(http::Method::POST, "query", json!({"query": {"kind": "ExperimentQuery", "experiment_id": id, "metric": funnel()}}))
            .await
            .contains("has not been launched")
    );

    let launched = draft.post(&path("launch"), json!({})).await;
    assert_eq!((&launched["status"], &launched["start_date"]), (&json!("running"), &json!("2026-03-01T00:00:00.000000Z")));
    let variants = people_come(world, &draft, "short-form", at("2026-03-01T00:00:00Z")).await;
    assert_eq!(variants.values().sum::<u64>(), PEOPLE);

    let paused = draft.post(&path("pause"), json!({})).await;
    assert_eq!((&paused["status"], draft.flag("short-form", "person-1").await), (&json!("paused"), Value::Null));
    assert_eq!(draft.post(&path("resume"), json!({})).await["status"], "running");
    assert!(!draft.flag("short-form", "person-1").await.is_null());

    let later = world.then("2026-03-12T12:00:00Z").await;
    planted_effect_is_found(&later, &launched, &variants).await;
    days_tell_the_same_again(&later, id).await;
    ends_and_ships(&later, world, &launched).await;
}

async fn planted_effect_is_found(then: &Then, experiment: &Value, variants: &HashMap<String, u64>) {
    let result = then.result(experiment, &funnel()).await;
    let test = only(&result);
    assert_eq!(
        (&result["baseline"]["number_of_samples"], &test["number_of_samples"]),
        (&json!(variants["control"]), &json!(variants["test"]))
    );
    assert_eq!(test["step_counts"][0], json!(variants["test"]), "everybody saw the form");
    let (low, high) = (number(&test["credible_interval"][0]), number(&test["credible_interval"][1]));
    assert!(low > 0.0 && low < 0.5 && high > 0.5, "[{low}, {high}] does not hold the effect of 50 %");
    assert!(test["significant"] == true && number(&test["chance_to_win"]) > 0.99, "{test}");
    let worse = json!({"goal": "decrease"});
    let mut decrease = funnel();
    decrease["goal"] = worse["goal"].clone();
    assert!(number(&only(&then.result(experiment, &decrease).await)["chance_to_win"]) < 0.01);
    // Who pays more often pays more: the mean has the same effect, about.
    let mean = then.result(experiment, &revenue()).await;
    let (low, high) = (number(&only(&mean)["credible_interval"][0]), number(&only(&mean)["credible_interval"][1]));
    assert!(low > 0.0 && low < 0.5 && high > 0.5, "[{low}, {high}]");

    let exposures = then.post("query", json!({"query": {"kind": "ExperimentExposureQuery", "experiment_id": experiment["id"]}})).await;
    assert_eq!(exposures["total_exposures"], json!(variants));
    assert_eq!(exposures["sample_ratio_mismatch"]["is_mismatch"], false);
    let series = exposures["timeseries"][0]["exposure_counts"].as_array().unwrap();
    assert_eq!((series.len(), series.last()), (12, Some(&json!(variants["control"]))));
}

async fn days_tell_the_same_again(then: &Then, id: i64) {
    let path = format!("experiments/{id}/timeseries_results?metric_uuid=f-1");
    let first = then.get(&path).await;
    let days = first["timeseries"].as_object().unwrap();
    assert_eq!((first["status"].as_str(), days.len()), (Some("completed"), 12));
    let samples = |day: &str| number(&days[day]["baseline"]["number_of_samples"]);
    assert!(samples("2026-03-01") > 50.0 && samples("2026-03-01") < samples("2026-03-05") && samples("2026-03-05") < samples("2026-03-12"));
    assert_eq!(then.get(&path).await["timeseries"], first["timeseries"], "kept days are the same");
    then.post(&format!("experiments/{id}/recalculate_timeseries?metric_uuid=f-1"), json!({})).await;
    assert_eq!(then.get(&path).await["timeseries"], first["timeseries"], "computed again, they are the same");
}

async fn ends_and_ships(then: &Then, world: &World, experiment: &Value) {
    let id = &experiment["id"];
    let before = then.result(experiment, &funnel()).await;
    let ended = then.post(&format!("experiments/{id}/end"), json!({"conclusion": "won", "conclusion_comment": "by far"})).await;
    assert_eq!(
        (&ended["status"], &ended["conclusion"], &ended["end_date"]),
        (&json!("stopped"), &json!("won"), &json!("2026-03-12T12:00:00.000000Z"))
    );
    let shipped = then.post(&format!("experiments/{id}/ship_variant"), json!({"variant_key": "test"})).await;
    assert_eq!((&shipped["conclusion"], &shipped["conclusion_comment"]), (&json!("won"), &json!("by far")));
    let after = world.then("2026-04-01T00:00:00Z").await;
    for person in [1, 2, 3, 4, 5, 6, 7, 8] {
        assert_eq!(after.flag("short-form", &name(person)).await, "test");
    }
    // The flag's shares changed; what the experiment compared did not.
    let kept = after.result(experiment, &funnel()).await;
    assert_eq!((&kept["baseline"], &kept["variant_results"]), (&before["baseline"], &before["variant_results"]));
    let exposures = after.post("query", json!({"query": {"kind": "ExperimentExposureQuery", "experiment_id": id}})).await;
    assert_eq!(exposures["sample_ratio_mismatch"]["is_mismatch"], false);
    assert_eq!(after.post(&format!("experiments/{id}/archive"), json!({})).await["archived"], true);
    assert_eq!(after.get("experiments").await["count"], 0);
    assert_eq!(after.get("experiments?archived=true").await["count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn held_out_people_are_in_no_variant_until_one_is_shipped() {
    for mut world in worlds().await {
        let then = world.then("2026-03-01T00:00:00Z").await;
        let holdout =
            then.create("experiment_holdouts", json!({"name": "Ten", "filters": [{"properties": [], "rollout_percentage": 10}]})).await;
        let variant = format!("holdout-{}", holdout["id"]);
        assert_eq!(holdout["filters"][0]["variant"], variant.as_str());
        let made = then
            .create(
                "experiments",
                json!({"name": "Held", "feature_flag_key": "held", "holdout_id": holdout["id"], "start_date": "2026-03-01T00:00:00Z"}),
            )
            .await;
        assert_eq!((&made["status"], &made["holdout"]["name"]), (&json!("running"), &json!("Ten")));
        let seen = people_come(&mut world, &then, "held", at("2026-03-01T00:00:00Z")).await;
        assert!((200..400).contains(&seen[&variant]), "{seen:?}");
        let later = world.then("2026-03-12T00:00:00Z").await;
        let exposures = later.post("query", json!({"query": {"kind": "ExperimentExposureQuery", "experiment_id": made["id"]}})).await;
        assert_eq!(exposures["total_exposures"], json!(seen));
        let result = later.result(&made, &funnel()).await;
        let counted = result["baseline"]["number_of_samples"].as_u64().unwrap() + only(&result)["number_of_samples"].as_u64().unwrap();
        assert_eq!(counted, PEOPLE - seen[&variant]);
        let held = (0..PEOPLE).map(name);
        let mut one = None;
        for person in held {
            if later.flag("held", &person).await == variant.as_str() {
                one = Some(person);
                break;
            }
        }
        later.post(&format!("experiments/{}/ship_variant", made["id"]), json!({"variant_key": "control"})).await;
        assert_eq!(later.flag("held", &one.unwrap()).await, "control");
        assert_eq!(later.delete(&format!("experiment_holdouts/{}", holdout["id"])).await, StatusCode::NO_CONTENT);
        assert_eq!(later.get(&format!("experiments/{}", made["id"])).await["holdout_id"], Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_people_are_noticed() {
    let mut world = worlds().await.remove(0);
    let then = world.then("2026-03-01T00:00:00Z").await;
    let made =
        then.create("experiments", json!({"name": "Lossy", "feature_flag_key": "lossy", "start_date": "2026-03-01T00:00:00Z"})).await;
    let mut events = Vec::new();
    for person in 0..1_000 {
        let variant = then.flag("lossy", &name(person)).await;
        // A fifth of those in test never tell that they saw it.
        if variant != "test" || share(person, 3) > 0.2 {
            let called = json!({"$feature_flag": "lossy", "$feature_flag_response": variant});
            events.push((name(person), "$feature_flag_called", at("2026-03-01T01:00:00Z"), called));
        }
    }
    world.happens(events).await;
    let later = world.then("2026-03-02T00:00:00Z").await;
    let exposures = later.post("query", json!({"query": {"kind": "ExperimentExposureQuery", "experiment_id": made["id"]}})).await;
    assert_eq!(exposures["sample_ratio_mismatch"]["is_mismatch"], true, "{exposures}");
}

/// A thousand experiments would take an hour here; `statistics` judges a thousand. These are the same people in forty flags, which
/// give them their variants anew: twice α are significant, and forty times a tenth is within 0 to 11 in 999 of 1,000 cases.
#[tokio::test(flavor = "multi_thread")]
async fn experiments_without_an_effect_are_rarely_significant() {
    let mut world = worlds().await.remove(0);
    let then = world.then("2026-03-01T00:00:00Z").await;
    let mut events = Vec::new();
    let mut experiments = Vec::new();
    for number in 0..40 {
        let key = format!("same-{number}");
        experiments
            .push(then.create("experiments", json!({"name": key, "feature_flag_key": key, "start_date": "2026-03-01T00:00:00Z"})).await);
    }
    for person in 0..400 {
        for experiment in &experiments {
            let key = experiment["feature_flag_key"].as_str().unwrap();
            let called = json!({"$feature_flag": key, "$feature_flag_response": then.flag(key, &name(person)).await});
            events.push((name(person), "$feature_flag_called", at("2026-03-01T01:00:00Z"), called));
        }
        if share(person, 4) < 0.4 {
            events.push((name(person), "signup", at("2026-03-01T02:00:00Z"), json!({})));
        }
    }
    world.happens(events).await;
    let later = world.then("2026-03-02T00:00:00Z").await;
    let metric = json!({"kind": "ExperimentMetric", "metric_type": "funnel", "series": [{"kind": "EventsNode", "event": "signup"}]});
    let mut significant = 0;
    for experiment in &experiments {
        let result = later.result(experiment, &metric).await;
        significant += u32::from(only(&result)["significant"] == true);
        assert!(only(&result)["chance_to_win"].is_number(), "{result}");
    }
    assert!(significant <= 11, "{significant} of 40");
}
