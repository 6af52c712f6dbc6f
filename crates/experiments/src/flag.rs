//! What becomes of an experiment's flag: how it begins, and what each change of the experiment makes of its filters.

use serde_json::{Value, json};
use web::{ApiError, ApiResult};

pub const CONTROL: &str = "control";
const MOST_VARIANTS: usize = 20;

/// The filters of a new flag.
pub fn filters(parameters: &Value, holdout: Option<Value>) -> ApiResult<Value> {
    let variants = variants(parameters)?.unwrap_or_else(|| {
        vec![
            json!({"key": CONTROL, "name": "Control Group", "rollout_percentage": 50}),
            json!({"key": "test", "name": "Test Variant", "rollout_percentage": 50}),
        ]
    });
    let rollout = parameters.get("rollout_percentage").filter(|share| share.is_number()).cloned().unwrap_or_else(|| json!(100));
    let mut filters = json!({
        "groups": [{"properties": [], "rollout_percentage": rollout}],
        "multivariate": {"variants": variants},
        "payloads": {},
    });
    if let Some(index) = parameters.get("aggregation_group_type_index").filter(|index| !index.is_null()) {
        filters["aggregation_group_type_index"] = index.clone();
    }
    if let Some(holdout) = holdout {
        filters["holdout"] = holdout;
    }
    Ok(filters)
}

/// `feature_flag_variants` as a flag has them; `None` when nothing is said of them.
pub fn variants(parameters: &Value) -> ApiResult<Option<Vec<Value>>> {
    let Some(list) = parameters.get("feature_flag_variants").filter(|list| !list.is_null()) else { return Ok(None) };
    let wrong = |detail: &str| ApiError::invalid(detail.to_owned()).attr("parameters");
    let list = list.as_array().ok_or_else(|| wrong("feature_flag_variants must be a list"))?;
    if list.is_empty() {
        return Ok(None);
    }
    if !(2..=MOST_VARIANTS).contains(&list.len()) {
        return Err(wrong(&format!("An experiment has 2 to {MOST_VARIANTS} variants.")));
    }
    let mut variants = Vec::new();
    for variant in list {
        let mut variant =
            variant.as_object().cloned().ok_or_else(|| wrong("Each variant is an object with a key and a rollout_percentage."))?;
        // What newer clients call the share.
        if let Some(share) = variant.remove("split_percent") {
            variant.entry("rollout_percentage").or_insert(share);
        }
        variants.push(Value::Object(variant));
    }
    if !keys_of(&variants).contains(&CONTROL.to_owned()) {
        return Err(wrong("One of the variants must be \"control\": the others are compared with it."));
    }
    Ok(Some(variants))
}

fn keys_of(variants: &[Value]) -> Vec<String> {
    variants.iter().filter_map(|variant| variant.get("key").and_then(Value::as_str)).map(str::to_owned).collect()
}

/// The variants of a flag.
pub fn of_filters(filters: &Value) -> &[Value] {
    filters.pointer("/multivariate/variants").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A flag that is there already can carry an experiment when it has variants to compare.
pub fn check_usable(filters: &Value) -> ApiResult<()> {
    let keys = keys_of(of_filters(filters));
    match keys.len() >= 2 && keys.iter().any(|key| key == CONTROL) {
        true => Ok(()),
        false => {
            let detail = "There is already a feature flag with this key, and it has no variants with a \"control\" among them. \
                          Add them to the flag, or choose another key.";
            Err(ApiError::validation("flag_without_variants", detail).attr("feature_flag_key"))
        }
    }
}

/// Lays changed variants and rollout over a flag's filters.
pub fn change(filters: &mut Value, before: &Value, parameters: &Value, is_draft: bool) -> ApiResult<()> {
    if let Some(variants) = variants(parameters)? {
        let (mut old, mut new) = (keys_of(of_filters(filters)), keys_of(&variants));
        old.sort();
        new.sort();
        if old != new && !is_draft {
            let detail = "The variants of a launched experiment keep their keys; reset it, or make another experiment.";
            return Err(ApiError::invalid(detail).attr("parameters"));
        }
        filters["multivariate"] = json!({"variants": variants});
    }
    let rollout = parameters.get("rollout_percentage").filter(|share| share.is_number());
    if let Some(rollout) = rollout.filter(|share| before.get("rollout_percentage") != Some(share)) {
        for group in filters.get_mut("groups").and_then(Value::as_array_mut).into_iter().flatten() {
            if group.get("properties").and_then(Value::as_array).is_none_or(Vec::is_empty)
                && group.get("variant").is_none_or(Value::is_null)
            {
                group["rollout_percentage"] = rollout.clone();
            }
        }
    }
    Ok(())
}

/// Everyone gets this variant from now on, those who were held out too. Conditions stay below, as a memory of what they were.
pub fn ship(filters: &mut Value, variant: &str) -> ApiResult<()> {
    if !keys_of(of_filters(filters)).iter().any(|key| key == variant) {
        return Err(ApiError::invalid(format!("The flag has no variant \"{variant}\".")).attr("variant_key"));
    }
    let variants = filters.pointer_mut("/multivariate/variants").and_then(Value::as_array_mut);
    for known in variants.into_iter().flatten() {
        let share = if known.get("key").and_then(Value::as_str) == Some(variant) { 100 } else { 0 };
        known["rollout_percentage"] = share.into();
    }
    let everyone =
        json!({"properties": [], "rollout_percentage": 100, "description": "Everyone gets the variant that the experiment ended with."});
    if let Some(filters) = filters.as_object_mut() {
        filters.remove("holdout");
        filters.remove("holdout_groups");
        let groups = filters.remove("groups").and_then(|groups| groups.as_array().cloned()).unwrap_or_default();
        filters.insert("groups".to_owned(), std::iter::once(everyone).chain(groups).collect());
    }
    Ok(())
}

pub fn set_holdout(filters: &mut Value, holdout: Option<Value>) {
    let Some(filters) = filters.as_object_mut() else { return };
    filters.remove("holdout_groups");
    match holdout {
        Some(holdout) => filters.insert("holdout".to_owned(), holdout),
        None => filters.remove("holdout"),
    };
}

/// Key and share of each variant, in their order.
pub fn shares(variants: &[Value]) -> Vec<(String, f64)> {
    let each = variants.iter().filter_map(|variant| {
        let share = variant.get("rollout_percentage").and_then(Value::as_f64).unwrap_or(0.0);
        Some((variant.get("key")?.as_str()?.to_owned(), share))
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares_of(filters: &Value) -> Vec<(String, f64)> {
        shares(of_filters(filters))
    }

    #[test]
    fn a_new_flag_has_two_halves_unless_told_otherwise() {
        let made = filters(&json!({}), Some(json!({"id": 3, "exclusion_percentage": 10}))).unwrap();
        assert_eq!(shares_of(&made), [("control".to_owned(), 50.0), ("test".to_owned(), 50.0)]);
        assert_eq!((&made["groups"][0]["rollout_percentage"], &made["holdout"]["id"]), (&json!(100), &json!(3)));
        let asked = json!({"feature_flag_variants": [{"key": "control", "split_percent": 80}, {"key": "b", "rollout_percentage": 20}],
                           "rollout_percentage": 30, "aggregation_group_type_index": 1});
        let made = filters(&asked, None).unwrap();
        assert_eq!(shares_of(&made), [("control".to_owned(), 80.0), ("b".to_owned(), 20.0)]);
        assert_eq!((&made["groups"][0]["rollout_percentage"], &made["aggregation_group_type_index"]), (&json!(30), &json!(1)));
    }

    #[test]
    fn variants_need_a_control() {
        let of = |variants: Value| variants_of(&variants);
        assert!(of(json!([{"key": "a"}, {"key": "b"}])).contains("must be \"control\""));
        assert!(of(json!([{"key": "control"}])).contains("2 to 20"));
        assert!(of(json!("x")).contains("must be a list"));
        assert!(of(json!([1, 2])).contains("Each variant is an object"));
    }

    fn variants_of(list: &Value) -> String {
        variants(&json!({"feature_flag_variants": list})).unwrap_err().detail().to_owned()
    }

    #[test]
    fn a_shipped_variant_is_everyones() {
        let mut flag = filters(&json!({}), Some(json!({"id": 3, "exclusion_percentage": 10}))).unwrap();
        ship(&mut flag, "test").unwrap();
        assert_eq!(shares_of(&flag), [("control".to_owned(), 0.0), ("test".to_owned(), 100.0)]);
        assert_eq!((flag["groups"].as_array().unwrap().len(), flag.get("holdout")), (2, None));
        assert!(ship(&mut flag, "nope").unwrap_err().detail().contains("no variant \"nope\""));
    }

    #[test]
    fn launched_variants_keep_their_keys() {
        let mut flag = filters(&json!({}), None).unwrap();
        let other =
            json!({"feature_flag_variants": [{"key": "control", "rollout_percentage": 10}, {"key": "b", "rollout_percentage": 90}]});
        assert!(change(&mut flag, &json!({}), &other, false).is_err());
        change(&mut flag, &json!({}), &other, true).unwrap();
        let shifted = json!({"feature_flag_variants": [{"key": "b", "rollout_percentage": 50}, {"key": "control", "rollout_percentage": 50}],
                             "rollout_percentage": 20});
        change(&mut flag, &json!({}), &shifted, false).unwrap();
        assert_eq!((shares_of(&flag)[0].1, &flag["groups"][0]["rollout_percentage"]), (50.0, &json!(20)));
    }
}
