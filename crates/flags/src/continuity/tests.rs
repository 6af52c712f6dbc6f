use super::keep_once;
use crate::Flag;
use crate::testing::{NOW, World, flag};
use db::{Db, args};
use serde_json::{Value, json};
use uuid::Uuid;

/// Half of all ids are in.
fn continuous(key: &str) -> Flag {
    let filters = json!({"groups": [{"properties": [], "rollout_percentage": 50}]});
    Flag { ensure_experience_continuity: true, ..flag(key, filters) }
}

async fn worlds() -> Vec<(&'static str, World)> {
    let mut worlds = Vec::new();
    for (name, db) in Db::test_databases().await {
        let world = World::on(db).await;
        world.add(continuous("exp")).await;
        worlds.push((name, world));
    }
    worlds
}

/// An id that the flag is on for, and one that it is off for.
async fn ids(world: &World) -> (String, String) {
    let (mut on, mut off) = (None, None);
    for number in 0.. {
        let id = format!("id-{number}");
        match world.value("exp", &id, json!({})).await == true {
            true => on.get_or_insert(id),
            false => off.get_or_insert(id),
        };
        if let (Some(on), Some(off)) = (&on, &off) {
            return (on.clone(), off.clone());
        }
    }
    unreachable!("half of all ids are in")
}

fn before(anonymous: &str) -> Value {
    json!({"$anon_distinct_id": anonymous})
}

async fn merge(world: &World, merged: Uuid, into: Uuid) {
    let sql = "INSERT INTO person_tombstone (team_id, uuid, merged_into, merged_at, event_uuid, created_at, is_identified, properties, distinct_ids)
               VALUES ($1, $2, $3, $4, $5, $4, FALSE, '{}', '[]')";
    world.flags.db.execute(sql, args![world.team.id, merged, into, NOW, Uuid::new_v4()]).await.unwrap();
    let sql = "UPDATE person_distinct_id SET person_uuid = $3 WHERE team_id = $1 AND person_uuid = $2";
    world.flags.db.execute(sql, args![world.team.id, merged, into]).await.unwrap();
    world.flags.db.execute("DELETE FROM person WHERE uuid = $1", args![merged]).await.unwrap();
}

#[tokio::test]
async fn what_was_seen_before_identify_is_kept_in_every_process() {
    for (name, world) in worlds().await {
        let (on, off) = ids(&world).await;
        world.add_person(&[&off], json!({})).await;
        assert_eq!(world.value("exp", &off, json!({})).await, false, "{name}");
        assert_eq!(world.value("exp", &off, before(&on)).await, true, "{name}");
        assert_eq!(world.value("exp", &off, json!({})).await, true, "{name}: remembered at once");
        keep_once(&world.flags).await.unwrap();
        let there = world.another_process().await;
        assert_eq!(there.value("exp", &off, json!({})).await, true, "{name}: and stored");
        assert_eq!(there.value("exp", &off, before(&off)).await, true, "{name}: the first stays");
    }
}

#[tokio::test]
async fn pair_is_written_when_its_person_appears() {
    for (name, world) in worlds().await {
        let (on, off) = ids(&world).await;
        assert_eq!(world.value("exp", &off, before(&on)).await, true, "{name}");
        keep_once(&world.flags).await.unwrap();
        assert_eq!(world.value("exp", &off, json!({})).await, true, "{name}: ingestion is late");
        let there = world.another_process().await;
        assert_eq!(there.value("exp", &off, json!({})).await, false, "{name}: nothing is stored without a person");
        world.add_person(&[&off, &on], json!({})).await;
        keep_once(&world.flags).await.unwrap();
        assert_eq!(there.value("exp", &off, json!({})).await, true, "{name}");
        assert!(world.flags.memory.pending.of_teams().is_empty(), "{name}: nothing is left to do");
    }
}

#[tokio::test]
async fn keys_follow_merged_persons_over_several_merges() {
    for (name, world) in worlds().await {
        let (on, off) = ids(&world).await;
        let first = world.add_person(&["first"], json!({})).await;
        world.value("exp", "first", before(&on)).await;
        keep_once(&world.flags).await.unwrap();
        let second = world.add_person(&["second"], json!({})).await;
        let third = world.add_person(&[&off], json!({})).await;
        merge(&world, first, second).await;
        merge(&world, second, third).await;
        keep_once(&world.flags).await.unwrap();
        assert_eq!(world.value("exp", &off, json!({})).await, true, "{name}");
        assert_eq!(world.another_process().await.value("exp", "first", json!({})).await, true, "{name}");
    }
}

#[tokio::test]
async fn survivor_keeps_its_own_key() {
    for (name, world) in worlds().await {
        let (on, off) = ids(&world).await;
        let merged = world.add_person(&["merged"], json!({})).await;
        world.value("exp", "merged", before(&on)).await;
        let survivor = world.add_person(&["survivor"], json!({})).await;
        world.value("exp", "survivor", before(&off)).await;
        keep_once(&world.flags).await.unwrap();
        merge(&world, merged, survivor).await;
        keep_once(&world.flags).await.unwrap();
        assert_eq!(world.value("exp", "merged", json!({})).await, false, "{name}");
    }
}

#[tokio::test]
async fn flags_that_hash_nothing_remember_nothing() {
    for (name, db) in Db::test_databases().await {
        let world = World::on(db).await;
        let filters = json!({"groups": [{"properties": [], "rollout_percentage": 100}]});
        world.add(Flag { ensure_experience_continuity: true, ..flag("all", filters) }).await;
        world.value("all", "u", before("anon")).await;
        assert!(world.flags.memory.pending.of_teams().is_empty(), "{name}");
    }
}
