use super::*;
use crate::manage::schedule::run_due;

const SCHEDULE: &str = "/api/projects/1/scheduled_changes";

fn at(seconds: i64) -> String {
    NOW.plus_seconds(seconds).to_string()
}

async fn schedule(world: &World, flag: &Value, payload: Value, more: Value) -> Value {
    let mut body = json!({"record_id": flag["id"], "model_name": "FeatureFlag", "payload": payload, "scheduled_at": at(60)});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let (status, reply) = world.post(SCHEDULE, body).await;
    assert_eq!(status, StatusCode::CREATED, "{}: {reply}", world.name);
    reply
}

#[tokio::test]
async fn a_change_is_made_at_its_time_and_once_whatever_number_of_processes_look() {
    for world in worlds().await {
        let flag = world.create(json!({"key": "beta", "active": false, "filters": {"groups": [{"rollout_percentage": 5}]}})).await;
        let on = schedule(&world, &flag, json!({"operation": "update_status", "value": true}), json!({})).await;
        let more = json!({"operation": "add_release_condition", "value": {"groups": [{"properties": [], "rollout_percentage": 50}]}});
        schedule(&world, &flag, more, json!({})).await;
        assert_eq!(run_due(&world.flags).await.unwrap(), 0, "too early");
        let later = world.after(61);
        let other_process = later.after(0);
        let (one, two) = tokio::join!(run_due(&later.flags), run_due(&other_process.flags));
        assert_eq!(one.unwrap() + two.unwrap(), 2, "{}", world.name);
        let changed = later.get(&path(&flag)).await;
        assert_eq!((&changed["active"], &changed["version"]), (&json!(true), &json!(3)));
        assert_eq!(changed["filters"]["groups"].as_array().unwrap().len(), 2);
        let done = later.get(&format!("{SCHEDULE}/{}", on["id"])).await;
        assert_eq!((&done["executed_at"], &done["failure_reason"]), (&json!(at(61)), &Value::Null));
        assert_eq!(run_due(&later.flags).await.unwrap(), 0);
        let activity = later.get(&format!("{}/activity", path(&flag))).await;
        assert_eq!(activity["results"][0]["user"]["id"], 1, "whoever scheduled it");
        assert_eq!(later.patch(&format!("{SCHEDULE}/{}", on["id"]), json!({"scheduled_at": at(900)})).await.0, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn variants_and_payloads_change_on_schedule() {
    for world in worlds().await {
        let flag = world.create(json!({"key": "exp"})).await;
        let variants = json!([{"key": "a", "rollout_percentage": 30}, {"key": "b", "rollout_percentage": 70}]);
        let payload = json!({"operation": "update_variants", "value": {"variants": variants, "payloads": {"b": "{\"x\":1}"}}});
        schedule(&world, &flag, payload, json!({})).await;
        run_due(&world.after(61).flags).await.unwrap();
        let filters = &world.get(&path(&flag)).await["filters"];
        assert_eq!((&filters["multivariate"]["variants"], &filters["payloads"]), (&variants, &json!({"b": "{\"x\":1}"})));
    }
}

#[tokio::test]
async fn a_change_that_has_become_impossible_says_why_and_stops_no_other() {
    for world in worlds().await {
        let gone = world.create(json!({"key": "gone"})).await;
        let kept = world.create(json!({"key": "kept"})).await;
        let off = json!({"operation": "update_status", "value": false});
        let failing = schedule(&world, &gone, off.clone(), json!({})).await;
        schedule(&world, &kept, off, json!({})).await;
        world.edit(&gone, json!({"deleted": true})).await;
        let later = world.after(61);
        assert_eq!(run_due(&later.flags).await.unwrap(), 1);
        let failed = later.get(&format!("{SCHEDULE}/{}", failing["id"])).await;
        assert_eq!(failed["failure_reason"], "The flag has been deleted.");
        assert_eq!(failed["executed_at"], at(61));
        assert_eq!(later.get(&path(&kept)).await["active"], false);
    }
}

#[tokio::test]
async fn a_recurring_change_comes_again_until_it_is_paused_or_ends() {
    for world in worlds().await {
        let flag = world.create(json!({"key": "beta"})).await;
        let off = json!({"operation": "update_status", "value": false});
        let more = json!({"is_recurring": true, "recurrence_interval": "daily", "end_date": at(60 + 5 * 86_400)});
        let change = schedule(&world, &flag, off, more).await;
        let path = format!("{SCHEDULE}/{}", change["id"]);
        let first = world.after(61);
        assert_eq!(run_due(&first.flags).await.unwrap(), 1);
        let shown = first.get(&path).await;
        assert_eq!(
            (&shown["executed_at"], &shown["scheduled_at"], &shown["last_executed_at"]),
            (&Value::Null, &json!(at(60 + 86_400)), &json!(at(61)))
        );
        // Nothing ran for three days: what was missed is made once.
        first.edit(&flag, json!({"active": true})).await;
        let after_days = world.after(61 + 3 * 86_400);
        assert_eq!(run_due(&after_days.flags).await.unwrap(), 1);
        assert_eq!(after_days.get(&path).await["scheduled_at"], at(60 + 4 * 86_400));
        assert_eq!(after_days.get(&super::path(&flag)).await["active"], false);
        after_days.patch(&path, json!({"is_recurring": false})).await;
        let paused = world.after(61 + 4 * 86_400);
        assert_eq!(run_due(&paused.flags).await.unwrap(), 0);
        paused.patch(&path, json!({"is_recurring": true})).await;
        let end = world.after(61 + 5 * 86_400);
        assert_eq!(run_due(&end.flags).await.unwrap(), 1);
        assert_eq!(end.get(&path).await["executed_at"], at(61 + 5 * 86_400), "no time is left before the end");
    }
}

#[tokio::test]
async fn changes_that_cannot_be_made_are_refused_when_they_are_scheduled() {
    for world in worlds().await {
        let flag = world.create(json!({"key": "beta"})).await;
        let body = |payload: Value, when: i64| json!({"record_id": flag["id"], "model_name": "FeatureFlag", "payload": payload, "scheduled_at": at(when)});
        let on = json!({"operation": "update_status", "value": true});
        for (body, expected) in [
            (body(on.clone(), -1), "time has passed"),
            (body(json!({"operation": "explode"}), 60), "operation must be"),
            (body(json!({"operation": "update_status", "value": "on"}), 60), "true or false"),
            (
                body(json!({"operation": "add_release_condition", "value": {"groups": [{"rollout_percentage": 200}]}}), 60),
                "rollout_percentage",
            ),
            (body(json!({"operation": "update_variants", "value": {"variants": [{"key": "a", "rollout_percentage": 1}]}}), 60), "sum to 1"),
            (json!({"record_id": 99, "model_name": "FeatureFlag", "payload": on, "scheduled_at": at(60)}), "no flag"),
            (json!({"record_id": flag["id"], "model_name": "Insight", "payload": on, "scheduled_at": at(60)}), "FeatureFlag"),
        ] {
            let (status, _, detail) = world.refused(SCHEDULE, body).await;
            assert_eq!(status, 400, "{expected}");
            assert!(detail.contains(expected), "{detail:?} should say {expected:?}");
        }
        assert_eq!(world.get(&format!("{SCHEDULE}?model_name=FeatureFlag&record_id={}", flag["id"])).await["count"], 0);
        let change = schedule(&world, &flag, on, json!({})).await;
        assert_eq!(world.get(&format!("{SCHEDULE}?record_id={}", flag["id"])).await["count"], 1);
        assert_eq!(world.status(Method::DELETE, &format!("{SCHEDULE}/{}", change["id"])).await, StatusCode::NO_CONTENT);
        assert_eq!(run_due(&world.after(61).flags).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn what_happens_at_the_end_of_each_month_stays_there_after_february() {
    for world in worlds().await {
        let flag = world.create(json!({"key": "beta"})).await;
        let off = json!({"operation": "update_status", "value": false});
        let more = json!({"is_recurring": true, "recurrence_interval": "monthly", "scheduled_at": "2026-01-31T09:00:00Z"});
        let change = schedule(&world, &flag, off, more).await;
        let mut times = Vec::new();
        for days in [31, 60] {
            let later = world.after(days * 86_400);
            assert_eq!(run_due(&later.flags).await.unwrap(), 1, "{}", world.name);
            times.push(later.get(&format!("{SCHEDULE}/{}", change["id"])).await["scheduled_at"].clone());
        }
        assert_eq!(times, ["2026-02-28T09:00:00.000000Z", "2026-03-31T09:00:00.000000Z"]);
    }
}
