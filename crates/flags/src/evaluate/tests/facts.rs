//! Where values come from, what has to be looked up, and what happens when it cannot be.

use super::*;
use crate::evaluate::{Needs, StoredPerson};
use uuid::Uuid;

pub fn stored(properties: Arc<Properties>) -> StoredPerson {
    StoredPerson { uuid: Uuid::from_u128(1), created_at: Timestamp::parse_rfc3339("2026-01-01T00:00:00Z").unwrap(), properties }
}

fn known(properties_of_person: Value) -> Facts {
    Facts { person: Some(stored(properties(properties_of_person))), ..Facts::none(NOW) }
}

fn is(key: &str, value: &str) -> Value {
    json!([{"key": key, "type": "person", "value": value, "operator": "exact"}])
}

#[test]
fn what_is_sent_wins_over_what_is_stored() {
    let definitions = compile(&[asking_for(1, "pro", is("plan", "pro")), asking_for(2, "null", is("plan", "null"))], &[]);
    let facts = known(json!({"plan": "pro"}));
    assert_eq!(values(&definitions, &having(json!({})), &facts), json!({"pro": true, "null": false}));
    assert_eq!(values(&definitions, &having(json!({"plan": "free"})), &facts), json!({"pro": false, "null": false}));
    assert_eq!(values(&definitions, &having(json!({"plan": null})), &facts), json!({"pro": false, "null": true}));
}

#[test]
fn a_place_is_better_than_what_is_stored_and_worse_than_what_is_sent() {
    let definitions = compile(&[asking_for(1, "nl", is("$geoip_country_code", "NL"))], &[]);
    let facts = Facts { geoip: object(json!({"$geoip_country_code": "NL"})), ..known(json!({"$geoip_country_code": "DE"})) };
    assert_eq!(values(&definitions, &having(json!({})), &facts)["nl"], true);
    assert_eq!(values(&definitions, &having(json!({"$geoip_country_code": "FR"})), &facts)["nl"], false);
    assert_eq!(values(&definitions, &having(json!({"$geoip_country_code": null})), &facts)["nl"], true);
}

#[test]
fn a_first_value_that_is_not_known_is_the_current_one() {
    let flags = [
        asking_for(1, "browser", is("$initial_browser", "Firefox")),
        asking_for(2, "campaign", is("$initial_utm_source", "news")),
        asking_for(3, "kx", is("$initial__kx", "7")),
        asking_for(4, "other", is("$initial_plan", "pro")),
    ];
    let definitions = compile(&flags, &[]);
    let sent = having(json!({"$browser": "Firefox", "utm_source": "news", "_kx": "7", "plan": "pro", "$plan": "pro"}));
    let all = json!({"browser": true, "campaign": true, "kx": true, "other": false});
    assert_eq!(values(&definitions, &sent, &Facts::none(NOW)), all);
    let facts = known(json!({"$initial_browser": "Chrome", "$initial_utm_source": null}));
    assert_eq!(values(&definitions, &sent, &facts), json!({"browser": false, "campaign": false, "kx": true, "other": false}));
}

#[test]
fn the_distinct_id_and_the_day_of_creation_are_properties() {
    let created = json!([{"key": "created_at", "type": "person_metadata", "operator": "is_date_before", "value": "2026-01-02"}]);
    let definitions = compile(&[asking_for(1, "me", is("distinct_id", "u1")), asking_for(2, "old", created)], &[]);
    assert_eq!(values(&definitions, &having(json!({})), &known(json!({}))), json!({"me": true, "old": true}));
    assert_eq!(values(&definitions, &having(json!({})), &Facts::none(NOW)), json!({"me": true, "old": false}));
}

#[test]
fn groups_have_stored_and_sent_properties_and_their_key() {
    let group = |key: &str, operator: &str, value: Value| json!({"key": key, "type": "group", "group_type_index": 0, "operator": operator, "value": value});
    let both = json!([group("size", "gt", json!(10)), group("$group_key", "exact", json!("acme"))]);
    let groups = json!([{"properties": both}]);
    let definitions = compile(&[flag(json!({"filters": {"groups": groups, "aggregation_group_type_index": 0}}))], &[]);
    let facts = Facts { groups: [(0, properties(json!({"size": 20})))].into(), ..Facts::none(NOW) };
    let of = |group_properties: Value| {
        question(json!({"distinct_id": "u", "groups": {"company": "acme"}, "group_properties": {"company": group_properties}}))
    };
    assert_eq!(values(&definitions, &of(json!({})), &facts)["flag"], true);
    assert_eq!(values(&definitions, &of(json!({"size": 5})), &facts)["flag"], false);
    assert_eq!(definitions.needs(&of(json!({}))).groups, [(0, "acme".to_owned())]);
    assert_eq!(definitions.needs(&of(json!({"size": 5}))).groups, []);
    assert_eq!(definitions.needs(&having(json!({}))), Needs::default());
}

#[test]
fn only_what_the_request_does_not_tell_is_looked_up() {
    let continuous =
        json!({"id": 3, "key": "kept", "ensure_experience_continuity": true, "filters": {"groups": [{"rollout_percentage": 50}]}});
    let in_cohort = |id: i64, key: &str, cohort: i64| asking_for(id, key, json!([{"key": "id", "type": "cohort", "value": cohort}]));
    let flags = [asking_for(1, "plan", is("plan", "pro")), in_cohort(2, "static", 9), flag(continuous), in_cohort(4, "nested", 11)];
    let tree = json!({"type": "AND", "values": [{"type": "cohort", "key": "id", "value": 9}, {"type": "person", "key": "age", "operator": "gt", "value": 5}]});
    let deeds = json!({"type": "AND", "values": [{"type": "behavioral", "key": "$pageview", "value": "performed_event"}]});
    let cohorts = [cohort(9, None), cohort(11, Some(tree)), cohort(12, Some(deeds))];
    let definitions = compile(&flags, &cohorts);
    let needs =
        |flag: &str, sent: Value| definitions.needs(&question(json!({"distinct_id": "u", "person_properties": sent, "flag_keys": [flag]})));
    assert_eq!(needs("plan", json!({})), Needs { person: true, ..Needs::default() });
    assert_eq!(needs("plan", json!({"plan": null})), Needs::default());
    assert_eq!(needs("static", json!({})), Needs { cohorts: vec![9], ..Needs::default() });
    assert_eq!(needs("kept", json!({})), Needs { hash_keys: true, ..Needs::default() });
    assert_eq!(needs("nested", json!({"age": 1})), Needs { cohorts: vec![9], ..Needs::default() });
    assert!(needs("nested", json!({})).person);
    assert_eq!(needs("missing", json!({})), Needs::default());
}

#[test]
fn cohorts_are_trees_of_properties_and_of_other_cohorts() {
    let person = |key: &str, value: &str, negation: bool| json!({"type": "person", "key": key, "operator": "exact", "value": [value], "negation": negation});
    let pro_outside =
        json!({"type": "OR", "values": [{"type": "AND", "values": [person("plan", "pro", false), person("country", "NL", true)]}]});
    let nested =
        json!({"type": "AND", "values": [{"type": "cohort", "key": "id", "value": 1, "negation": true}, person("plan", "pro", false)]});
    let deeds = json!({"type": "AND", "values": [{"type": "behavioral", "key": "$pageview", "value": "performed_event"}]});
    let circle = |id: i64| json!({"type": "AND", "values": [{"type": "cohort", "key": "id", "value": id}]});
    let cohorts = [
        cohort(1, Some(pro_outside)),
        cohort(2, Some(nested)),
        cohort(3, Some(json!({}))),
        cohort(4, Some(deeds)),
        cohort(5, Some(circle(6))),
        cohort(6, Some(circle(5))),
        cohort(8, Some(json!([person("plan", "pro", false), person("country", "NL", false)]))),
    ];
    let flags: Vec<Flag> = (1..=8)
        .map(|id| asking_for(id, &format!("in-{id}"), json!([{"key": "id", "type": "cohort", "value": id, "operator": "in"}])))
        .collect();
    let definitions = compile(&flags, &cohorts);
    let facts = Facts { member_of: [4].into(), ..Facts::none(NOW) };
    let abroad = having(json!({"plan": "pro", "country": "DE"}));
    let expected =
        json!({"in-1": true, "in-2": false, "in-3": true, "in-4": true, "in-5": null, "in-6": null, "in-7": null, "in-8": false});
    assert_eq!(values(&definitions, &abroad, &facts), expected);
    assert!(definitions.evaluate(&abroad, &facts).has_errors);
    let at_home = values(&definitions, &having(json!({"plan": "pro", "country": "NL"})), &facts);
    assert_eq!((&at_home["in-1"], &at_home["in-2"], &at_home["in-8"]), (&json!(false), &json!(true), &json!(true)));
}

#[test]
fn a_failed_lookup_fails_only_flags_that_depend_on_it() {
    let flags = [
        asking_for(1, "static", json!([{"key": "id", "type": "cohort", "value": 9}])),
        asking_for(2, "stored", is("plan", "pro")),
        asking_for(3, "sent", is("sent", "yes")),
        flag(json!({"id": 4, "key": "kept", "ensure_experience_continuity": true, "filters": {"groups": [{"rollout_percentage": 50}]}})),
        flag(json!({"id": 5, "key": "everyone", "filters": {"groups": [{"rollout_percentage": 100}]}})),
        asking_for(6, "behind", json!([{"key": "2", "type": "flag", "operator": "flag_evaluates_to", "value": false}])),
    ];
    let definitions = compile(&flags, &[cohort(9, None)]);
    let facts = Facts { failed: true, ..Facts::none(NOW) };
    let answered = values(&definitions, &having(json!({"sent": "yes"})), &facts);
    assert_eq!(answered, json!({"static": null, "stored": null, "sent": true, "kept": null, "everyone": true, "behind": false}));
}

#[test]
fn continuity_prefers_what_was_kept_then_the_id_before_identify() {
    let filters = json!({"groups": [{"rollout_percentage": 30}]});
    let definitions = compile(&[flag(json!({"key": "beta-feature", "ensure_experience_continuity": true, "filters": filters}))], &[]);
    let on = |question: Value, facts: &Facts| values(&definitions, &self::question(question), facts)["beta-feature"] == true;
    let kept = Facts { hash_keys: [("beta-feature".to_owned(), "user-9".to_owned())].into(), ..Facts::none(NOW) };
    assert!(on(json!({"distinct_id": "user-1"}), &kept));
    assert!(!on(json!({"distinct_id": "user-1"}), &Facts::none(NOW)));
    assert!(on(json!({"distinct_id": "user-1", "$anon_distinct_id": "user-9"}), &Facts::none(NOW)));
    assert_eq!(definitions.continuous().collect::<Vec<_>>(), ["beta-feature"]);
}
