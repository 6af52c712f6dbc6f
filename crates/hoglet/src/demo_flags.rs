//! Flags, an experiment and cohorts of the demo project: what its team is trying out, and with whom.

use anyhow::{Context, Result};
use cohorts::NewCohort;
use experiments::experiment::{Experiment, Kind};
use flags::evaluate::hash;
use flags::{Flags, NewFlag};
use model::TeamId;
use serde_json::{Value, json};
use uuid::Uuid;

const NEW_EDITOR: &str = "new-editor";
const NEW_EDITOR_ROLLOUT: f64 = 0.4;
const CHECKLIST: &str = "onboarding-checklist";
const EXPERIMENT_SECONDS: i64 = 60 * 86_400;

/// What the flags that the product asks for answer this person, as an SDK would report it.
pub fn answers(distinct_id: &str) -> [(&'static str, Value); 2] {
    let variant = if sees_checklist(distinct_id) { "checklist" } else { "control" };
    [(NEW_EDITOR, json!(hash::rollout(NEW_EDITOR, distinct_id) <= NEW_EDITOR_ROLLOUT)), (CHECKLIST, json!(variant))]
}

/// Whether this person sees the checklist, which asks to invite somebody.
pub fn sees_checklist(distinct_id: &str) -> bool {
    hash::variant(CHECKLIST, distinct_id) >= 0.5
}

/// Before the events are ingested, so that the flags know when they were called.
pub async fn make_flags(flags: &Flags, team: TeamId) -> Result<()> {
    for new in [new_editor(), checklist(), banner(), team_spaces(), legacy_import()] {
        let key = new.key.clone();
        flags.create(team, None, new).await.map_err(|error| anyhow::anyhow!("making the flag {key}: {}", error.detail()))?;
    }
    Ok(())
}

fn named(key: &str, about: &str, filters: Value, tags: &[&str]) -> NewFlag {
    let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    NewFlag { key: key.to_owned(), name: about.to_owned(), filters, tags, ..NewFlag::default() }
}

fn new_editor() -> NewFlag {
    let everyone = json!({"properties": [], "rollout_percentage": NEW_EDITOR_ROLLOUT * 100.0, "description": "Everybody, step by step"});
    named(NEW_EDITOR, "Notes open in the editor of the autumn release", json!({"groups": [everyone]}), &["editor"])
}

fn checklist() -> NewFlag {
    let variants = json!([
        {"key": "control", "name": "An empty notebook, as before", "rollout_percentage": 50},
        {"key": "checklist", "name": "Four things to try first", "rollout_percentage": 50},
    ]);
    let filters = json!({
        "groups": [{"properties": [], "rollout_percentage": 100}],
        "multivariate": {"variants": variants},
        "payloads": {"checklist": r#"{"steps":["write","search","share","invite"]}"#},
    });
    NewFlag { has_experiment: true, ..named(CHECKLIST, "What people see after signing up", filters, &["onboarding"]) }
}

fn banner() -> NewFlag {
    let filters = json!({
        "groups": [{"properties": [], "rollout_percentage": 100}],
        "payloads": {"true": r#"{"text":"Pro is half the price until Sunday","link":"/pricing"}"#},
    });
    let banner = named("pricing-banner", "The words above the pricing page", filters, &["marketing"]);
    NewFlag { is_remote_configuration: true, ..banner }
}

fn team_spaces() -> NewFlag {
    let large = json!({"key": "seats", "type": "group", "operator": "gt", "value": 40, "group_type_index": 0});
    let filters = json!({"groups": [{"properties": [large], "rollout_percentage": 100}], "aggregation_group_type_index": 0});
    named("team-spaces", "Shared notebooks for large companies", filters, &[])
}

fn legacy_import() -> NewFlag {
    let paying = json!({"key": "plan", "type": "person", "operator": "exact", "value": ["pro", "team"]});
    let old = named(
        "legacy-import",
        "Import from the old app; nobody needs it any more",
        json!({"groups": [{"properties": [paying], "rollout_percentage": 100}]}),
        &[],
    );
    NewFlag { active: false, ..old }
}

/// Does the checklist make people invite others, and write more?
pub async fn make_experiment(flags: &Flags, team: TeamId) -> Result<()> {
    let flag = flags.flag_by_key(team, CHECKLIST).await.map_err(|error| anyhow::anyhow!("{}", error.detail()))?;
    let flag = flag.context("the flag of the experiment was made before")?.id;
    let now = flags.clock.now();
    let event = |event: &str| json!({"kind": "EventsNode", "event": event, "name": event});
    let metric = |name: &str, rest: Value| {
        let mut metric = json!({"kind": "ExperimentMetric", "uuid": Uuid::new_v4(), "name": name, "goal": "increase"});
        if let (Some(metric), Value::Object(rest)) = (metric.as_object_mut(), rest) {
            metric.extend(rest);
        }
        metric
    };
    let invites = metric("Invites somebody", json!({"metric_type": "funnel", "series": [event("teammate_invited")]}));
    let notes = metric("Notes written", json!({"metric_type": "mean", "source": event("note_created")}));
    let experiment = Experiment {
        id: 0,
        team,
        flag,
        name: "A checklist after signing up".to_owned(),
        description: "Four things to try make people invite their team sooner.".to_owned(),
        kind: Kind::Product,
        holdout: None,
        exposure_cohort: None,
        start: Some(now.plus_seconds(-EXPERIMENT_SECONDS)),
        end: None,
        archived: false,
        deleted: false,
        only_count_matured_users: false,
        conclusion: None,
        conclusion_comment: None,
        parameters: json!({"minimum_detectable_effect": 20}),
        exposure_criteria: json!({"filterTestAccounts": false}),
        metrics: json!([invites]),
        metrics_secondary: json!([notes]),
        primary_order: Value::Null,
        secondary_order: Value::Null,
        saved_metrics: json!([]),
        stats_config: Value::Null,
        scheduling_config: Value::Null,
        variants: Value::Null,
        created_by: None,
        created_at: now,
        updated_at: now,
    };
    experiments::store::insert(&flags.db, experiment).await?;
    Ok(())
}

/// After the events are ingested: a cohort is computed as soon as it is made, and then hourly.
pub async fn make_cohorts(flags: &Flags, team: TeamId) -> Result<()> {
    let wrote = |rest: Value| {
        let mut leaf = json!({"type": "behavioral", "key": "note_created", "event_type": "events", "time_value": 30, "time_interval": "day", "negation": false});
        if let (Some(leaf), Value::Object(rest)) = (leaf.as_object_mut(), rest) {
            leaf.extend(rest);
        }
        leaf
    };
    let often = wrote(json!({"value": "performed_event_multiple", "operator": "gte", "operator_value": 10}));
    let stopped = wrote(json!({"value": "stopped_performing_event", "seq_time_value": 10, "seq_time_interval": "day"}));
    let paying = json!({"type": "person", "key": "plan", "operator": "exact", "value": ["pro", "team"], "negation": false});
    let mut transaction = flags.db.begin().await?;
    for (name, about, leaf) in [
        ("Writers", "Ten notes or more in a month", often),
        ("Slipping away", "Wrote this month, but not in the last ten days", stopped),
        ("Paying", "On a plan that costs something", paying),
    ] {
        let filters = json!({"properties": {"type": "OR", "values": [{"type": "AND", "values": [leaf]}]}});
        let new = NewCohort { name: name.to_owned(), description: about.to_owned(), filters, query: None, is_static: false };
        cohorts::store::insert(&mut transaction, team, &new, None, flags.clock.now()).await?;
    }
    transaction.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_story_tells_what_the_flags_answer() {
        let [(_, editor), (_, checklist)] = answers("dora.haas7@mail.example");
        assert_eq!(editor, json!(hash::rollout("new-editor", "dora.haas7@mail.example") <= 0.4));
        assert!(checklist == "control" || checklist == "checklist");
        let with_editor = (0..1000).filter(|number| answers(&format!("person-{number}"))[0].1 == true).count();
        assert!((350..450).contains(&with_editor), "{with_editor} of 1000 have a flag of 40%");
    }
}
