use crate::world::{World, worlds};
use serde_json::json;

type Point = (String, i64, i64, i64, i64, i64, String);

async fn points(world: &World) -> Vec<Point> {
    let rows = world.db.fetch_all("SELECT * FROM heatmap ORDER BY id", &[]).await.unwrap();
    let read = |row: &db::Row| {
        let number = |name: &str| row.get::<i64>(name).unwrap();
        let text = |name: &str| row.get::<String>(name).unwrap();
        (
            text("type"),
            number("x"),
            number("y"),
            number("scale_factor"),
            number("viewport_width"),
            number("viewport_height"),
            text("current_url"),
        )
    };
    rows.iter().map(read).collect()
}

#[tokio::test]
async fn leaving_a_page_tells_how_far_it_was_scrolled() {
    for mut world in worlds().await {
        world
            .send(json!([{"event": "$pageview", "properties": {"$prev_pageview_pathname": "/before", "$prev_pageview_max_scroll": 320,
                          "$viewport_width": 1600, "$viewport_height": 800, "$current_url": "https://x.dev/now"}}]))
            .await;
        world.row("$pageview");
        assert_eq!(points(&world).await, [("scrolldepth".into(), 0, 20, 16, 100, 50, "https://x.dev/before".into())]);
    }
}

#[tokio::test]
async fn clicks_are_kept_apart_from_events() {
    for mut world in worlds().await {
        let data =
            json!({"https://x.dev/": [{"x": 160, "y": 320, "target_fixed": true, "type": "click"}, {"x": "bad"}, 7], "": [], "u": 5});
        world
            .send(json!([{"event": "$$heatmap", "properties": {"$heatmap_data": data, "$viewport_width": 1600, "$viewport_height": 800}},
                         {"event": "other", "properties": {"$heatmap_data": data, "$viewport_width": 16, "$viewport_height": 16}}]))
            .await;
        assert_eq!(world.rows().len(), 1);
        assert!(!world.row("other").properties.contains("$heatmap_data"));
        assert!(world.person("u").await.is_some());
        let found = points(&world).await;
        assert_eq!(found.len(), 2);
        assert!(world.warnings().await.contains(&"rejecting_heatmap_data_with_invalid_items".to_owned()));
        assert_eq!(found[0], ("click".into(), 10, 20, 16, 100, 50, "https://x.dev/".into()));
    }
}

#[tokio::test]
async fn heatmap_data_without_a_viewport_or_of_nobody_is_not_kept() {
    for mut world in worlds().await {
        let data = json!({"https://x.dev/": [{"x": 1, "y": 1, "target_fixed": false, "type": "click"}]});
        world
            .send(json!([{"event": "a", "properties": {"$heatmap_data": data, "$viewport_width": "wide", "$viewport_height": 1}},
                         {"event": "b", "distinct_id": "anonymous", "properties": {"$heatmap_data": data, "$viewport_width": 1, "$viewport_height": 1}}]))
            .await;
        assert_eq!(world.rows().len(), 2);
        assert!(points(&world).await.is_empty());
        assert_eq!(world.warnings().await[0], "invalid_heatmap_data");
    }
}
