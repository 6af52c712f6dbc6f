//! Clicks, movements and scroll depth, kept apart from events.

use crate::event::{HeatmapPoint, Incoming, Kind};
use crate::names::Special;
use model::PropertyValue;
use serde_json::{Value, json};
use url::Url;

/// Pixels per cell.
pub const SCALE_FACTOR: i64 = 16;
/// A page sends a few hundred at a time.
const MAX_POINTS: usize = 5_000;

/// Takes the heatmap data out of the event.
pub fn extract(event: &mut Incoming) {
    let has_data = event.special.has(Special::HeatmapData);
    if !has_data && !event.special.has(Special::PreviousPathname) {
        return;
    }
    let data = has_data.then(|| event.properties.remove("$heatmap_data")).flatten();
    let depth = scroll_depth(event);
    if data.is_none() && depth.is_none() {
        return;
    }
    if people::identity::is_illegal_distinct_id(&event.distinct_id) {
        return event.warn("invalid_heatmap_data", json!({ "message": "the distinct id is a placeholder" }));
    }
    let Some((viewport_width, viewport_height)) = viewport(event) else {
        return event.warn("invalid_heatmap_data", json!({ "message": "$viewport_width and $viewport_height must be numbers" }));
    };
    let mut points = Vec::new();
    if let Some(data) = data {
        read_points(event, &data, &mut points);
    }
    points.extend(depth);
    for point in &mut points {
        (point.viewport_width, point.viewport_height) = (viewport_width, viewport_height);
    }
    event.heatmap = points;
}

/// For events with nothing but heatmap data.
pub fn is_all(event: &Incoming) -> bool {
    event.kind == Kind::Heatmap
}

fn cells(pixels: f64) -> i64 {
    (pixels / SCALE_FACTOR as f64).round() as i64
}

fn number(value: Option<&PropertyValue>) -> Option<f64> {
    match value? {
        PropertyValue::Int(number) => Some(*number as f64),
        PropertyValue::Float(number) => Some(*number),
        _ => None,
    }
}

fn viewport(event: &Incoming) -> Option<(i64, i64)> {
    let width = number(event.properties.get("$viewport_width"))?;
    let height = number(event.properties.get("$viewport_height"))?;
    Some((cells(width), cells(height)))
}

/// How far the page that was just left had been scrolled.
fn scroll_depth(event: &Incoming) -> Option<HeatmapPoint> {
    if !event.special.has(Special::PreviousPathname) {
        return None;
    }
    let depth = number(event.properties.get("$prev_pageview_max_scroll"))?;
    let mut url = Url::parse(event.properties.get_str("$current_url")?).ok()?;
    url.set_path(event.properties.get_str("$prev_pageview_pathname")?);
    Some(point("scrolldepth", 0.0, depth, false, url.as_str()))
}

fn point(kind: &str, x: f64, y: f64, target_fixed: bool, url: &str) -> HeatmapPoint {
    HeatmapPoint {
        kind: kind.to_owned(),
        x: cells(x),
        y: cells(y),
        viewport_width: 0,
        viewport_height: 0,
        target_fixed,
        current_url: url.to_owned(),
    }
}

fn read_points(event: &mut Incoming, data: &PropertyValue, points: &mut Vec<HeatmapPoint>) {
    let Some(pages) = data.to_json().as_object().cloned() else {
        return event.warn("invalid_heatmap_data", json!({ "message": "$heatmap_data must be an object of URLs" }));
    };
    for (url, items) in &pages {
        if url.trim().is_empty() {
            event.warn("rejecting_heatmap_data_with_invalid_url", json!({ "heatmapUrl": url }));
            continue;
        }
        let Some(items) = items.as_array() else {
            event.warn("rejecting_heatmap_data_with_invalid_items", json!({ "heatmapUrl": url }));
            continue;
        };
        points.extend(items.iter().filter_map(|item| read_item(item, url)).take(MAX_POINTS.saturating_sub(points.len())));
    }
}

/// Malformed items are skipped.
fn read_item(item: &Value, url: &str) -> Option<HeatmapPoint> {
    let (x, y) = (item.get("x")?.as_f64()?, item.get("y")?.as_f64()?);
    let fixed = item.get("target_fixed").and_then(Value::as_bool).unwrap_or(false);
    Some(point(item.get("type")?.as_str()?, x, y, fixed, url))
}
