//! Whether a flag still does something: pure rules over what is stored of it.

use crate::Flag;
use model::Timestamp;
use serde_json::Value;

const STALE_AFTER_DAYS: i64 = 30;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    Active,
    Inactive,
    Stale,
    Deleted,
}

impl Status {
    /// As flags show it; the `status` endpoint writes it in small letters.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Active => "ACTIVE",
            Status::Inactive => "INACTIVE",
            Status::Stale => "STALE",
            Status::Deleted => "DELETED",
        }
    }
}

/// The status and why. A flag that was ever seen in use is stale when nobody asked for 30 days. Of one that never was (its SDK may
/// not report calls) the conditions decide: the same answer for everyone, for 30 days.
pub fn of(flag: &Flag, now: Timestamp) -> (Status, String) {
    let limit = now.plus_seconds(-STALE_AFTER_DAYS * 86_400);
    if flag.deleted {
        return (Status::Deleted, "The flag has been deleted".to_owned());
    }
    if !flag.active {
        return (Status::Inactive, "The flag is disabled".to_owned());
    }
    match flag.last_called_at {
        Some(at) if at < limit => {
            let days = now.since(at) / 86_400_000_000;
            (Status::Stale, format!("The flag was last called {days} days ago"))
        }
        Some(_) => (Status::Active, "The flag was called within the last 30 days".to_owned()),
        None if flag.updated_at < limit && !flag.is_remote_configuration => match same_for_everyone(&flag.filters) {
            Some(why) => (Status::Stale, format!("{why}, for more than 30 days")),
            None => (Status::Active, "The flag answers differently for different people".to_owned()),
        },
        None => (Status::Active, "The flag has not been called yet".to_owned()),
    }
}

/// How everyone gets the same answer, if so.
pub fn same_for_everyone(filters: &Value) -> Option<String> {
    if filters["feature_enrollment"] == true || !filters["holdout"].is_null() {
        return None;
    }
    let groups = filters["groups"].as_array()?;
    let is_bare = |group: &Value| group["properties"].as_array().is_none_or(Vec::is_empty);
    let is_whole = |share: &Value| share.is_null() || share.as_f64() == Some(100.0);
    let nobody = |group: &Value| group["rollout_percentage"].as_f64() == Some(0.0);
    if groups.iter().all(nobody) {
        return Some("Nobody gets the flag".to_owned());
    }
    // What stands before it decides first, unless nobody gets past that.
    let first = groups.iter().find(|group| !nobody(group)).filter(|group| is_bare(group) && is_whole(&group["rollout_percentage"]))?;
    let variants = filters["multivariate"]["variants"].as_array().filter(|variants| !variants.is_empty());
    let Some(variants) = variants else { return Some("Everyone gets the flag".to_owned()) };
    let whole = || variants.iter().find(|variant| variant["rollout_percentage"].as_f64() == Some(100.0));
    let only = first["variant"].as_str().or_else(|| whole()?["key"].as_str())?;
    Some(format!("Everyone gets the variant {only:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manage::NewFlag;
    use model::TeamId;
    use serde_json::json;

    const NOW: Timestamp = Timestamp::EPOCH;

    fn flag(filters: Value, changed_days_ago: i64) -> Flag {
        let made = NewFlag { key: "f".into(), filters, ..NewFlag::default() };
        made.into_flag(TeamId(1), None, NOW.plus_seconds(-changed_days_ago * 86_400))
    }

    fn called(days_ago: i64) -> Flag {
        Flag { last_called_at: Some(NOW.plus_seconds(-days_ago * 86_400)), ..flag(json!({"groups": [{"rollout_percentage": 50}]}), 90) }
    }

    #[test]
    fn a_flag_that_was_called_is_stale_after_30_days_without_calls() {
        assert_eq!(of(&called(31), NOW), (Status::Stale, "The flag was last called 31 days ago".into()));
        assert_eq!(of(&called(29), NOW).0, Status::Active);
        assert_eq!(of(&Flag { active: false, ..called(31) }, NOW).0, Status::Inactive);
        assert_eq!(of(&Flag { deleted: true, ..called(1) }, NOW).0, Status::Deleted);
    }

    #[test]
    fn a_flag_nobody_was_seen_to_call_is_stale_when_everyone_gets_the_same_for_30_days() {
        let everyone = json!({"groups": [{"properties": [], "rollout_percentage": 100}]});
        assert_eq!(of(&flag(everyone.clone(), 31), NOW).0, Status::Stale);
        assert_eq!(of(&flag(everyone, 29), NOW).0, Status::Active);
        let some = json!({"groups": [{"properties": [{"key": "plan", "value": "pro"}], "rollout_percentage": 100}]});
        assert_eq!(of(&flag(some, 90), NOW).0, Status::Active);
        assert_eq!(of(&flag(json!({"groups": [{"rollout_percentage": 0}]}), 90), NOW).0, Status::Stale);
    }

    #[test]
    fn variants_are_the_same_for_everyone_when_one_has_all_or_is_forced() {
        let variants = |a: u8, b: u8| json!({"variants": [{"key": "a", "rollout_percentage": a}, {"key": "b", "rollout_percentage": b}]});
        let same = |filters: Value| same_for_everyone(&filters).is_some();
        assert!(same(json!({"groups": [{}], "multivariate": variants(100, 0)})));
        assert!(!same(json!({"groups": [{}], "multivariate": variants(50, 50)})));
        assert!(same(json!({"groups": [{"variant": "b"}], "multivariate": variants(50, 50)})));
        assert!(!same(json!({"groups": [{"properties": [{"key": "x"}]}, {}]})));
        assert!(same(json!({"groups": [{"properties": [{"key": "x"}], "rollout_percentage": 0}, {}]})));
    }
}
