use super::{camel, convert, is_legacy, upgrade};
use crate::nodes;
use crate::nodes::funnels::FunnelsQuery;
use crate::nodes::lifecycle::LifecycleQuery;
use crate::nodes::paths::PathsQuery;
use crate::nodes::retention::RetentionQuery;
use crate::nodes::stickiness::StickinessQuery;
use crate::nodes::trends::TrendsQuery;
use serde_json::{Value, json};

fn source(filters: Value) -> Value {
    let mut node = convert(&filters).unwrap();
    assert_eq!(node["kind"], "InsightVizNode");
    node["source"].take()
}

#[test]
fn trends_keep_their_events_in_order_and_what_they_count() {
    let node = source(json!({
        "insight": "TRENDS", "date_from": "-30d", "date_to": null, "interval": "week", "compare": true, "compare_to": "-1y",
        "events": [
            {"id": "b", "type": "events", "order": 2, "math": "sum", "math_property": "price", "name": "b"},
            {"id": null, "type": "events", "order": 0, "name": "All events"}
        ],
        "actions": [{"id": "7", "type": "actions", "order": 1, "math": "dau"}],
        "properties": [{"key": "browser", "value": ["x"], "type": "event"}],
        "breakdown": "$os", "breakdown_type": "person", "breakdown_limit": "5",
        "display": "ActionsBarValue", "smoothing_intervals": 1, "formula": "A + B", "show_legend": true, "filter_test_accounts": true,
        "hidden_legend_keys": {"1": true, "2": false}, "aggregation_axis_format": "duration", "entity_type": "events"
    }));
    let expected = json!({
        "kind": "TrendsQuery", "dateRange": {"date_from": "-30d"}, "interval": "week", "filterTestAccounts": true,
        "compareFilter": {"compare": true, "compare_to": "-1y"},
        "series": [
            {"kind": "EventsNode", "event": null, "name": "All events"},
            {"kind": "ActionsNode", "id": 7, "math": "dau"},
            {"kind": "EventsNode", "event": "b", "name": "b", "math": "sum", "math_property": "price"}
        ],
        "properties": [{"key": "browser", "value": ["x"], "type": "event", "operator": "exact"}],
        "breakdownFilter": {"breakdown": "$os", "breakdown_type": "person", "breakdown_limit": 5},
        "trendsFilter": {"display": "ActionsBarValue", "smoothingIntervals": 1, "showLegend": true, "aggregationAxisFormat": "duration",
                         "formulaNodes": [{"formula": "A + B"}], "hiddenLegendIndexes": [1]}
    });
    assert_eq!(node, expected);
    assert!(nodes::read::<TrendsQuery>(&node).is_ok());
}

#[test]
fn the_oldest_property_filters_are_read_by_their_names() {
    let node = source(json!({"events": [{"id": "a"}], "properties": {"$browser": "Chrome", "age__gt": 5}}));
    let filters = node["properties"].as_array().unwrap();
    assert!(filters.contains(&json!({"key": "$browser", "operator": "exact", "value": "Chrome", "type": "event"})));
    assert!(filters.contains(&json!({"key": "age", "operator": "gt", "value": 5, "type": "event"})));
}

#[test]
fn property_groups_stay_groups() {
    let group =
        json!({"type": "OR", "values": [{"type": "AND", "values": [{"key": "a", "value": "1", "type": "person", "operator": "exact"}]}]});
    assert_eq!(source(json!({"events": [{"id": "a"}], "properties": group}))["properties"], group);
}

#[test]
fn an_insight_without_events_is_about_page_views() {
    assert_eq!(source(json!({"insight": "TRENDS"}))["series"], json!([{"kind": "EventsNode", "event": "$pageview", "name": "$pageview"}]));
}

#[test]
fn funnels_bring_their_window_and_their_exclusions() {
    let node = source(json!({
        "insight": "FUNNELS", "funnel_window_days": 7, "funnel_viz_type": "steps", "funnel_order_type": "ordered", "bin_count": "auto",
        "events": [{"id": "a", "order": 0, "math": "dau"}, {"id": "b", "order": 1, "math": "first_time_for_user"}],
        "exclusions": [{"id": "x", "type": "events", "funnel_from_step": 0, "funnel_to_step": 1}],
        "breakdown_attribution_type": "step", "breakdown_attribution_value": 1, "funnel_aggregate_by_hogql": "properties.room",
        "breakdowns": [{"property": "$os", "type": "event"}]
    }));
    assert_eq!(
        node["series"],
        json!([{"kind": "EventsNode", "event": "a"}, {"kind": "EventsNode", "event": "b", "math": "first_time_for_user"}])
    );
    assert_eq!(
        node["funnelsFilter"],
        json!({"funnelWindowInterval": 7, "funnelWindowIntervalUnit": "day", "funnelVizType": "steps", "funnelOrderType": "ordered",
               "exclusions": [{"kind": "FunnelExclusionEventsNode", "event": "x", "funnelFromStep": 0, "funnelToStep": 1}],
               "breakdownAttributionType": "step", "breakdownAttributionValue": 1, "funnelAggregateByHogQL": "properties.room"})
    );
    assert_eq!(node["breakdownFilter"], json!({"breakdowns": [{"property": "$os", "type": "event"}]}));
    nodes::read::<FunnelsQuery>(&node).unwrap();
}

#[test]
fn retention_brings_its_two_events() {
    let node = source(json!({
        "insight": "RETENTION", "show_mean": true, "retention_reference": "previous", "retention_type": "retention_first_time", "total_intervals": "11", "period": "Week",
        "target_entity": {"id": "a", "type": "events", "math": "dau"}, "returning_entity": "{\"id\": 3, \"type\": \"actions\"}"
    }));
    assert_eq!(
        node["retentionFilter"],
        json!({"retentionType": "retention_first_time", "totalIntervals": 11, "period": "Week", "retentionReference": "previous",
               "meanRetentionCalculation": "simple",
               "targetEntity": {"id": "a", "type": "events"}, "returningEntity": {"id": 3, "type": "actions"}})
    );
    nodes::read::<RetentionQuery>(&node).unwrap();
}

#[test]
fn paths_bring_their_funnel() {
    let node = source(json!({
        "insight": "PATHS", "path_type": "$pageview", "start_point": "/", "step_limit": "4", "path_replacements": "true",
        "funnel_paths": "funnel_path_after_step", "funnel_filter": {"funnel_step": 2, "events": [{"id": "a"}, {"id": "b"}]}
    }));
    assert_eq!(
        node["pathsFilter"],
        json!({"includeEventTypes": ["$pageview"], "startPoint": "/", "stepLimit": 4, "pathReplacements": true})
    );
    assert_eq!(node["funnelPathsFilter"]["funnelSource"]["kind"], "FunnelsQuery");
    assert_eq!(node["funnelPathsFilter"]["funnelStep"], 2);
    assert!(nodes::read::<PathsQuery>(&node).is_ok());
}

#[test]
fn what_was_a_way_to_show_trends_became_insights() {
    let lifecycle = source(json!({"insight": "TRENDS", "shown_as": "Lifecycle", "events": [{"id": "a", "math": "dau"}],
                                  "toggledLifecycles": ["new"], "interval": "day"}));
    assert_eq!(lifecycle["lifecycleFilter"], json!({"toggledLifecycles": ["new"]}));
    assert!(nodes::read::<LifecycleQuery>(&lifecycle).is_ok());
    let stickiness = source(json!({"insight": "TRENDS", "shown_as": "Stickiness", "events": [{"id": "a"}], "compare": "true",
                                   "display": "ActionsLineGraph"}));
    assert_eq!(stickiness["compareFilter"], json!({"compare": true}));
    assert!(nodes::read::<StickinessQuery>(&stickiness).is_ok());
}

#[test]
fn what_cannot_be_read_says_so() {
    let text = |filters: Value| convert(&filters).unwrap_err();
    assert_eq!(text(json!({"insight": "HEATMAPS"})), "\"HEATMAPS\" is not a kind of insight");
    assert!(text(json!({"events": 5})).contains("`events` must be a list"));
    assert!(text(json!({"actions": [{"id": "x"}]})).contains("an action needs a number"));
    assert!(text(json!({"events": [{"id": "a"}], "properties": [7]})).contains("must be an object"));
    let nested = (0..40).fold(json!({"key": "a", "value": 1}), |inner, _| json!({"type": "AND", "values": [inner]}));
    assert!(text(json!({"events": [{"id": "a"}], "properties": nested})).contains("nested at most"));
}

#[test]
fn empty_filters_are_no_insight() {
    assert!(!is_legacy(&json!({})) && !is_legacy(&json!({"insight": null})) && is_legacy(&json!({"events": []})));
}

#[test]
fn earlier_nodes_become_present_ones() {
    let old = json!({"kind": "InsightVizNode", "source": {
        "kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "a"}], "breakdown": {"breakdown": "$os", "breakdown_type": "event"},
        "trendsFilter": {"compare": true, "compare_to": "-1m", "show_legend": true, "formula": "A*2", "hidden_legend_keys": {"0": true}}
    }});
    let node = upgrade(&old).unwrap()["source"].take();
    assert_eq!(
        node,
        json!({"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "a"}], "compareFilter": {"compare": true, "compare_to": "-1m"},
               "breakdownFilter": {"breakdown": "$os", "breakdown_type": "event"},
               "trendsFilter": {"showLegend": true, "formulaNodes": [{"formula": "A*2"}], "hiddenLegendIndexes": [0]}})
    );
    assert!(nodes::read::<TrendsQuery>(&node).is_ok());
    assert_eq!(upgrade(&node).unwrap(), node);
    let actors = json!({"kind": "PersonsQuery", "source": {"kind": "InsightPersonsQuery", "source": node}});
    assert_eq!(upgrade(&actors).unwrap()["source"]["kind"], "InsightActorsQuery");
    assert_eq!(upgrade(&json!({"insight": "TRENDS"})).unwrap()["kind"], "InsightVizNode");
}

#[test]
fn names_become_camels() {
    assert_eq!(
        (camel("funnel_window_interval"), camel("display"), camel("show_y")),
        ("funnelWindowInterval".into(), "display".into(), "showY".into())
    );
}
