//! Ingestion after persons were changed through the API.

use crate::world::{World, worlds};
use axum::Router;
use people::PeopleState;
use serde_json::json;
use web::testing::{delete, post};

async fn api(world: &World) -> Router {
    let team = world.teams.by_id(world.team).await.unwrap().unwrap();
    let state = PeopleState {
        db: world.db.clone(),
        store: world.store.clone(),
        clock: world.ports.clock,
        dimensions: std::sync::Arc::new(events::NoDimensions),
    };
    web::testing::signed_in(people::routes(state), team)
}

#[tokio::test]
async fn an_id_whose_person_was_deleted_starts_over_as_somebody_new() {
    for mut world in worlds().await {
        world
            .send(json!([{"event": "$identify", "distinct_id": "u", "properties": {"$anon_distinct_id": "x"}, "$set": {"a": 1}}, {"event": "apart", "distinct_id": "v"}]))
            .await;
        let first = world.person("u").await.unwrap().person.uuid;
        let api = api(&world).await;
        assert_eq!(delete(&api, &format!("/api/projects/1/persons/{first}")).await.0, 202);
        world.send(json!([{"event": "again", "distinct_id": "x"}])).await;
        let second = world.person("x").await.unwrap().person;
        assert_ne!(second.uuid, first, "{}", world.name);
        assert!(!second.is_identified && !second.properties.contains("a"));
        assert_eq!(world.owner(&world.row("again")), second.uuid);
        assert!(world.person("u").await.is_none());
        assert_eq!(delete(&api, &format!("/api/projects/1/persons/{}", second.uuid)).await.0, 202);
        world.send(json!([{"event": "third", "distinct_id": "x"}])).await;
        let third = world.person("x").await.unwrap().person.uuid;
        assert!(third != second.uuid && third != first);
        assert_eq!(world.owner(&world.row("third")), third);
    }
}

#[tokio::test]
async fn split_ids_live_on_apart_and_can_be_merged_again() {
    for mut world in worlds().await {
        world
            .send(json!([{"event": "anonymous", "distinct_id": "x", "properties": {"$process_person_profile": false}},
                         {"event": "$identify", "distinct_id": "u", "properties": {"$anon_distinct_id": "x"}}]))
            .await;
        let both = world.person("u").await.unwrap().person.uuid;
        let api = api(&world).await;
        let (status, _) = post(&api, &format!("/api/projects/1/persons/{both}/split"), json!({"main_distinct_id": "u"})).await;
        assert_eq!(status, 201);
        world.send(json!([{"event": "apart", "distinct_id": "x"}])).await;
        let apart = world.person("x").await.unwrap().person.uuid;
        assert_ne!(apart, both, "{}", world.name);
        assert_eq!((world.owner(&world.row("apart")), world.owner(&world.row("anonymous"))), (apart, apart));
        assert_eq!(world.owner(&world.row("$identify")), both);
        world.send(json!([{"event": "$create_alias", "distinct_id": "u", "properties": {"alias": "x"}}])).await;
        assert_eq!(world.person("x").await.unwrap().person.uuid, both);
        for event in ["apart", "anonymous", "$identify"] {
            assert_eq!(world.owner(&world.row(event)), both, "{}: {event}", world.name);
        }
    }
}
