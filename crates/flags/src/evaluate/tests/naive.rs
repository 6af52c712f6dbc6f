//! The same answers from an interpreter that reads definitions anew for every flag, written without looking at the compiled one.

use super::*;
use crate::evaluate::hash;
use proptest::prelude::*;

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) if !text.to_lowercase().contains(['n', 'f']) => text.parse().ok(),
        _ => None,
    }
}

fn truth(value: &Value) -> Option<bool> {
    match text(value).to_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn equal(filter: &Value, property: &Value) -> bool {
    let items = filter.as_array().cloned().unwrap_or_else(|| vec![filter.clone()]);
    let truths: Option<Vec<bool>> = items.iter().map(truth).collect();
    match truths {
        Some(truths) => truths.iter().all(|&truth| truth) == (truth(property) == Some(true)),
        None => items.iter().any(|item| text(item).to_lowercase() == text(property).to_lowercase()),
    }
}

fn matches(filter: &Value, property: Option<&Value>) -> bool {
    let operator = filter["operator"].as_str().unwrap();
    let value = &filter["value"];
    let Some(property) = property else { return operator.contains("not") };
    let (has, wanted) = (text(property).to_ascii_lowercase(), text(value).to_ascii_lowercase());
    match operator {
        "exact" => equal(value, property),
        "is_not" => !equal(value, property),
        "is_set" => true,
        "is_not_set" => false,
        "icontains" => has.contains(&wanted),
        "not_icontains" => !has.contains(&wanted),
        "starts_with" => has.starts_with(&wanted),
        "not_ends_with" => !has.ends_with(&wanted),
        "gt" => number(property).zip(number(value)).is_some_and(|(has, bound)| has > bound),
        "lte" => number(property).zip(number(value)).is_some_and(|(has, bound)| has <= bound),
        other => panic!("the test does not know {other}"),
    }
}

/// `false`, `true`, or a variant.
fn answer(flag: &Value, properties: &Value, distinct_id: &str, others: &Map<String, Value>) -> Value {
    let key = flag["key"].as_str().unwrap();
    for condition in flag["filters"]["groups"].as_array().unwrap() {
        let asked = condition["properties"].as_array().unwrap();
        let holds = |filter: &Value| match filter["type"] == "flag" {
            true => {
                let other = &others[filter["key"].as_str().unwrap()];
                if filter["value"] == true { *other != false } else { *other == filter["value"] }
            }
            false => matches(filter, properties.get(filter["key"].as_str().unwrap())),
        };
        let percentage = condition["rollout_percentage"].as_f64().unwrap();
        if !asked.iter().all(holds) || (percentage < 100.0 && hash::rollout(key, distinct_id) > percentage / 100.0) {
            continue;
        }
        let mut below = 0.0;
        for variant in flag["filters"]["multivariate"]["variants"].as_array().unwrap() {
            if condition["variant"] == variant["key"] {
                return variant["key"].clone();
            }
        }
        for variant in flag["filters"]["multivariate"]["variants"].as_array().unwrap() {
            below += variant["rollout_percentage"].as_f64().unwrap() / 100.0;
            if hash::variant(key, distinct_id) < below {
                return variant["key"].clone();
            }
        }
        return json!(true);
    }
    json!(false)
}

fn any_value() -> impl Strategy<Value = Value> {
    let texts = ["pro", "PRO", "", "true", "False", "1", "1.0", "10", "-3", "1e2", "null", "é", "É", "abc pro", "[]"];
    let numbers = [0.0, 1.0, 1.5, 10.0, -3.0, 1e21];
    prop_oneof![
        6 => prop::sample::select(texts.to_vec()).prop_map(Value::from),
        2 => prop::sample::select(numbers.to_vec()).prop_map(Value::from),
        2 => (-3_i64..12).prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
    ]
}

fn any_filter() -> impl Strategy<Value = Value> {
    let operators = ["exact", "is_not", "is_set", "is_not_set", "icontains", "not_icontains", "starts_with", "not_ends_with", "gt", "lte"];
    let value = prop_oneof![3 => any_value(), 1 => prop::collection::vec(any_value(), 0..4).prop_map(Value::from)];
    let of_person = (prop::sample::select(vec!["a", "b", "c"]), prop::sample::select(operators.to_vec()), value)
        .prop_map(|(key, operator, value)| json!({"key": key, "type": "person", "operator": operator, "value": value}));
    let of_flag = prop::sample::select(vec![json!(true), json!(false), json!("x")])
        .prop_map(|value| json!({"key": "0", "type": "flag", "operator": "flag_evaluates_to", "value": value}));
    prop_oneof![9 => of_person, 1 => of_flag]
}

fn any_filters() -> impl Strategy<Value = Value> {
    let percentage = prop_oneof![Just(100.0), 0.0..100.0];
    let condition = (prop::collection::vec(any_filter(), 0..3), percentage, prop::option::of(prop::sample::select(vec!["x", "z"])))
        .prop_map(
            |(properties, percentage, variant)| json!({"properties": properties, "rollout_percentage": percentage, "variant": variant}),
        );
    let variants =
        prop_oneof![Just(json!([])), Just(json!([{"key": "x", "rollout_percentage": 30}, {"key": "y", "rollout_percentage": 60}]))];
    (prop::collection::vec(condition, 0..4), variants)
        .prop_map(|(groups, variants)| json!({"groups": groups, "multivariate": {"variants": variants}}))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn compiled_flags_answer_what_reading_them_anew_answers(
        filters in prop::collection::vec(any_filters(), 1..6),
        properties in prop::collection::btree_map(prop::sample::select(vec!["a", "b", "c"]), any_value(), 0..4),
        person in 0..1_000_u32,
    ) {
        let distinct_id = format!("user-{person}");
        let root = json!({"id": 0, "key": "root", "filters": {"groups": [{"properties": [], "rollout_percentage": 60.0, "variant": null}],
            "multivariate": {"variants": [{"key": "x", "rollout_percentage": 50}]}}});
        let properties = json!(properties);
        let others = object(json!({"0": answer(&root, &properties, &distinct_id, &Map::new())}));
        let flags: Vec<Value> = filters.iter().enumerate().map(|(n, filters)| json!({"id": n + 1, "key": format!("f{n}"), "filters": filters})).collect();
        let stored: Vec<Flag> = flags.iter().chain([&root]).map(|fields| flag(fields.clone())).collect();
        let definitions = compile(&stored, &[]);
        let mut expected: Map<String, Value> = flags.iter().map(|flag| {
            (flag["key"].as_str().unwrap().to_owned(), answer(flag, &properties, &distinct_id, &others))
        }).collect();
        expected.insert("root".into(), others["0"].clone());
        let asked = question(json!({"distinct_id": distinct_id, "person_properties": properties}));
        prop_assert_eq!(values(&definitions, &asked, &Facts::none(NOW)), Value::Object(expected));
    }
}
