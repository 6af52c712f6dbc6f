//! What is known of the one who asks: persons, groups, cohorts and places, on both databases.

use super::*;
use db::Db;
use std::sync::Arc;

async fn worlds() -> Vec<(&'static str, World)> {
    let mut worlds = Vec::new();
    for (name, db) in Db::test_databases().await {
        worlds.push((name, World::on(db).await));
    }
    worlds
}

fn plan(value: &str) -> Value {
    matching(json!({"key": "plan", "type": "person", "operator": "exact", "value": value}))
}

#[tokio::test]
async fn stored_properties_count_unless_the_request_says_otherwise() {
    for (name, world) in worlds().await {
        world.add_person(&["u", "other id"], json!({"plan": "pro"})).await;
        world.add(flag("pro", plan("pro"))).await;
        let value = async |id: &str, fields: Value| world.value("pro", id, fields).await;
        assert_eq!(value("u", json!({})).await, true, "{name}");
        assert_eq!(value("other id", json!({})).await, true, "{name}");
        assert_eq!(value("stranger", json!({})).await, false, "{name}");
        assert_eq!(value("u", json!({"person_properties": {"plan": "free"}})).await, false, "{name}");
        assert_eq!(value("stranger", json!({"person_properties": {"plan": "pro"}})).await, true, "{name}");
        let path = "/flags?v=2&only_use_override_person_properties=true";
        let (_, reply) = web::testing::post(&world.router, path, asking()).await;
        assert_eq!(reply["flags"]["pro"]["enabled"], false, "{name}");
    }
}

#[tokio::test]
async fn a_crowd_that_asks_at_once_gets_each_his_own_answer() {
    for (name, world) in worlds().await {
        for number in 0..40 {
            let plan = if number % 3 == 0 { "pro" } else { "free" };
            world.add_person(&[&format!("u{number}")], json!({"plan": plan})).await;
        }
        world.add(flag("pro", plan("pro"))).await;
        let asked = (0..200).map(|at| {
            let world = &world;
            async move { (at, world.value("pro", &format!("u{}", at % 50), json!({})).await) }
        });
        for (at, value) in futures::future::join_all(asked).await {
            let number = at % 50;
            assert_eq!(value, number < 40 && number % 3 == 0, "{name}: u{number}");
        }
    }
}

#[tokio::test]
async fn groups_have_stored_properties_too() {
    for (name, world) in worlds().await {
        world.add_group(0, "company", "acme", json!({"size": 50})).await;
        world.add_group(0, "company", "tiny", json!({"size": 2})).await;
        let size = json!({"key": "size", "type": "group", "operator": "gt", "value": "10", "group_type_index": 0});
        let mut filters = matching(size);
        filters["aggregation_group_type_index"] = json!(0);
        world.add(flag("large", filters)).await;
        let value = async |fields: Value| world.value("large", "u", fields).await;
        assert_eq!(value(json!({"groups": {"company": "acme"}})).await, true, "{name}");
        assert_eq!(value(json!({"groups": {"company": "tiny"}})).await, false, "{name}");
        assert_eq!(value(json!({})).await, false, "{name}");
        let overridden = json!({"groups": {"company": "tiny"}, "group_properties": {"company": {"size": 11}}});
        assert_eq!(value(overridden).await, true, "{name}");
    }
}

#[tokio::test]
async fn members_of_a_list_are_in_and_others_are_not() {
    for (name, world) in worlds().await {
        let member = world.add_person(&["member"], json!({})).await;
        world.add_person(&["other"], json!({})).await;
        let cohort = world.add_cohort(&[member]).await;
        let within = |operator: &str| matching(json!({"type": "cohort", "key": "id", "operator": operator, "value": cohort}));
        world.add(flag("in", within("in"))).await;
        world.add(flag("out", within("not_in"))).await;
        for (id, is_member) in [("member", true), ("other", false), ("stranger", false)] {
            assert_eq!(world.value("in", id, json!({})).await, is_member, "{name}: {id}");
            assert_eq!(world.value("out", id, json!({})).await, !is_member, "{name}: {id}");
        }
    }
}

#[tokio::test]
async fn place_is_that_of_the_client_or_of_the_address_that_the_request_names() {
    let mut world = World::new().await;
    world.flags.place_of = Arc::new(|address| {
        let country = if address.to_string() == "81.2.69.142" { "GB" } else { "NL" };
        Some(serde_json::Map::from_iter([("$geoip_country_code".to_owned(), json!(country))]))
    });
    world.router = crate::routes(world.flags.clone());
    world.add(flag("british", matching(json!({"key": "$geoip_country_code", "type": "person", "operator": "exact", "value": "GB"})))).await;
    let asked = async |forwarded: &str, fields: Value| {
        let mut body = asking();
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let request = http::Request::post("/flags?v=2").header("x-forwarded-for", forwarded);
        let request = request.body(axum::body::Body::from(body.to_string())).unwrap();
        let (_, reply) = web::testing::read(web::testing::send(&world.router, request).await).await;
        reply["flags"]["british"]["enabled"].clone()
    };
    assert_eq!(asked("81.2.69.142:443, 10.0.0.1", json!({})).await, true);
    assert_eq!(asked("9.9.9.9", json!({})).await, false);
    assert_eq!(asked("81.2.69.142", json!({"geoip_disable": true})).await, false);
    assert_eq!(asked("9.9.9.9", json!({"ip_address": "81.2.69.142"})).await, true);
    assert_eq!(asked("9.9.9.9", json!({"person_properties": {"$geoip_country_code": "GB"}})).await, true);
}

#[tokio::test]
async fn visitors_without_cookies_get_the_id_of_their_day() {
    let mut world = World::new().await;
    world.flags.cookieless_id_of = Arc::new(|visitor| {
        Box::pin(async move { Ok(Some(format!("{} {} {} {}", visitor.ip, visitor.user_agent, visitor.host, visitor.extra))) })
    });
    world.router = crate::routes(world.flags.clone());
    let expected = "1.2.3.4 Mozilla/5.0 shop.example:8443 x";
    world.add(flag("visitor", matching(json!({"key": "distinct_id", "operator": "exact", "value": expected})))).await;
    let body = json!({"token": TOKEN, "distinct_id": "$posthog_cookieless", "cookieless_hash_extra": "x"});
    let request = http::Request::post("/flags?v=2")
        .header("x-forwarded-for", "1.2.3.4")
        .header("user-agent", "Mozilla/5.0")
        .header("origin", "https://shop.example:8443")
        .body(axum::body::Body::from(body.to_string()))
        .unwrap();
    let (_, reply) = web::testing::read(web::testing::send(&world.router, request).await).await;
    assert_eq!((&reply["flags"]["visitor"]["enabled"], &reply["errorsWhileComputingFlags"]), (&json!(true), &json!(false)));
}

#[tokio::test]
async fn visitor_whose_id_cannot_be_made_gets_an_answer_that_says_so() {
    let mut world = World::new().await;
    world.flags.cookieless_id_of = Arc::new(|_| Box::pin(async { anyhow::bail!("no salt") }));
    world.router = crate::routes(world.flags.clone());
    world.add(flag("all", everyone())).await;
    let request = http::Request::post("/flags?v=2")
        .header("x-forwarded-for", "1.2.3.4")
        .header("user-agent", "Mozilla/5.0")
        .header("origin", "https://shop.example")
        .body(axum::body::Body::from(json!({"token": TOKEN, "distinct_id": "$posthog_cookieless"}).to_string()))
        .unwrap();
    let (_, reply) = web::testing::read(web::testing::send(&world.router, request).await).await;
    assert_eq!((&reply["flags"]["all"]["enabled"], &reply["errorsWhileComputingFlags"]), (&json!(true), &json!(true)));
}
