//! Flags without HTTP and without a database: how many decisions a core makes in a second.
//!
//! Definitions that tell nothing by accident: no condition says what another says, few of them match, and the person has more properties than
//! conditions ask for.

use anyhow::{Result, ensure};
use flags::{
    Flag, Question,
    evaluate::{Definitions, Facts, StoredPerson},
};
use model::{Properties, TeamId, Timestamp};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

#[derive(clap::Args)]
pub struct DecideArgs {
    #[arg(long, default_value_t = 100)]
    flags: usize,
    /// Of each flag
    #[arg(long, default_value_t = 20)]
    conditions: usize,
    #[arg(long, default_value_t = 5)]
    seconds: u64,
}

/// Names of properties that conditions ask for.
const ASKED: usize = 30;
/// Persons that are asked about in turns.
const PERSONS: u64 = 500;
const NOW: Timestamp = Timestamp(1_767_225_600_000_000);
const WANTED_PER_SECOND: f64 = 1_000_000.0;

pub fn run(args: &DecideArgs) -> Result<()> {
    let per_second = decisions_per_second(args.flags, args.conditions, Duration::from_secs(args.seconds))?;
    println!(
        "flag decisions: {per_second:.0}/s on one core   ({} flags with {} conditions each; {:.2} µs per decision)",
        args.flags,
        args.conditions,
        1e6 / per_second
    );
    println!("target: at least {WANTED_PER_SECOND:.0} decisions/s per core {}", super::mark(per_second >= WANTED_PER_SECOND));
    Ok(())
}

/// Of one thread, with everything looked up already.
pub fn decisions_per_second(flags: usize, conditions: usize, time: Duration) -> Result<f64> {
    let stored: Vec<Flag> = (0..flags).map(|flag| stored(flag, filters(flag, conditions))).collect();
    let definitions = Definitions::compile(&stored, &[], &[], chrono_tz::Tz::UTC);
    let asked: Vec<(Question, Facts)> = (0..PERSONS).map(|person| (question(person), facts(person))).collect();
    let started = Instant::now();
    let (mut decisions, mut on) = (0, 0);
    while started.elapsed() < time {
        for (question, facts) in &asked {
            let evaluation = definitions.evaluate(question, facts);
            decisions += evaluation.decisions.len();
            on += evaluation.decisions.iter().filter(|decision| decision.outcome.is_on()).count();
        }
    }
    ensure!(on > 0 && on < decisions, "{on} of {decisions} flags were on: nothing was decided");
    Ok(decisions as f64 / started.elapsed().as_secs_f64())
}

/// Each condition asks for a property of its own; the last one lets in a part of everybody.
pub fn filters(flag: usize, conditions: usize) -> Value {
    let condition = |condition: usize| {
        let properties = if condition + 1 == conditions { json!([]) } else { json!([property(flag, condition)]) };
        json!({"properties": properties, "rollout_percentage": 50})
    };
    let variants = json!([{"key": "control", "rollout_percentage": 50}, {"key": "test", "rollout_percentage": 50}]);
    json!({
        "groups": (0..conditions).map(condition).collect::<Vec<_>>(),
        "multivariate": if flag.is_multiple_of(2) { json!({"variants": variants}) } else { Value::Null },
        "payloads": if flag.is_multiple_of(2) { json!({"test": "{\"size\":3}"}) } else { json!({"true": "[1,2]"}) },
    })
}

fn property(flag: usize, condition: usize) -> Value {
    let unlike = flag * 100 + condition;
    let key = format!("property_{}", (flag * 7 + condition) % ASKED);
    let (operator, value) = match condition % 5 {
        0 => ("exact", json!([format!("value {unlike}"), format!("other {unlike}")])),
        1 => ("icontains", json!(format!("part {unlike}"))),
        2 => ("gt", json!(1_000_000 + unlike)),
        3 => ("regex", json!(format!("^value [0-9]+x{unlike}$"))),
        _ => ("is_date_after", json!(format!("2030-01-01T00:00:{:02}.{unlike:06}Z", unlike % 60))),
    };
    json!({"key": key, "type": "person", "operator": operator, "value": value})
}

/// Properties of a person, as they are stored.
pub fn person(person: u64) -> Value {
    let property = |n: usize| {
        let value = match n % 3 {
            0 => json!(format!("Value {}", person * 31 + n as u64)),
            1 => json!(person * 17 + n as u64),
            _ => json!("2026-01-01T10:00:00Z"),
        };
        (format!("property_{n}"), value)
    };
    (0..ASKED + 10).map(property).collect()
}

fn question(person: u64) -> Question {
    Question { distinct_id: format!("person-{person}"), ..Question::default() }
}

fn facts(of: u64) -> Facts {
    let properties = person(of).as_object().into_iter().flatten().map(|(name, value)| (Arc::from(name.as_str()), value.into())).collect();
    let person = StoredPerson { uuid: Uuid::from_u128(of.into()), created_at: NOW, properties: Arc::<Properties>::new(properties) };
    Facts { person: Some(person), ..Facts::none(NOW) }
}

fn stored(number: usize, filters: Value) -> Flag {
    Flag {
        id: number as i64 + 1,
        team: TeamId(1),
        key: format!("flag-{number}"),
        name: String::new(),
        active: true,
        deleted: false,
        filters,
        ensure_experience_continuity: false,
        version: 1,
        bucketing_identifier: None,
        evaluation_runtime: "all".to_owned(),
        evaluation_contexts: Vec::new(),
        is_remote_configuration: false,
        has_encrypted_payloads: false,
        has_experiment: false,
        is_internal: false,
        tags: Vec::new(),
        created_by: None,
        created_at: NOW,
        updated_by: None,
        updated_at: NOW,
        last_called_at: None,
    }
}
