use crate::mmdb;
use crate::world::{World, worlds};
use serde_json::json;
use std::net::Ipv4Addr;

fn install(world: &mut World) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.mmdb");
    let berlin = json!({"city": {"names": {"en": "Berlin"}}, "country": {"iso_code": "DE", "names": {"en": "Germany"}},
        "continent": {"code": "EU", "names": {"en": "Europe"}}, "postal": {"code": "10115"},
        "location": {"latitude": 52.5, "longitude": 13.4, "time_zone": "Europe/Berlin", "accuracy_radius": 20},
        "subdivisions": [{"iso_code": "BE", "names": {"en": "Land Berlin"}}]});
    let somewhere = json!({"country": {"iso_code": "SE", "names": {"en": "Sweden"}}});
    mmdb::write(&path, "GeoLite2-City", &[(Ipv4Addr::new(1, 2, 3, 0), berlin), (Ipv4Addr::new(9, 9, 9, 0), somewhere)]);
    world.config.geoip_database = Some(path);
    world.restart();
    folder
}

#[tokio::test]
async fn an_address_is_turned_into_a_place_of_event_and_person() {
    for mut world in worlds().await {
        let _folder = install(&mut world);
        world.send(json!([{"event": "a", "ip": "1.2.3.4"}])).await;
        let row = world.row("a");
        let text = |name: &str| row.properties.get_str(name).map(str::to_owned);
        assert_eq!(text("$geoip_city_name").as_deref(), Some("Berlin"), "{}", world.name);
        assert_eq!(text("$geoip_country_code").as_deref(), Some("DE"));
        assert_eq!(text("$geoip_subdivision_1_code").as_deref(), Some("BE"));
        assert_eq!(text("$geoip_time_zone").as_deref(), Some("Europe/Berlin"));
        assert!(!row.properties.contains("$geoip_subdivision_2_code"));
        let person = world.properties("u").await;
        assert_eq!((&person["$geoip_latitude"], &person["$initial_geoip_city_name"]), (&json!(52.5), &json!("Berlin")));
        assert_eq!((&person["$geoip_accuracy_radius"], person.get("$geoip_city_confidence")), (&json!(20), Some(&json!(null))));
    }
}

#[tokio::test]
async fn a_new_place_clears_what_is_no_longer_known() {
    for mut world in worlds().await {
        let _folder = install(&mut world);
        world.send(json!([{"ip": "1.2.3.4"}, {"event": "b", "ip": "9.9.9.9"}])).await;
        let person = world.properties("u").await;
        assert_eq!((&person["$geoip_country_name"], &person["$geoip_city_name"]), (&json!("Sweden"), &json!(null)));
        assert_eq!(person["$initial_geoip_city_name"], "Berlin");
    }
}

#[tokio::test]
async fn a_place_that_the_client_or_a_merge_changed_is_put_right_by_the_next_event() {
    for mut world in worlds().await {
        let _folder = install(&mut world);
        let here = |id: &str| json!({"distinct_id": id, "ip": "1.2.3.4"});
        world
            .send(json!([here("u"), here("u"), {"distinct_id": "u", "ip": "1.2.3.4", "properties": {"$unset": ["$geoip_city_name"]}}]))
            .await;
        assert_eq!(world.properties("u").await.get("$geoip_city_name"), None);
        world.send(json!([here("u")])).await;
        assert_eq!(world.properties("u").await["$geoip_city_name"], "Berlin", "{}", world.name);
        world.send(json!([here("v"), {"distinct_id": "v", "ip": "9.9.9.9"}, here("v")])).await;
        assert_eq!(world.properties("v").await["$geoip_city_name"], "Berlin", "{}", world.name);
    }
}

#[tokio::test]
async fn no_place_is_looked_up_when_it_is_not_wanted_or_not_known() {
    for mut world in worlds().await {
        let _folder = install(&mut world);
        world
            .send(
                json!([{"event": "refused", "ip": "1.2.3.4", "properties": {"$geoip_disable": true}}, {"event": "local", "ip": "127.0.0.1"},
                         {"event": "unknown", "ip": "8.8.8.8"}, {"event": "broken", "ip": "not an address"}]),
            )
            .await;
        for row in world.rows() {
            assert!(row.properties.iter().all(|(name, _)| !name.starts_with("$geoip_") || &**name == "$geoip_disable"), "{}", row.event);
        }
    }
}

#[tokio::test]
async fn the_place_stays_when_the_address_is_withheld() {
    for mut world in worlds().await {
        let _folder = install(&mut world);
        world.set_team(|team| team.anonymize_ips = true).await;
        world.send(json!([{"ip": "1.2.3.4"}])).await;
        assert_eq!(world.property("a", "$geoip_country_code"), Some(json!("DE")));
        assert_eq!(world.property("a", "$ip"), None);
    }
}

#[tokio::test]
async fn a_personless_event_has_a_place_of_its_own() {
    for mut world in worlds().await {
        let _folder = install(&mut world);
        world.send(json!([{"ip": "1.2.3.4", "properties": {"$process_person_profile": false}}])).await;
        assert_eq!(world.property("a", "$geoip_city_name"), Some(json!("Berlin")));
        assert_eq!(world.person_count().await, 0);
    }
}

#[tokio::test]
async fn a_file_that_is_no_city_database_is_refused() {
    let mut world = worlds().await.remove(0);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("asn.mmdb");
    mmdb::write(&path, "GeoLite2-ASN", &[(Ipv4Addr::new(1, 2, 3, 0), json!({"n": 1}))]);
    world.config.geoip_database = Some(path);
    world.restart();
    world.enqueue(json!([{"event": "a"}])).await;
    let error = world.ingest.process_available().await.unwrap_err();
    assert!(format!("{error:#}").contains("not a city database"));
}
