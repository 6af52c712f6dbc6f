//! Random rows and random acts against a plain list.

use crate::testing::{Rig, all_properties, at, field, row};
use events::{Erase, EventBatch, EventRow, EventStore, PersonOverride};
use model::{Properties, TeamId, person_uuid};
use proptest::prelude::*;
use query::{ColumnKind, PropertyOwner};
use std::collections::{BTreeMap, HashMap, HashSet};
use uuid::Uuid;

#[derive(Clone, Debug)]
enum Act {
    Append(Vec<EventRow>),
    Merge(u8, u8),
    Erase(u8),
    Flush,
    Compact,
    Reopen,
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|flag| flag.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        (-100i64..100).prop_map(|number| number.to_string()),
        (-1e6..1e6f64).prop_map(|number| format!("{number:?}")),
        "[a-z]{0,3}".prop_map(|text| format!("\"{text}\"")),
        Just(r#"[1,{"a":"b"}]"#.to_owned()),
        Just("{}".to_owned()),
    ]
}

fn an_event() -> impl Strategy<Value = EventRow> {
    let properties = prop::collection::btree_map("[a-e]|rare[0-9]", value(), 0..6);
    (0i64..60, prop::sample::select(vec!["viewed", "clicked", ""]), 0u8..5, properties, 0i64..40).prop_map(
        |(number, event, user, properties, day)| {
            let members: Vec<String> = properties.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            let mut row = row(1, number, event, &format!("{{{}}}", members.join(",")));
            row.timestamp = at("2025-03-01T10:00:00Z").plus_seconds(day * 86_400 + number);
            row.distinct_id = format!("d{user}").into();
            row.person_id = person_uuid(TeamId(1), &row.distinct_id);
            row
        },
    )
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => prop::collection::vec(an_event(), 1..30).prop_map(Act::Append),
        2 => (0u8..5, 0u8..5).prop_map(|(from, into)| Act::Merge(from, into)),
        1 => (0u8..5).prop_map(Act::Erase),
        3 => Just(Act::Flush),
        2 => Just(Act::Compact),
        2 => Just(Act::Reopen),
    ];
    prop::collection::vec(act, 1..14)
}

/// What the engine must answer: a list, and rules a child could follow.
#[derive(Default)]
struct Model {
    rows: Vec<EventRow>,
    known: HashSet<(i64, String, String, Uuid)>,
    persons: HashMap<String, Uuid>,
}

impl Model {
    fn person(&self, row: &EventRow) -> Uuid {
        self.persons.get(&*row.distinct_id).copied().unwrap_or(row.person_id)
    }

    fn answer(&self) -> Vec<Vec<String>> {
        let mut rows: Vec<Vec<String>> = self
            .rows
            .iter()
            .map(|row| {
                let person = self.person(row);
                vec![
                    row.uuid.to_string(),
                    row.event.to_string(),
                    row.timestamp.0.to_string(),
                    row.distinct_id.to_string(),
                    person.to_string(),
                    canonical(&row.properties.to_json_text()),
                ]
            })
            .collect();
        rows.sort();
        rows
    }
}

fn canonical(object: &str) -> String {
    let members: BTreeMap<String, serde_json::Value> = serde_json::from_str(object).unwrap();
    let whole = |value: serde_json::Value| match value.as_f64() {
        Some(number) if value.is_f64() && number.fract() == 0.0 => serde_json::json!(number as i64),
        _ => value,
    };
    let members: BTreeMap<String, serde_json::Value> = members.into_iter().map(|(name, value)| (name, whole(value))).collect();
    serde_json::to_string(&members).unwrap()
}

async fn answer(rig: &Rig) -> Vec<Vec<String>> {
    let columns = [
        field("uuid", ColumnKind::Uuid),
        field("event", ColumnKind::Text),
        field("timestamp", ColumnKind::Timestamp),
        field("distinct_id", ColumnKind::Text),
        field("person_id", ColumnKind::Uuid),
        all_properties(PropertyOwner::Event),
    ];
    let sql = "SELECT uuid, event, CAST(timestamp AS BIGINT), distinct_id, person_id, properties FROM events";
    let mut rows = rig.sql(1, sql, &columns).await;
    for row in &mut rows {
        row[5] = canonical(&row[5]);
    }
    rows.sort();
    rows
}

async fn perform(act: Act, rig: &mut Rig, model: &mut Model, version: &mut i64) {
    match act {
        Act::Append(rows) => {
            for row in &rows {
                if model.known.insert((row.timestamp.utc_day(), row.event.to_string(), row.distinct_id.to_string(), row.uuid)) {
                    model.rows.push(row.clone());
                }
            }
            rig.append(rows).await;
        }
        Act::Merge(from, into) => {
            *version += 1;
            let into = person_uuid(TeamId(1), &format!("d{into}"));
            let change = PersonOverride { team: TeamId(1), distinct_id: format!("d{from}").into(), person_id: into, version: *version };
            model.persons.insert(change.distinct_id.to_string(), into);
            rig.engine().append(EventBatch { overrides: vec![change], ..EventBatch::default() }).await.unwrap();
        }
        Act::Erase(user) => {
            let gone = person_uuid(TeamId(1), &format!("d{user}"));
            let (persons, rows) = (model.persons.clone(), std::mem::take(&mut model.rows));
            model.rows = rows.into_iter().filter(|row| persons.get(&*row.distinct_id).copied().unwrap_or(row.person_id) != gone).collect();
            rig.engine().erase(Erase::Persons(TeamId(1), vec![gone])).await.unwrap();
        }
        Act::Flush => rig.engine().flush().await.unwrap(),
        Act::Compact => rig.engine().compact().await.unwrap(),
        Act::Reopen => rig.reopen(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_answers_as_a_plain_list_does(acts in acts()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let (mut rig, mut model, mut version) = (Rig::new(), Model::default(), 0);
            for act in acts {
                // An erased event that comes again may or may not be taken for a repetition, depending on whether its
                // segment was rewritten in between: such scripts say nothing.
                let erases = matches!(act, Act::Erase(_));
                perform(act, &mut rig, &mut model, &mut version).await;
                assert_eq!(answer(&rig).await, model.answer());
                if erases {
                    break;
                }
            }
            rig.engine().flush().await.unwrap();
            rig.engine().compact().await.unwrap();
            rig.reopen();
            assert_eq!(answer(&rig).await, model.answer());
        });
    }

    #[test]
    fn property_objects_survive_shredding_whatever_they_hold(objects in prop::collection::vec(prop::collection::btree_map("[a-c]", value(), 0..4), 1..40)) {
        let rows: Vec<EventRow> = objects.iter().enumerate().map(|(i, object)| {
            let members: Vec<String> = object.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            row(1, i as i64, "e", &format!("{{{}}}", members.join(",")))
        }).collect();
        let refs: Vec<&EventRow> = rows.iter().collect();
        let chunk = crate::shred::shred(&refs, 0).unwrap();
        let texts = crate::unify::objects(&chunk.batch, crate::columns::Owner::Event).unwrap();
        for (row, text) in rows.iter().zip(texts.iter()) {
            prop_assert_eq!(canonical(text.unwrap()), canonical(&row.properties.to_json_text()));
            Properties::from_json_text(text.unwrap()).unwrap();
        }
    }
}
