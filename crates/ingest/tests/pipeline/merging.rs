//! Whatever identify, alias and set events arrive in whatever order: persons stay whole.

use crate::world::{Batches, World, worlds};
use db::Db;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};

const IDS: &[&str] = &["a", "b", "c", "d", "e", "null"];

fn any_event() -> impl Strategy<Value = Value> {
    let id = || prop::sample::select(IDS);
    prop_oneof![
        (id(), id()).prop_map(|(id, anon)| json!({"event": "$identify", "distinct_id": id, "properties": {"$anon_distinct_id": anon}})),
        (id(), id()).prop_map(|(id, alias)| json!({"event": "$create_alias", "distinct_id": id, "properties": {"alias": alias}})),
        (id(), id()).prop_map(|(id, alias)| json!({"event": "$merge_dangerously", "distinct_id": id, "properties": {"alias": alias}})),
        (id(), 0..3i64).prop_map(|(id, n)| json!({"event": "set", "distinct_id": id, "$set": {"n": n}})),
        id().prop_map(|id| json!({"event": "anonymous", "distinct_id": id, "properties": {"$process_person_profile": false}})),
    ]
}

/// Persons by the rules, without batches, caches or versions.
#[derive(Default)]
struct Rules {
    person_of: HashMap<String, usize>,
    identified: HashSet<usize>,
    next: usize,
}

impl Rules {
    fn person(&mut self, id: &str) -> usize {
        let next = &mut self.next;
        *self.person_of.entry(id.to_owned()).or_insert_with(|| {
            *next += 1;
            *next
        })
    }

    fn apply(&mut self, event: &Value) {
        let (name, id) = (event["event"].as_str().unwrap(), event["distinct_id"].as_str().unwrap());
        let other = event["properties"]["$anon_distinct_id"].as_str().or(event["properties"]["alias"].as_str());
        if name == "anonymous" {
            return;
        }
        if let Some(other) = other.filter(|other| *other != id && *other != "null" && id != "null") {
            let into = match (self.person_of.get(id).copied(), self.person_of.get(other).copied()) {
                (Some(into), Some(from)) if into != from => {
                    if name == "$merge_dangerously" || !self.identified.contains(&from) {
                        self.person_of.values_mut().filter(|person| **person == from).for_each(|person| *person = into);
                    }
                    into
                }
                (None, Some(from)) => from,
                (into, _) => into.unwrap_or_else(|| self.person(id)),
            };
            self.person_of.entry(id.to_owned()).or_insert(into);
            self.person_of.entry(other.to_owned()).or_insert(into);
            self.identified.insert(into);
        }
        self.person(id);
    }
}

/// Distinct ids in groups, one per person, sorted.
fn groups<P: Eq + std::hash::Hash + Clone>(person_of: impl Iterator<Item = (String, P)>) -> Vec<Vec<String>> {
    let mut groups: HashMap<P, Vec<String>> = HashMap::new();
    for (id, person) in person_of {
        groups.entry(person).or_default().push(id);
    }
    let mut groups: Vec<Vec<String>> = groups.into_values().collect();
    groups.iter_mut().for_each(|ids| ids.sort());
    groups.sort();
    groups
}

async fn check(world: &mut World, events: &[Value], cuts: &[usize]) {
    let mut rules = Rules::default();
    events.iter().for_each(|event| rules.apply(event));
    let mut rest = events;
    for cut in cuts {
        let (head, tail) = rest.split_at((*cut).min(rest.len()));
        world.send(Value::Array(head.to_vec())).await;
        rest = tail;
    }
    world.send(Value::Array(rest.to_vec())).await;
    let mut stored = HashMap::new();
    for id in IDS {
        if let Some(person) = world.person(id).await {
            assert_eq!(person.person.is_identified, rules.identified.contains(&rules.person_of[*id]), "{id} of {events:?}, {}", world.name);
            stored.insert((*id).to_owned(), person.person.uuid);
        }
    }
    let expected = groups(rules.person_of.iter().map(|(id, person)| (id.clone(), *person)));
    assert_eq!(groups(stored.clone().into_iter()), expected, "{events:?}");
    assert_eq!(world.person_count().await as usize, expected.len(), "persons without ids were left");
    for row in world.rows() {
        let owner = stored.get(&*row.distinct_id).copied().unwrap_or(row.person_id);
        assert_eq!(world.owner(&row), owner, "{} of {} in {events:?}", row.event, row.distinct_id);
    }
}

#[test]
fn any_history_leaves_whole_persons() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
    let histories = (prop::collection::vec(any_event(), 1..25), prop::collection::vec(1..8usize, 0..6));
    let checked = runner.run(&histories, |(events, cuts)| {
        runtime.block_on(async {
            for batches in [Batches::Together, Batches::Small] {
                let mut world = World::new(format!("{batches:?}"), Db::in_memory().await, batches).await;
                check(&mut world, &events, &cuts).await;
            }
        });
        Ok(())
    });
    checked.unwrap();
}

#[tokio::test]
async fn a_long_history_is_the_same_on_every_database() {
    for mut world in worlds().await {
        let mut runner = TestRunner::deterministic();
        let history = prop::collection::vec(any_event(), 150).new_tree(&mut runner).unwrap().current();
        check(&mut world, &history, &[40, 1, 60]).await;
    }
}

/// Persons are edited through the API while ingestion changes them, batch after batch.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edits_made_meanwhile_are_not_lost() {
    for (kind, db) in Db::test_databases().await {
        let mut world = World::new(kind.to_owned(), db.clone(), Batches::Small).await;
        world.send(json!([{"distinct_id": "a"}])).await;
        let (team, uuid) = (world.team, world.person("a").await.unwrap().person.uuid);
        let edits = tokio::spawn(async move {
            for at in 0..40 {
                let mut transaction = db.begin().await.unwrap();
                people::store::bump(&mut transaction, team).await.unwrap();
                let row = transaction.fetch_one("SELECT properties FROM person WHERE uuid = $1", db::args![uuid]).await.unwrap();
                let mut properties: Value = row.get("properties").unwrap();
                properties[format!("edit{at}")] = json!(true);
                let sql = "UPDATE person SET properties = $1 WHERE uuid = $2";
                transaction.execute(sql, db::args![&properties, uuid]).await.unwrap();
                transaction.commit().await.unwrap();
            }
        });
        for at in 0..40 {
            let mut set = serde_json::Map::new();
            set.insert(format!("event{at}"), json!(true));
            world.send(json!([{"distinct_id": "a", "$set": set}])).await;
        }
        edits.await.unwrap();
        let properties = world.properties("a").await;
        assert_eq!(properties.as_object().unwrap().len(), 80, "{}: {properties}", world.name);
    }
}
