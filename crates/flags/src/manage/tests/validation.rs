use super::*;

#[tokio::test]
async fn flags_that_could_not_be_answered_are_refused_with_what_to_do() {
    let property = |operator: &str, value: Value| when(json!([{"key": "k", "type": "person", "operator": operator, "value": value}]));
    let variants = |variants: Value| json!({"groups": [{}], "multivariate": {"variants": variants}});
    let cases = [
        (json!({"groups": []}), "at least one condition set"),
        (json!([]), "must be an object"),
        (json!({"groups": {}}), "must be a list"),
        (json!({"version": 2, "groups": [{}]}), "version 2"),
        (json!({"groups": [{"rollout_percentage": 101}]}), "Condition set 1: rollout_percentage"),
        (json!({"groups": [{}, {"rollout_percentage": "50"}]}), "Condition set 2"),
        (json!({"groups": [{"variant": "nope"}]}), "no variant \"nope\""),
        (variants(json!([{"key": "a", "rollout_percentage": 50}, {"key": "b", "rollout_percentage": 49}])), "sum to 99"),
        (variants(json!([{"key": "a", "rollout_percentage": 50}, {"key": "a", "rollout_percentage": 50}])), "Two variants"),
        (variants(json!([{"key": "", "rollout_percentage": 100}])), "needs a key"),
        (json!({"groups": [{}], "payloads": {"a": "1"}}), "under \"true\""),
        (json!({"groups": [{}], "payloads": {"true": "not json"}}), "must be JSON"),
        (json!({"groups": [{}], "payloads": "x"}), "payloads must be an object"),
        (json!({"groups": [{}], "holdout": {"id": 1}}), "holdout must be"),
        (json!({"groups": [{}], "feature_enrollment": "yes"}), "feature_enrollment must be"),
        (json!({"groups": [{}], "aggregation_group_type_index": 7}), "0 to 4"),
        (property("is_date_before", json!("yesterday")), "needs a date"),
        (property("icontains", json!(["a"])), "needs a text"),
        (property("icontains_multi", json!("a")), "needs a list"),
        (property("gt", json!("ten")), "needs a number"),
        (property("between", json!([1])), "two numbers"),
        (property("not_between", json!([10, 1])), "smaller one first"),
        (property("semver_gt", json!("1.x")), "needs a version"),
        (property("regex", json!("(")), "regular expression"),
        (property("in", json!(1)), "for cohorts only"),
        (property("like", json!("x")), "no operator \"like\""),
        (when(json!([{"key": "k", "type": "event", "value": "x"}])), "cannot be used in flags"),
        (when(json!([{"type": "person", "value": "x"}])), "needs a key"),
        (when(json!([{"key": "size", "type": "group", "group_type_index": 0, "value": 1}])), "does not belong to the group type"),
        (
            json!({"aggregation_group_type_index": 0, "groups": [{"properties": [{"key": "plan", "type": "person", "value": "x"}]}]}),
            "use group properties only",
        ),
        (when(json!([{"key": "id", "type": "cohort", "value": 99, "operator": "in"}])), "no cohort with id 99"),
        (when(json!([{"key": "99", "type": "flag", "value": true, "operator": "flag_evaluates_to"}])), "does not exist"),
        (when(json!([{"key": "99", "type": "flag", "value": true, "operator": "exact"}])), "flag_evaluates_to"),
        (json!({"groups": [{"description": "x".repeat(600 * 1024)}]}), "larger than 512 KiB"),
        (json!({"groups": [{}], "super_groups": [{"properties": [{"key": "plan"}]}]}), "super_groups"),
    ];
    for world in worlds().await {
        for (filters, expected) in &cases {
            let (status, _, detail) = world.refused(FLAGS, json!({"key": "f", "filters": filters})).await;
            assert_eq!(status, 400, "{}: {expected}", world.name);
            assert!(detail.contains(expected), "{detail:?} should say {expected:?}");
        }
        assert_eq!(world.get(FLAGS).await["count"], 0);
    }
}

#[tokio::test]
async fn fields_that_are_wrong_are_named() {
    for world in worlds().await {
        for (flag, code, attr) in [
            (json!({}), "required", "key"),
            (json!({"key": ""}), "blank", "key"),
            (json!({"key": "with space"}), "invalid_key", "key"),
            (json!({"key": "ü"}), "invalid_key", "key"),
            (json!({"key": "k".repeat(401)}), "max_length", "key"),
            (json!({"key": "f", "name": 5}), "invalid_input", "name"),
            (json!({"key": "f", "evaluation_runtime": "edge"}), "invalid_choice", "evaluation_runtime"),
            (json!({"key": "f", "bucketing_identifier": "ip"}), "invalid_choice", "bucketing_identifier"),
            (json!({"key": "f", "tags": ["x".repeat(300)]}), "invalid_input", "tags"),
            (json!({"key": "f", "has_encrypted_payloads": true}), "invalid_input", "has_encrypted_payloads"),
        ] {
            let (status, reply) = world.post(FLAGS, flag).await;
            assert_eq!((status.as_u16(), &reply["code"], &reply["attr"]), (400, &json!(code), &json!(attr)), "{reply}");
            assert_eq!(reply["type"], "validation_error");
        }
    }
}

#[tokio::test]
async fn every_operator_is_accepted_with_a_fitting_value() {
    let fitting = [
        ("exact", json!(["a", 1, true])),
        ("is_not", json!("a")),
        ("is_set", json!("is_set")),
        ("is_not_set", Value::Null),
        ("icontains", json!("a")),
        ("not_icontains", json!("a")),
        ("starts_with", json!("a")),
        ("not_ends_with", json!("a")),
        ("icontains_multi", json!(["a"])),
        ("not_icontains_multi", json!(["a"])),
        ("regex", json!("(?=.*a)(?!b)")),
        ("not_regex", json!("^a$")),
        ("gt", json!("5")),
        ("lte", json!(1e3)),
        ("between", json!([1, "10"])),
        ("not_between", json!([1, 2])),
        ("semver_eq", json!("v1.2")),
        ("semver_lt", json!("1.0.0-rc.1+build")),
        ("semver_wildcard", json!("1.2.*")),
        ("semver_caret", json!("0.2.3")),
        ("is_date_before", json!("-30d")),
        ("is_date_after", json!("2026-01-31")),
        ("is_date_exact", json!("2026-01-31T10:00:00+01:00")),
        ("is_date_after", json!("2026-01-31 10:00")),
    ];
    for world in worlds().await {
        let filters: Vec<Value> =
            fitting.iter().map(|(operator, value)| json!({"key": "k", "type": "person", "operator": operator, "value": value})).collect();
        world.create(json!({"key": "all", "filters": when(json!(filters))})).await;
    }
}

#[tokio::test]
async fn old_forms_are_brought_into_todays() {
    for world in worlds().await {
        let old = json!({
            "groups": [{"properties": [], "rollout_percentage": 10}],
            "super_groups": [{"properties": [{"key": "$feature_enrollment/f", "type": "person", "operator": "exact", "value": ["true"]}],
                "rollout_percentage": 100}],
            "holdout_groups": [{"properties": [], "rollout_percentage": 15.5, "variant": "holdout-42"}],
            "payloads": {"true": {"a": [1, 2]}},
        });
        let flag = world.create(json!({"key": "f", "filters": old})).await;
        assert_eq!(
            flag["filters"],
            json!({
                "groups": [{"properties": [], "rollout_percentage": 10}],
                "feature_enrollment": true,
                "holdout": {"id": 42, "exclusion_percentage": 15.5},
                "payloads": {"true": "{\"a\":[1,2]}"},
            })
        );
        let older = json!({"properties": [{"key": "plan", "type": "person", "value": "pro"}], "rollout_percentage": 30});
        let flag = world.create(json!({"key": "g", "filters": older})).await;
        assert_eq!(flag["filters"], json!({"groups": [{"properties": older["properties"], "rollout_percentage": 30}]}));
    }
}

#[tokio::test]
async fn cohorts_that_flags_cannot_evaluate_are_refused_also_inside_others() {
    let group = |leaf: Value| json!({"properties": {"type": "OR", "values": [{"type": "AND", "values": [leaf]}]}});
    for world in worlds().await {
        let did = world.cohort("Buyers", group(json!({"type": "behavioral", "key": "paid", "value": "performed_event"})), false).await;
        let has = world.cohort("Pros", group(json!({"type": "person", "key": "plan", "value": "pro"})), false).await;
        let outer = world.cohort("Outer", group(json!({"type": "cohort", "key": "id", "value": did})), false).await;
        let uploaded = world.cohort("Uploaded", json!({}), true).await;
        let using = |id: i64| json!({"key": format!("f{id}"), "filters": when(json!([{"key": "id", "type": "cohort", "operator": "in", "value": id}]))});
        for id in [did, outer] {
            let (status, code, detail) = world.refused(FLAGS, using(id)).await;
            assert_eq!((status, code.as_str()), (400, "behavioral_cohort_found"));
            assert!(detail.contains("static cohort"), "{detail}");
        }
        world.create(using(has)).await;
        world.create(using(uploaded)).await;
    }
}

#[tokio::test]
async fn the_filters_of_a_project_together_are_bounded() {
    for world in worlds().await {
        let of_kib = |kib: usize| json!({"groups": [{"description": "x".repeat(kib * 1024)}]});
        let flag = world.create(json!({"key": "small", "filters": of_kib(1)})).await;
        let large = world.create(json!({"key": "large", "filters": of_kib(300)})).await;
        let fill = "UPDATE feature_flag_version SET bytes = bytes + $1";
        world.flags.db.execute(fill, db::args![(64 << 20) - 310 * 1024]).await.unwrap();
        let (status, _, detail) = world.refused(FLAGS, json!({"key": "more", "filters": of_kib(20)})).await;
        assert_eq!((status, detail.contains("64 MiB together")), (400, true), "{}: {detail}", world.name);
        assert_eq!(world.patch(&path(&flag), json!({"filters": of_kib(20)})).await.0, StatusCode::BAD_REQUEST);
        world.edit(&flag, json!({"filters": {"groups": [{}]}})).await;
        world.edit(&large, json!({"deleted": true})).await;
        world.create(json!({"key": "more", "filters": of_kib(20)})).await;
        assert_eq!(world.patch(&path(&large), json!({"deleted": false})).await.0, StatusCode::BAD_REQUEST, "it no longer fits");
    }
}
