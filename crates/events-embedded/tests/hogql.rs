//! HogQL through the whole engine: text in, rows out.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimestampMicrosecondType, UInt64Type};
use events::{Budget, Dimensions, DistinctIdRow, EventBatch, EventRow, EventStore, GroupRow, PersonRow, QueryError, Select};
use events_embedded::{Engine, EngineConfig};
use model::{Clock, PersonMode, Properties, TeamId, Timestamp, person_uuid};
use query::{Context, LimitRule};
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

const TEAM: TeamId = TeamId(1);

struct World {
    _folder: tempfile::TempDir,
    engine: Arc<Engine>,
    context: Context,
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

/// Two persons and a group, as the metadata database would know them.
struct Known;

#[async_trait::async_trait]
impl Dimensions for Known {
    async fn version(&self, _: TeamId) -> anyhow::Result<u64> {
        Ok(1)
    }

    async fn persons(&self, team: TeamId) -> anyhow::Result<Vec<PersonRow>> {
        let person = |name: &str| PersonRow {
            id: person_uuid(team, name),
            created_at: at("2025-01-01T00:00:00Z"),
            properties: format!(r#"{{"email":"{name}@example.com","plan":"pro"}}"#),
            is_identified: name == "u1",
        };
        Ok(vec![person("u1"), person("u2")])
    }

    async fn distinct_ids(&self, team: TeamId) -> anyhow::Result<Vec<DistinctIdRow>> {
        Ok(["u1", "u2"].map(|name| DistinctIdRow { distinct_id: name.to_owned(), person_id: person_uuid(team, name) }).into())
    }

    async fn groups(&self, _: TeamId) -> anyhow::Result<Vec<GroupRow>> {
        let when = at("2025-01-01T00:00:00Z");
        Ok(vec![GroupRow {
            index: 0,
            key: "acme".to_owned(),
            properties: r#"{"name":"Acme"}"#.to_owned(),
            created_at: when,
            updated_at: when,
        }])
    }
}

fn event(number: u32, event: &str, user: &str, when: &str, properties: Value) -> EventRow {
    EventRow {
        team: TEAM,
        uuid: Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(number)),
        event: Arc::from(event),
        timestamp: at(when),
        created_at: at(when),
        person_id: person_uuid(TEAM, user),
        distinct_id: Arc::from(user),
        person_created_at: at("2025-01-01T00:00:00Z"),
        person_mode: PersonMode::Full,
        properties: Properties::from_json_text(&properties.to_string()).unwrap(),
        person_properties: Arc::new(Properties::from_json_text(r#"{"plan":"free"}"#).unwrap()),
        elements_chain: Arc::from(""),
        historical_migration: false,
    }
}

impl World {
    async fn with(rows: Vec<EventRow>) -> World {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::Fixed(at("2025-03-12T15:20:30Z"));
        let mut config = EngineConfig::new(folder.path().to_owned(), clock, Arc::new(Known));
        config.background = false;
        let engine = Engine::open(config).unwrap();
        engine.append(EventBatch { rows, ..EventBatch::default() }).await.unwrap();
        let context =
            Context { limit: LimitRule { look_ahead: false, ..LimitRule::API }, ..Context::new(TEAM, at("2025-03-12T15:20:30Z")) };
        World { _folder: folder, engine, context }
    }

    /// A u1 {b:"x",n:1} · A u1 {b:"y",n:"2"} · A u2 {b:null} · B u2 {} · B u3 {b:"",n:3.5}
    async fn small() -> World {
        World::with(vec![
            event(
                1,
                "A",
                "u1",
                "2025-03-10T10:00:00Z",
                json!({"b": "x", "n": 1, "$session_id": "s1", "$current_url": "https://a.com/one?x=1"}),
            ),
            event(
                2,
                "A",
                "u1",
                "2025-03-10T11:00:00Z",
                json!({"b": "y", "n": "2", "$session_id": "s1", "$current_url": "https://a.com/two", "$group_0": "acme"}),
            ),
            event(3, "A", "u2", "2025-03-11T10:00:00Z", json!({"b": null, "list": [1, "two", {"k": 3}], "nested": {"a": {"b": [10, 20]}}})),
            event(4, "B", "u2", "2025-03-11T23:30:00.5Z", json!({})),
            event(5, "B", "u3", "2025-03-12T10:00:00Z", json!({"b": "", "n": 3.5, "flag": true, "when": "2025-03-01T08:00:00Z"})),
        ])
        .await
    }

    async fn try_rows(&self, text: &str) -> Result<Vec<Value>, String> {
        let tree = query::parse(text).map_err(|error| format!("{text}\n{error:?}"))?;
        let resolved = query::resolve(tree, &self.context).map_err(|error| format!("{text}\n{error:?}"))?;
        let sql = query::print_datafusion(&resolved).sql;
        let selected = self.engine.select(Select { query: resolved, budget: Budget::default(), cancel: None }).await;
        let selected = selected.map_err(|error| match &error {
            QueryError::Failed(cause) => format!("{text}\n{sql}\n{cause:#}"),
            _ => format!("{text}\n{sql}\n{error}"),
        })?;
        let mut rows = Vec::new();
        for batch in &selected.batches {
            assert_eq!(batch.num_columns(), selected.columns.len());
            rows.extend((0..batch.num_rows()).map(|row| batch.columns().iter().map(|column| cell(column, row)).collect::<Value>()));
        }
        Ok(rows)
    }

    async fn rows(&self, text: &str) -> Value {
        Value::Array(self.try_rows(text).await.unwrap_or_else(|problem| panic!("{problem}")))
    }

    /// The columns of the only row.
    async fn row(&self, text: &str) -> Value {
        let rows = self.rows(text).await;
        assert_eq!(rows.as_array().unwrap().len(), 1, "{text}: {rows}");
        rows[0].clone()
    }
}

fn cell(array: &ArrayRef, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).into(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).into(),
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::Int8 | DataType::Int16 | DataType::Int32 => json!(format!("an integer of type {}", array.data_type())),
        DataType::Utf8View => array.as_string_view().value(row).into(),
        DataType::Date32 => query::time::date_from_days(array.as_primitive::<Date32Type>().value(row)).to_string().into(),
        DataType::Timestamp(..) => Timestamp(array.as_primitive::<TimestampMicrosecondType>().value(row)).to_string().into(),
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            (0..items.len()).map(|at| cell(&items, at)).collect()
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            (0..entries.len()).map(|at| json!([cell(entries.column(0), at), cell(entries.column(1), at)])).collect()
        }
        DataType::Struct(_) => array.as_struct().columns().iter().map(|column| cell(column, row)).collect(),
        DataType::Null => Value::Null,
        other => panic!("an answer of type {other}"),
    }
}

macro_rules! check {
    ($world:expr, { $($text:expr => $rows:tt),* $(,)? }) => {{
        let mut problems = Vec::new();
        $(match $world.try_rows($text).await {
            Ok(rows) if Value::Array(rows.clone()) == json!($rows) => {}
            Ok(rows) => problems.push(format!("{}\n  gives {}\n  not   {}", $text, Value::Array(rows), json!($rows))),
            Err(problem) => problems.push(problem),
        })*
        assert!(problems.is_empty(), "{}", problems.join("\n\n"));
    }};
}

/// Expressions without a table, each with its value.
macro_rules! check_values {
    ($world:expr, { $($text:expr => $value:tt),* $(,)? }) => {{
        let mut problems = Vec::new();
        $(match $world.try_rows(&format!("select {}", $text)).await {
            Ok(rows) if rows.len() == 1 && rows[0][0] == json!($value) => {}
            Ok(rows) => problems.push(format!("{}\n  gives {}\n  not   {}", $text, Value::Array(rows), json!($value))),
            Err(problem) => problems.push(problem),
        })*
        assert!(problems.is_empty(), "{}", problems.join("\n\n"));
    }};
}

#[tokio::test]
async fn nulls_groups_and_conversions() {
    let world = World::small().await;
    check!(world, {
        "select event, count(), count(distinct person_id) from events group by event order by event" => [["A", 3, 2], ["B", 2, 2]],
        "select properties.b, count() from events group by properties.b order by count() desc, properties.b" => [[null, 2], ["", 1], ["x", 1], ["y", 1]],
        "select count() from events where properties.b != 'x'" => [[4]],
        "select count() from events where properties.b not in ('x','y')" => [[3]],
        "select count() from events where properties.b like '%'" => [[3]],
        "select sum(toFloat(properties.n)), avg(toFloat(properties.n)) from events" => [[6.5, 2.1666666666666665]],
        "select countIf(event = 'A' and properties.b = null) from events" => [[1]],
        "select arrayMap(x -> x * 2, [1,2,3])[2], (1,'a').2, properties.zzz ?? 'none' from events limit 1" => [[4, "a", "none"]],
    });
}

#[tokio::test]
async fn limit_by_keeps_rows_of_every_key() {
    let world = World::small().await;
    check!(world, {
        "select event, row_number() over (partition by event order by timestamp) as n from events order by event, n limit 2 by event" => [["A", 1], ["A", 2], ["B", 1], ["B", 2]],
        "select event, distinct_id from events order by timestamp desc limit 1 by event" => [["B", "u3"], ["A", "u2"]],
        "select event, count() as c from events group by event order by c limit 1 offset 1 by event" => [],
        "select event from events order by timestamp limit 1 offset 1 by event" => [["A"], ["B"]],
        "select event as e from events order by properties.n desc limit 1 by lower(e) limit 1" => [["B"]],
        "select distinct event from events order by event limit 1 by event" => [["A"], ["B"]],
    });
}

#[tokio::test]
async fn a_hundred_rows_and_one_more_come_back_without_a_limit() {
    let rows = (0..101).map(|number| event(number, "A", "u1", "2025-03-10T10:00:00Z", json!({}))).collect();
    let mut world = World::with(rows).await;
    world.context.limit = LimitRule::API;
    let tree = query::parse("select uuid from events").unwrap();
    let resolved = query::resolve(tree, &world.context).unwrap();
    assert_eq!(resolved.limit, Some(100));
    assert_eq!(world.rows("select uuid from events").await.as_array().unwrap().len(), 101);
    assert_eq!(world.rows("select uuid from events limit 100").await.as_array().unwrap().len(), 101);
    assert_eq!(world.rows("select uuid from events limit 5").await.as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn conditions() {
    let world = World::small().await;
    check!(world, {
        "select count() from events where not (properties.b = 'x')" => [[4]],
        "select count() from events where properties.b = null" => [[2]],
        "select count() from events where properties.b is not null" => [[3]],
        "select count() from events where properties.b in ('x', null)" => [[3]],
        "select count() from events where properties.b not in ('x', null)" => [[2]],
        "select count() from events where properties.b not like 'x%'" => [[4]],
        "select count() from events where properties.b not ilike 'X%'" => [[4]],
        "select count() from events where properties.b =~ '^[xy]$'" => [[2]],
        "select count() from events where properties.b !~ '^[xy]$'" => [[3]],
        "select count() from events where properties.b =~* '^[XY]$'" => [[2]],
        "select count() from events where properties.n = 2" => [[1]],
        "select count() from events where properties.n > 1" => [[2]],
        "select count() from events where toFloat(properties.n) between 1 and 2" => [[2]],
        "select count() from events where toFloat(properties.n) not between 1 and 2" => [[3]],
        "select count() from events where properties.flag = true" => [[1]],
        "select count() from events where properties.flag = 'true'" => [[1]],
        "select count() from events where (event, distinct_id) in (('A', 'u1'), ('B', 'u3'))" => [[3]],
        "select count() from events where distinct_id in (select distinct_id from events where event = 'B')" => [[3]],
        "select count() from events where distinct_id not in (select distinct_id from events where event = 'B')" => [[2]],
        "select count() from events where properties.b in (select properties.b from events where event = 'A')" => [[2]],
        "select count() from events where properties.b not in (select properties.b from events where event = 'A')" => [[3]],
        "select count() from events where timestamp >= '2025-03-11' and timestamp < '2025-03-12 00:00:00'" => [[2]],
        "select count() from events where toDate(timestamp) = '2025-03-11'" => [[2]],
        "select count() from events where timestamp > now() - interval 1 day" => [[2]],
        "select count() from events where event = 'A' or properties.b = ''" => [[4]],
        "select event = 'A', properties.b = 'x', properties.b != 'x' from events order by timestamp limit 3" => [[1, 1, 0], [1, 0, 1], [1, 0, 1]],
        "select count() from events where length(properties.b) = 0" => [[1]],
        "select count() from events where properties.b = properties.b" => [[5]],
        "select count() from events where uuid = '01900000-0000-7000-8000-000000000001'" => [[1]],
        "select count() from events where 0" => [[0]],
        "select count() from events where properties.n in (1, 2)" => [[2]],
        "select count() from events where properties.n in ('1', 3.5)" => [[2]],
        "select count() from events where properties.n not in (1, 2)" => [[3]],
        "select count() from events where toDate(timestamp) in ('2025-03-11', '2025-03-12')" => [[3]],
        "select count() from events where timestamp = '2025-03-10 10:00:00'" => [[1]],
        "select count() from events where timestamp in ('2025-03-10 10:00:00', '2025-03-10 11:00:00')" => [[2]],
        "select count() from events where equals(event, 'A') and notEquals(properties.b, 'x')" => [[2]],
        "select count() from events where multiIf(event = 'A', 1, event = 'B', 0, 0)" => [[3]],
        "select count() from events where event in ['A']" => [[3]],
        "select count() from events where has(['x', 'y'], properties.b)" => [[2]],
        "select count() from events where not has(['x', 'y'], properties.b)" => [[3]],
        "select count() from events where (properties.b, event) = ('x', 'A')" => [[1]],
        "select count() from events where exists(select 1 from events where event = 'B')" => [[5]],
    });
}

#[tokio::test]
async fn properties_are_paths_into_json() {
    let world = World::small().await;
    check!(world, {
        "select properties.nested.a.b.1, properties.nested.a.b.2, properties.nested.a.b.3, properties['nested']['a'] from events where event = 'A' and distinct_id = 'u2'" => [["10", "20", null, r#"{"b":[10,20]}"#]],
        "select properties.list.2, properties.list.3.k, properties.list from events where distinct_id = 'u2' and event = 'A'" => [["two", "3", r#"[1,"two",{"k":3}]"#]],
        "select JSONExtractInt(properties, 'n'), JSONExtractString(properties, 'b'), JSONHas(properties, 'b') from events order by timestamp limit 1" => [[1, "x", 1]],
        "select item, count() from events array join properties.list as item group by item order by item" => [["1", 1], ["two", 1], [r#"{"k":3}"#, 1]],
        "select arrayJoin([1, 2]) as x, count() from events group by x order by x" => [[1, 5], [2, 5]],
        "select event, arrayJoin([event, 'z']) from events where distinct_id = 'u3'" => [["B", "B"], ["B", "z"]],
        "select event, arrayJoin([1, 2]) as x from events where x = 2 and event = 'B' order by timestamp" => [["B", 2], ["B", 2]],
        "select x, y from (select 1 as z) array join [1, 2] as x, ['a', 'b'] as y order by x" => [[1, "a"], [2, "b"]],
        "select distinct_id, item from events left array join properties.list as item where event = 'A' and item is null order by distinct_id limit 1" => [["u1", null]],
        "select JSONExtract(properties, 'nested', 'a', 'b', 'Array(Int64)') from events where distinct_id = 'u2' and event = 'A'" => [[[10, 20]]],
        "select properties.n, toTypeName(properties.n) from events order by timestamp limit 2" => [["1", "Nullable(String)"], ["2", "Nullable(String)"]],
    });
}

#[tokio::test]
async fn persons_groups_and_sessions_are_joined_by_paths() {
    let world = World::small().await;
    check!(world, {
        "select distinct person.properties.plan from events" => [["free"]],
        "select pdi.person.properties.plan, count() from events group by 1 order by 1" => [["pro", 4], [null, 1]],
        "select group_0.properties.name, count() from events group by 1 order by 2" => [["Acme", 1], [null, 4]],
        "select session.$session_duration, session.$entry_current_url, count() from events group by 1, 2 order by 3" => [[3600, "https://a.com/one?x=1", 2], [null, null, 3]],
        "select session_id, $start_timestamp, $num_uniq_urls, $end_current_url, $pageview_count, $is_bounce from sessions" => [["s1", "2025-03-10T10:00:00.000000Z", 2, "https://a.com/two", 0, null]],
        "select properties.email, is_identified from persons order by properties.email" => [["u1@example.com", true], ["u2@example.com", false]],
        "select pdi.distinct_id from persons order by 1" => [["u1"], ["u2"]],
        "select key, index, properties.name from groups" => [["acme", 0, "Acme"]],
        "select p.distinct_id, p.person.properties.email from person_distinct_ids p order by 1" => [["u1", "u1@example.com"], ["u2", "u2@example.com"]],
        "select e.event, p.properties.email from events e join persons p on p.id = e.person_id where e.event = 'B'" => [["B", "u2@example.com"]],
        "select count() from events e left join persons p on p.id = e.person_id where p.id is null" => [[1]],
        "select person_id = person.id from events limit 1" => [[1]],
    });
    let mut joined = World::small().await;
    joined.context.persons_mode = query::PersonsMode::OverrideIdJoinedProperties;
    check!(joined, {
        "select person.properties.plan, count() from events group by 1 order by 1" => [["pro", 4], [null, 1]],
    });
}

#[tokio::test]
async fn aggregates() {
    let world = World::small().await;
    check!(world, {
        "select count(), count(properties.b), countIf(event = 'A'), uniq(distinct_id), uniqIf(distinct_id, event = 'B') from events" => [[5, 3, 3, 3, 2]],
        "select count(distinct event, distinct_id), uniqExact(event) from events" => [[4, 2]],
        "select sum(1), sumIf(2, event = 'A'), sum(event = 'A'), sum(toInt(properties.zzz)) from events" => [[5, 6, 3, 0]],
        "select min(timestamp), max(toDate(timestamp)) from events" => [["2025-03-10T10:00:00.000000Z", "2025-03-12"]],
        "select min(toFloat(properties.n)), max(toFloat(properties.n)), min(toFloat(properties.zzz)) from events" => [[1.0, 3.5, null]],
        "select avg(toFloat(properties.zzz)), median(toFloat(properties.n)), quantile(0.9)(toFloat(properties.n)) from events" => [[null, 2.0, 3.2]],
        "select quantiles(0, 0.5, 1)(toFloat(properties.n)) from events" => [[[1.0, 2.0, 3.5]]],
        "select argMin(event, timestamp), argMax(event, timestamp), argMax(properties.b, timestamp), argMinIf(distinct_id, timestamp, event = 'B') from events" => [["A", "B", "", "u2"]],
        "select any(event), anyLast(event) from events where event = 'B'" => [["B", "B"]],
        "select arraySort(groupArray(properties.b)), groupUniqArray(event), length(groupArray(2)(event)) from events" => [[["", "x", "y"], ["A", "B"], 2]],
        "select groupArray(properties.zzz) from events" => [[[]]],
        "select topK(1)(event) from events" => [[["A"]]],
        "select topK(2)(distinct_id) from events" => [[["u1", "u2"]]],
        "select stddevPop(toFloat(properties.n)) > 1, varSamp(toFloat(properties.n)) > 1 from events" => [[1, 1]],
        "select sumOrNull(toFloat(properties.zzz)), avgOrDefault(toFloat(properties.zzz)), countIfOrDefault(event = 'A') from events" => [[null, 0.0, 3]],
        "select count() filter (where event = 'A'), avg(toFloat(properties.n)) filter (where event = 'A') from events" => [[3, 1.5]],
        "select count(), min(event), max(timestamp) from events where event = 'nothing'" => [[0, "", "1970-01-01T00:00:00.000000Z"]],
        "select event, count() from events where event = 'nothing' group by event" => [],
        "select event, count() as c from events group by event having c > 2" => [["A", 3]],
        "select event, distinct_id, count() from events group by all order by 1, 2" => [["A", "u1", 2], ["A", "u2", 1], ["B", "u2", 1], ["B", "u3", 1]],
        "select event, count() from events group by rollup(event) order by event" => [["A", 3], ["B", 2], [null, 5]],
        "select string_agg(event, ',') from events where event = 'A'" => [["A,A,A"]],
        "select sum(x), sum(toFloat(x)), uniq(x), uniq(toString(x)), max(x), max(x * 1.0) from (select arrayJoin([1, 2]) as x)" => [[3, 3.0, 2, 2, 2, 2.0]],
        "select avgWeighted(toFloat(properties.n), 2) from events" => [[2.1666666666666665]],
        "select round(count() / 2, 1), count() % 2, intDiv(count(), 2) from events" => [[2.5, 1, 2]],
    });
}

#[tokio::test]
async fn aggregates_over_the_whole_series_of_a_group() {
    let world = World::small().await;
    let funnel = |window: i64, rows: &str, conditions: &str| {
        format!("select windowFunnel({window})(r.1, {conditions}) from (select arrayJoin([{rows}]) as r)")
    };
    let (ab, abc) = ("r.2 = 'a', r.2 = 'b'", "r.2 = 'a', r.2 = 'b', r.2 = 'c'");
    check!(world, {
        &funnel(10, "(1, 'a'), (2, 'b'), (3, 'c')", abc) => [[3]],
        &funnel(10, "(1, 'a')", "r.2 = 'a', r.2 = 'a'") => [[2]],
        &funnel(10, "(1, 'b'), (1, 'a')", ab) => [[2]],
        &funnel(10, "(1, 'a'), (11, 'b')", ab) => [[2]],
        &funnel(10, "(1, 'a'), (12, 'b')", ab) => [[1]],
        &funnel(10, "(1, 'a'), (12, 'a'), (15, 'b')", ab) => [[2]],
        &funnel(10, "(1, 'a'), (8, 'b'), (9, 'a'), (13, 'c')", abc) => [[2]],
        &funnel(10, "(1, 'z')", ab) => [[0]],
        "select distinct_id, windowFunnel(86400)(timestamp, event = 'A', event = 'B') as level from events group by distinct_id order by distinct_id" => [["u1", 1], ["u2", 2], ["u3", 0]],
        "select retention(x = 1, x = 2, x = 3) from (select arrayJoin([1, 3]) as x)" => [[[1, 0, 1]]],
        "select retention(x = 1, x = 2) from (select arrayJoin([2]) as x)" => [[[0, 0]]],
        "select entropy(x), deltaSum(x), round(skewPop(x), 4), round(skewSamp(x), 4), round(kurtPop(x), 4), round(kurtSamp(x), 4) from (select arrayJoin([1, 2, 2, 5]) as x)" => [[1.5, 4, 0.8889, 0.5774, 2.1852, 1.2292]],
        "select groupArrayMovingSum(2)(x), groupArrayMovingAvg(2)(x), groupArrayMovingSum(x) from (select arrayJoin([1, 2, 2, 5]) as x)" => [[[1, 3, 4, 7], [0.5, 1.5, 2.0, 3.5], [1, 3, 5, 10]]],
    });
}

#[tokio::test]
async fn queries_as_people_write_them() {
    let world = World::small().await;
    check!(world, {
        "SELECT properties.$current_url AS url, count() AS views FROM events WHERE event = 'A' AND timestamp >= now() - INTERVAL 7 DAY GROUP BY url ORDER BY views DESC, url LIMIT 10"
            => [["https://a.com/one?x=1", 1], ["https://a.com/two", 1], [null, 1]],
        "WITH firsts AS (SELECT person_id, min(toStartOfWeek(timestamp)) AS week FROM events GROUP BY person_id)
         SELECT firsts.week, dateDiff('week', firsts.week, toStartOfWeek(e.timestamp)) AS n, uniq(e.person_id) FROM events e JOIN firsts ON e.person_id = firsts.person_id GROUP BY 1, 2 ORDER BY 1, 2"
            => [["2025-03-09", 0, 3]],
        "select $entry_current_url, count(), avg($session_duration) from sessions where $start_timestamp > now() - interval 30 day group by 1" => [["https://a.com/one?x=1", 1, 3600.0]],
        "select toStartOfDay(timestamp) as day, countIf(event = 'A') as a, countIf(event = 'B') as b, a / nullIf(b, 0) from events group by day order by day"
            => [["2025-03-10T00:00:00.000000Z", 2, 0, null], ["2025-03-11T00:00:00.000000Z", 1, 1, 1.0], ["2025-03-12T00:00:00.000000Z", 0, 1, 0.0]],
        "select day, sum(c) over (order by day) from (select toDate(timestamp) as day, count() as c from events group by day) order by day" => [["2025-03-10", 2], ["2025-03-11", 4], ["2025-03-12", 5]],
        "select event, count() * 100.0 / sum(count()) over () as share from events group by event order by event" => [["A", 60.0], ["B", 40.0]],
        "select count() from events where toDate(timestamp) between toDate('2025-03-11') and today()" => [[3]],
        "select distinct properties.b from events where properties.b != '' and properties.b is not null order by 1" => [["x"], ["y"]],
        "select splitByChar('/', properties.$current_url)[4] as part, count() from events group by part order by part" => [["one?x=1", 1], ["two", 1], [null, 3]],
        "select if(toFloat(properties.n) > 1, 'big', 'small') as size, count() from events group by size order by size" => [["big", 2], ["small", 3]],
        "select a.event, count() from events a left join events b on a.person_id = b.person_id and b.timestamp > a.timestamp where b.event = 'B' group by a.event" => [["A", 1]],
        "select distinct_id, groupArray(event) as path from (select distinct_id, event from events order by timestamp) group by distinct_id order by distinct_id" => [["u1", ["A", "A"]], ["u2", ["A", "B"]], ["u3", ["B"]]],
        "select event from events where properties.$session_id in (select session_id from sessions where $session_duration > 60) order by timestamp" => [["A"], ["A"]],
        "select round(avg(gap)) from (select dateDiff('second', lagInFrame(timestamp) over (partition by person_id order by timestamp), timestamp) as gap from events)" => [[26100.0]],
        "select case when properties.n is null then 'none' else toString(properties.n) end as k, count() from events group by k order by k" => [["1", 1], ["2", 1], ["3.5", 1], ["none", 2]],
        "select concat(toString(count()), ' events') from events" => [["5 events"]],
        "select argMin(properties.b, timestamp) as first, argMax(properties.$current_url, timestamp) as last, distinct_id from events group by distinct_id order by distinct_id" => [["x", "https://a.com/two", "u1"], [null, null, "u2"], ["", null, "u3"]],
        "select arrayJoin(JSONExtractArrayRaw(properties, 'list')) as item from events where JSONHas(properties, 'list') order by item" => [["\"two\""], ["1"], ["{\"k\":3}"]],
        "select count() from events where person.properties.plan ilike 'FR%'" => [[5]],
        "select event, uniq(person_id) as people from events where event in ('A', 'B') group by event having people >= 2 order by people desc, event" => [["A", 2], ["B", 2]],
        "select toString(toDate(timestamp)) || ' ' || event as label, count() as c from events group by label order by label limit 2" => [["2025-03-10 A", 2], ["2025-03-11 A", 1]],
        "select countIf(properties.flag), countIf(not properties.flag) from (select toBool(properties.flag) as flag from events) as properties" => [[1, 0]],
        "select e.event as event, p.properties.email as email from events e inner join persons p on e.person_id = p.id where p.properties.plan = 'pro' order by e.timestamp limit 1" => [["A", "u1@example.com"]],
        "select quantile(0.5)(dateDiff('hour', timestamp, now())), max(timestamp) > now() - interval 1 day from events" => [[29.0, 1]],
        "select event, groupUniqArray(distinct_id) as ids, length(ids), has(ids, 'u2'), arrayExists(x -> x = 'u3', ids) from events group by event order by event" => [["A", ["u1", "u2"], 2, 1, 0], ["B", ["u2", "u3"], 2, 1, 1]],
        "select multiIf(properties.n = 1, 'one', properties.b = 'y', 'why', 'other') as k, count() from events group by k order by count() desc, k" => [["other", 3], ["one", 1], ["why", 1]],
    });
}

#[tokio::test]
async fn windows() {
    let world = World::small().await;
    check!(world, {
        "select event, lag(event) over (order by timestamp), lead(event, 2) over (order by timestamp) from events order by timestamp" => [["A", null, "A"], ["A", "A", "B"], ["A", "A", "B"], ["B", "A", null], ["B", "B", null]],
        "select sum(1) over (order by timestamp), count() over (), rank() over (order by event) from events order by timestamp" => [[1, 5, 1], [2, 5, 1], [3, 5, 1], [4, 5, 4], [5, 5, 4]],
        "select event, sum(count()) over (order by event) from events group by event order by event" => [["A", 3], ["B", 5]],
        "select first_value(event) over w, last_value(event) over w from events window w as (order by timestamp rows between unbounded preceding and unbounded following) limit 1" => [["A", "B"]],
        "select event from events qualify row_number() over (partition by event order by timestamp) = 1 order by event" => [["A"], ["B"]],
    });
}

#[tokio::test]
async fn queries_inside_queries() {
    let world = World::small().await;
    check!(world, {
        "with e as (select event, count() as c from events group by event) select event, c from e where c > 2" => [["A", 3]],
        "with 'A' as wanted select count() from events where event = wanted" => [[3]],
        "select count() / (select count() from events) from events where event = 'A'" => [[0.6]],
        "select event from (select event, timestamp from events) as x order by x.timestamp limit 1" => [["A"]],
        "select x from (select 1 as x union all select 2) order by x" => [[1], [2]],
        "select x from (select 'a' as x union all select toString(5)) order by x" => [["5"], ["a"]],
        "select event from events group by event order by count() desc" => [["A"], ["B"]],
        "select count() from events where session.$session_duration > 60" => [[2]],
        "select length(properties) > 10, length(person.properties) > 10 from events limit 1" => [[1, 1]],
        "select number from numbers(3)" => [[0], [1], [2]],
        "select number * 2 from numbers(5, 2)" => [[10], [12]],
        "select x, y from (values (1, 'a'), (2, 'b')) as t (x, y) order by x" => [[1, "a"], [2, "b"]],
        "select distinct event from events order by event" => [["A"], ["B"]],
        "select event from events intersect distinct select 'A'" => [["A"]],
        "select a.event, b.event from events a cross join events b where a.distinct_id = 'u3' and b.distinct_id = 'u3'" => [["B", "B"]],
        "select count() from events semi join (select 'u1' as d) as x on x.d = events.distinct_id" => [[2]],
        "select count() from events sample 1" => [[5]],
        "select event, event, event as e from events limit 1" => [["A", "A", "A"]],
        "select * from (select event, count() from events group by event) order by event" => [["A", 3], ["B", 2]],
        "select toStartOfDay(timestamp) as day, count() from events group by day order by day" => [["2025-03-10T00:00:00.000000Z", 2], ["2025-03-11T00:00:00.000000Z", 2], ["2025-03-12T00:00:00.000000Z", 1]],
        "select 'x' as a, count() from events group by a" => [["x", 5]],
        "select 1 as a, count() from events group by a" => [[1, 5]],
        "select event from events order by properties.n desc nulls first, timestamp limit 2" => [["A"], ["B"]],
    });
    assert_eq!(world.row("select * from events where distinct_id = 'u3'").await.as_array().unwrap().len(), 20);
}

#[tokio::test]
async fn dates_follow_the_projects_time_zone_and_week() {
    let mut world = World::small().await;
    check_values!(world, {
        "now()" => "2025-03-12T15:20:30.000000Z",
        "today()" => "2025-03-12",
        "yesterday()" => "2025-03-11",
        "toDate('2025-03-12')" => "2025-03-12",
        "toDate('nonsense')" => null,
        "toDateTime('2025-03-12 10:00:00')" => "2025-03-12T10:00:00.000000Z",
        "toDateTime('2025-03-12 10:00:00', 'Europe/Berlin')" => "2025-03-12T09:00:00.000000Z",
        "toDateTime(1741773600)" => "2025-03-12T10:00:00.000000Z",
        "toStartOfWeek(toDate('2025-03-12'))" => "2025-03-09",
        "toStartOfWeek(toDate('2025-03-12'), 1)" => "2025-03-10",
        "toMonday(toDate('2025-03-12'))" => "2025-03-10",
        "toStartOfMonth(now())" => "2025-03-01",
        "toStartOfQuarter(now())" => "2025-01-01",
        "toStartOfYear(now())" => "2025-01-01",
        "toStartOfInterval(now(), interval 15 minute)" => "2025-03-12T15:15:00.000000Z",
        "dateTrunc('month', now())" => "2025-03-01",
        "dateTrunc('hour', now())" => "2025-03-12T15:00:00.000000Z",
        "toYear(now())" => 2025,
        "toQuarter(now())" => 1,
        "toDayOfWeek(now())" => 3,
        "toHour(now())" => 15,
        "toYYYYMM(now())" => 202503,
        "toUnixTimestamp(now())" => 1741792830,
        "fromUnixTimestamp(1741792830)" => "2025-03-12T15:20:30.000000Z",
        "dateDiff('day', toDateTime('2025-03-10 23:59:59'), toDateTime('2025-03-12 00:00:00'))" => 2,
        "dateDiff('hour', toDateTime('2025-03-10 18:30:00'), toDateTime('2025-03-11 17:59:00'))" => 23,
        "age('day', toDateTime('2025-03-10 23:59:59'), toDateTime('2025-03-12 00:00:00'))" => 1,
        "dateAdd('month', 1, toDate('2025-01-31'))" => "2025-02-28",
        "dateAdd(toDate('2025-01-31'), interval 1 day)" => "2025-02-01",
        "dateSub(day, 1, toDate('2025-03-01'))" => "2025-02-28",
        "addDays(toDate('2025-03-01'), 2)" => "2025-03-03",
        "subtractMonths(now(), 1)" => "2025-02-12T15:20:30.000000Z",
        "now() - toIntervalHour(1)" => "2025-03-12T14:20:30.000000Z",
        "toDate('2025-03-12') - toDate('2025-03-10')" => 2,
        "toDate('2025-03-12') + 1" => "2025-03-13",
        "formatDateTime(now(), '%Y/%m/%d %H:%i')" => "2025/03/12 15:20",
        "toString(toDate('2025-03-12'))" => "2025-03-12",
        "makeDate(2025, 2, 29)" => "2025-03-01",
        "UUIDv7ToDateTime('01958b8c-7c00-7000-8000-000000000000')" => "2025-03-12T18:09:54.688000Z",
        "interval '2 days' + toDate('2025-03-01')" => "2025-03-03",
        "toLastDayOfMonth(toDate('2025-02-10'))" => "2025-02-28",
    });
    check!(world, {
        "select properties.b, toDate(timestamp) - interval 1 day, toHour(timestamp), timestamp + interval 1 month from events order by timestamp limit 1" => [["x", "2025-03-09", 10, "2025-04-10T10:00:00.000000Z"]],
        "select dateDiff('minute', min(timestamp), max(timestamp)), max(toStartOfHour(timestamp)) from events" => [[2880, "2025-03-12T10:00:00.000000Z"]],
        "select toDateTime(properties.when), toDate(properties.when), parseDateTimeBestEffort(properties.b) from events where distinct_id = 'u3'" => [["2025-03-01T08:00:00.000000Z", "2025-03-01", null]],
        "select formatDateTime(timestamp, '%H:%i:%S'), toString(timestamp) from events where event = 'B' order by timestamp limit 1" => [["23:30:00", "2025-03-11 23:30:00.500000"]],
    });
    world.context.timezone = "Asia/Tokyo".parse().unwrap();
    world.context.week_start_day = 1;
    check!(world, {
        "select toStartOfDay(timestamp) as day, count() from events group by day order by day" => [["2025-03-09T15:00:00.000000Z", 2], ["2025-03-10T15:00:00.000000Z", 1], ["2025-03-11T15:00:00.000000Z", 2]],
        "select toDate(timestamp), toHour(timestamp) from events where event = 'B' order by timestamp" => [["2025-03-12", 8], ["2025-03-12", 19]],
        "select toStartOfWeek(timestamp), toDate(now()), today() from events limit 1" => [["2025-03-10", "2025-03-13", "2025-03-13"]],
        "select count() from events where timestamp >= '2025-03-12'" => [[2]],
        "select toStartOfDay(toTimeZone(timestamp, 'UTC')) from events order by timestamp limit 1" => [["2025-03-10T00:00:00.000000Z"]],
    });
}

#[tokio::test]
async fn numbers_and_logic() {
    let world = World::small().await;
    check_values!(world, {
        "1 + 2 * 3 - 4 / 8" => 6.5,
        "1 / 0" => null,
        "7 % 3" => 1,
        "7 % 0" => null,
        "intDiv(7, 2)" => 3,
        "intDivOrZero(7, 0)" => 0,
        "-(5)" => (-5),
        "abs(-5)" => 5,
        "round(2.567, 2)" => 2.57,
        "round(2.5)" => 2.0,
        "floor(2.7)" => 2.0,
        "pow(2, 10)" => 1024.0,
        "sqrt(9)" => 3.0,
        "log2(8)" => 3.0,
        "sqrt(-1)" => null,
        "pow(0, -1)" => null,
        "argMax('a', 2)" => "a",
        "groupUniqArray(2)" => [2],
        "concatWithSeparator('-', null)" => null,
        "sign(-3)" => (-1),
        "greatest(1, 2.5)" => 2.5,
        "least('b', 'a')" => "a",
        "bitAnd(6, 3)" => 2,
        "bitShiftLeft(1, 4)" => 16,
        "gcd(12, 18)" => 6,
        "if(1 = 1, 'yes', 'no')" => "yes",
        "multiIf(1 = 2, 'a', 2 = 2, 'b', 'c')" => "b",
        "1 = 2 ? 'a' : 'b'" => "b",
        "case 3 when 1 then 'one' when 3 then 'three' end" => "three",
        "transform(2, [1, 2], ['a', 'b'], 'c')" => "b",
        "coalesce(null, null, 3)" => 3,
        "null ?? 'x'" => "x",
        "nullIf(1, 1)" => null,
        "isNull(null)" => 1,
        "not 1" => 0,
        "1 and 0" => 0,
        "xor(1, 0)" => 1,
        "toInt('12')" => 12,
        "toInt('1.5')" => null,
        "toInt(1.9)" => null,
        "toInt(2.0)" => 2,
        "intDiv(7.5, 2)" => 3,
        "toFloat('x')" => null,
        "toString(1.0)" => "1",
        "toString(true)" => "true",
        "toBool('true')" => true,
        "toUUID('not one')" => null,
        "toIntOrZero('x')" => 0,
        "toFloatOrDefault('x', 1.5)" => 1.5,
        "arrayReduce('sum', [1, 2])" => 3,
        "'5'::Int64 + 1" => 6,
        "cast(3 as String) || 'x'" => "3x",
        "1 in (1, 2)" => 1,
        "3 not in (1, 2)" => 1,
        "3 in [3]" => 1,
        "5 between 1 and 10" => 1,
        "null = null" => 1,
        "true" => true,
        "1 = 1" => 1,
        "inf" => null,
        "toTypeName(count() + 1)" => "UInt64",
        "like('abc', 'a%')" => 1,
        "notEquals(1, 2)" => 1,
        "tupleElement((1, 'x'), 2)" => "x",
        "(1, 2) = (1, 2)" => 1,
        "9223372036854775807" => (9223372036854775807i64),
    });
}

#[tokio::test]
async fn texts_and_urls() {
    let world = World::small().await;
    check_values!(world, {
        "concat('a', 1, null, 'b')" => "a1b",
        "'a' || 'b'" => "ab",
        "f'{1 + 1} is two'" => "2 is two",
        "length('abc')" => 3,
        "lower('ABC')" => "abc",
        "substring('hello', 2, 3)" => "ell",
        "substring('hello', -3)" => "llo",
        "left('hello', 2)" => "he",
        "trim('  x ')" => "x",
        "trimLeft('xxa', 'x')" => "a",
        "startsWith('hello', 'he')" => 1,
        "endsWith('hello', 'he')" => 0,
        "position('hello', 'l')" => 3,
        "positionCaseInsensitive('HELLO', 'l')" => 3,
        "replaceAll('a-b-c', '-', '+')" => "a+b+c",
        "replaceOne('a-b-c', '-', '+')" => "a+b-c",
        "replaceRegexpAll('a1b22', '([0-9]+)', '<\\\\1>')" => "a<1>b<22>",
        "extract('v=12', 'v=([0-9]+)')" => "12",
        "extractAll('a1b22', '[0-9]+')" => ["1", "22"],
        "match('abc', '^a.c$')" => 1,
        "splitByChar(',', 'a,b,c')" => ["a", "b", "c"],
        "splitByString('--', 'a--b')" => ["a", "b"],
        "arrayStringConcat(['a', 'b'], '-')" => "a-b",
        "format('{} and {0}', 'x')" => "x and x",
        "leftPad('7', 3, '0')" => "007",
        "repeat('ab', 2)" => "abab",
        "reverse('abc')" => "cba",
        "base64Encode('hi')" => "aGk=",
        "base64Decode('aGk=')" => "hi",
        "MD5('a')" => "0cc175b9c0f1b6a831c399e269772661",
        "hex('a')" => "61",
        "multiSearchAny('hello', ['x', 'ell'])" => 1,
        "multiMatchAnyIndex('hello', ['^x', '^h'])" => 2,
        "countSubstrings('aXbXc', 'X')" => 2,
        "empty('')" => 1,
        "notEmpty('a')" => 1,
        "editDistance('kitten', 'sitting')" => 3,
        "concatWithSeparator('-', 'a', 'b')" => "a-b",
        "domain('https://www.example.com:8080/a/b?x=1#y')" => "www.example.com",
        "domainWithoutWWW('https://www.example.com/a')" => "example.com",
        "topLevelDomain('https://example.co.uk')" => "uk",
        "cutToFirstSignificantSubdomain('https://news.example.co.uk/x')" => "example.co.uk",
        "path('https://example.com/a/b?x=1')" => "/a/b",
        "pathFull('https://example.com/a/b?x=1#y')" => "/a/b?x=1#y",
        "protocol('https://example.com')" => "https",
        "port('http://example.com:8080/')" => 8080,
        "queryString('https://example.com/?x=1&y=2#z')" => "x=1&y=2",
        "fragment('https://example.com/?x=1#z')" => "z",
        "extractURLParameter('https://example.com/?x=1&y=2', 'y')" => "2",
        "cutQueryString('https://example.com/a?x=1')" => "https://example.com/a",
        "decodeURLComponent('a%20b')" => "a b",
        "sortableSemver('1.22.3-beta')" => [1, 22, 3],
        "sortableSemver('x')" => [null],
        "xxHash64('a')" => (15154266338359012955u64),
        "'it''s \\\\ \"quoted\" `x`'" => "it's \\ \"quoted\" `x`",
        "'line\\nbreak -- not a comment /* nor this */'" => "line\nbreak -- not a comment /* nor this */",
    });
}

#[tokio::test]
async fn arrays_and_json() {
    let world = World::small().await;
    check_values!(world, {
        "[1, 2, 3][-1]" => 3,
        "[1, 2, 3][5]" => 0,
        "[1, 2, 3][2:3]" => [2, 3],
        "length([1, 2])" => 2,
        "empty([])" => 1,
        "arrayMap(x -> x + 1, [1, 2])" => [2, 3],
        "arrayMap((x, y) -> x * y, [1, 2], [3, 4])" => [3, 8],
        "arrayMap(x -> concat(x, '!'), ['a'])" => ["a!"],
        "arrayFilter(x -> x > 1, [1, 2, 3])" => [2, 3],
        "arrayExists(x -> x like 'a%', ['b', 'ab'])" => 1,
        "arrayAll(x -> x > 1, [1, 2])" => 0,
        "arrayCount(x -> x > 1, [1, 2, 3])" => 2,
        "arrayFirst(x -> x > 1, [1, 2, 3])" => 2,
        "arrayFirstIndex(x -> x > 1, [1, 2, 3])" => 2,
        "arraySum([1, 2, 3])" => 6,
        "arraySum(x -> x * 2, [1, 2, 3])" => 12,
        "arrayAvg([1, 2])" => 1.5,
        "arrayMin([3, 1])" => 1,
        "arrayMax([3, 1])" => 3,
        "arraySort([3, 1, 2])" => [1, 2, 3],
        "arraySort(x -> -x, [3, 1, 2])" => [3, 2, 1],
        "arrayReverseSort([3, 1, 2])" => [3, 2, 1],
        "arrayReverse([1, 2])" => [2, 1],
        "arrayDistinct([1, 1, 2])" => [1, 2],
        "arrayConcat([1], [2])" => [1, 2],
        "arraySlice([1, 2, 3], 2)" => [2, 3],
        "has([1, 2], 2)" => 1,
        "has(['a'], 'b')" => 0,
        "hasAny([1, 2], [2, 3])" => 1,
        "hasAll([1, 2], [2, 3])" => 0,
        "indexOf(['a', 'b'], 'b')" => 2,
        "arrayZip([1, 2], ['a', 'b'])" => [[1, "a"], [2, "b"]],
        "arrayFlatten([[1], [2, 3]])" => [1, 2, 3],
        "arrayCumSum([1, 2, 3])" => [1, 3, 6],
        "arrayDifference([1, 4, 9])" => [0, 3, 5],
        "arrayPushBack([1], 2)" => [1, 2],
        "range(3)" => [0, 1, 2],
        "arrayWithConstant(2, 'x')" => ["x", "x"],
        "arrayEnumerate(['a', 'b'])" => [1, 2],
        "arrayIntersect([1, 2], [2, 3])" => [2],
        "arrayUniq([1, 1, 2])" => 2,
        "arrayMap(x -> arrayMap(y -> y + x, [1, 2]), [10, 20])" => [[11, 12], [21, 22]],
        "[(1, 'a'), (2, 'b')][2].2" => "b",
        "JSONExtractString('{\"a\":{\"b\":\"c\"}}', 'a', 'b')" => "c",
        "JSONExtractInt('{\"a\":[1,2]}', 'a', 2)" => 2,
        "JSONExtractRaw('{\"a\":{\"b\":1}}', 'a')" => "{\"b\":1}",
        "JSONExtractArrayRaw('[1,\"x\"]')" => ["1", "\"x\""],
        "JSONExtractKeys('{\"a\":1,\"b\":2}')" => ["a", "b"],
        "JSONExtract('{\"a\":[\"x\",\"y\"]}', 'a', 'Array(String)')" => ["x", "y"],
        "JSONLength('[1,2,3]')" => 3,
        "JSONType('{\"a\":1.5}', 'a')" => "Double",
        "isValidJSON('{')" => 0,
        "toJSONString([1, 2])" => "[1,2]",
    });
    check!(world, {
        "select arrayMap(x -> concat(x, distinct_id), [event, 'z']) from events where distinct_id = 'u3'" => [[["Bu3", "zu3"]]],
        "select arrayExists(x -> x = properties.b, ['x', 'q']) from events order by timestamp limit 2" => [[1], [0]],
        "select countIf(arrayExists(x -> x = properties.b, ['x', 'y'])) from events" => [[2]],
    });
}

#[tokio::test]
async fn autocaptured_elements_are_read_from_their_chain() {
    let mut click = event(1, "$autocapture", "u1", "2025-03-10T10:00:00Z", json!({}));
    click.elements_chain = Arc::from(r#"span.icon:text="Buy"nth-child="1";a.link:attr_id="cta"href="/buy"text="Buy now";div.box:text="""#);
    let world = World::with(vec![click]).await;
    check!(world, {
        "select elements_chain_href, elements_chain_texts, elements_chain_ids, elements_chain_elements from events" => [["/buy", ["Buy", "Buy now", ""], ["cta"], ["a"]]],
    });
}

/// What ClickHouse 26.9 answers to the same.
#[tokio::test]
async fn suffixes_of_aggregates_look_inside_of_arrays_and_maps() {
    let world = World::small().await;
    check!(world, {
        "select sumArray(x), avgArray(x), countArray(x), maxArray(x), uniqArray(x) from (select arrayJoin([[1, 2], [3, 3]]) as x)" => [[9, 2.25, 4, 3, 3]],
        "select sumForEach(x), avgForEach(x), countForEach(x) from (select arrayJoin([[1, 2], [3]]) as x)" => [[[4, 2], [2.0, 2.0], [2, 1]]],
        "select sumMap(x), maxMap(x) from (select map('a', 1, 'b', 2) as x union all select map('a', 5) as x)" => [[[["a", 6], ["b", 2]], [["a", 5], ["b", 2]]]],
        "select sumMap(['a', event], [1, 2]) from events" => [[[["A", "B", "a"], [6, 4, 5]]]],
        "select uniqMerge(s), sumMerge(t), countMerge(c) from (select number % 2 as p, uniqState(number % 3) as s, sumState(number) as t, countState() as c from numbers(10) group by p)" => [[3, 45, 10]],
        "select sumArrayIf(x, number > 0), sumIfOrNull(number, number > 100), countOrNull(), minOrNull(number) from (select [number, 1] as x, number from numbers(3))" => [[5, null, 3, 0]],
        "select sumOrNull(n), sumOrDefault(n), countOrNull(n), maxOrNull(n) from (select 1 as n) where n > 1" => [[null, 0, null, null]],
        "select sequenceMatch('(?1).*(?2)')(toDateTime(number), number = 1, number = 3), sequenceMatch('(?1)(?2)')(toDateTime(number), number = 1, number = 3), sequenceMatch('(?1).(?2)')(toDateTime(number), number = 1, number = 3), sequenceCount('(?1).*(?2)')(toDateTime(number), number % 4 = 1, number % 4 = 3), sequenceMatch('(?1)(?t<=1)(?2)')(toDateTime(number), number = 1, number = 3), sequenceMatch('(?1)(?t>=2)(?2)')(toDateTime(number), number = 1, number = 3) from numbers(10)" => [[1, 1, 0, 2, 0, 1]],
        "select sequenceCount('(?1)(?2)')(toDateTime(number), number % 2 = 0, number % 2 = 1), sequenceMatch('(?1)(?t==2)(?2)')(toDateTime(number), number = 1, number = 3) from numbers(10)" => [[5, 1]],
        "select event from events order by toDate(timestamp) limit 2 with ties" => [["A"], ["A"]],
        "select toDayOfMonth(timestamp) as d from events order by d desc limit 2 with ties" => [[12], [11], [11]],
        "select d from (select toDayOfMonth(timestamp) as d from events) order by d limit 3 offset 1 with ties" => [[10], [11], [11]],
        "(select 1 as a union all select 2) order by a desc limit 1" => [[2]],
        "select n.number, e.event from numbers(3) n left any join (select event, toInt(properties.n) as k from events) e on n.number = e.k order by 1" => [[0, null], [1, "A"], [2, "A"]],
        "select count(), count(e.event) from persons p left any join events e on p.id = e.person_id" => [[2, 2]],
        "select d.distinct_id, e.person.properties.plan from person_distinct_ids d any left join events e on d.person_id = e.person_id and d.distinct_id = e.distinct_id order by 1" => [["u1", "free"], ["u2", "free"]],
        "select count() from (events e join persons p on e.person_id = p.id)" => [[4]],
    });
    for (text, message) in [
        ("select sumArray(1)", "Function 'sumArray' does not take a UInt8"),
        ("select corrArray([1])", "Unsupported function call 'corrArray(...)'"),
        ("select arrayFold((acc, x) -> x - acc, [1], 0)", "This lambda of arrayFold is not supported"),
        ("select mapKeys([1])", "mapKeys takes a map, not a Array(UInt8)"),
        ("select map(1)", "map takes pairs of key and value"),
        ("select sequenceMatch('(?x)')(timestamp, 1) from events", "is not a pattern of a sequence"),
    ] {
        let problem = world.try_rows(text).await.unwrap_err();
        assert!(problem.contains(message), "{problem}");
    }
}

/// Values that ClickHouse 26.9 itself gave for these expressions.
#[tokio::test]
async fn functions_answer_as_clickhouse_does() {
    let world = World::small().await;
    let cases: Vec<(String, Value)> = serde_json::from_str(include_str!("clickhouse_values.json")).unwrap();
    assert!(cases.len() > 200);
    let mut problems = Vec::new();
    for (expr, expected) in cases {
        match world.try_rows(&format!("select {expr}")).await {
            Ok(rows) if comparable(&rows[0][0]) == comparable(&expected) => {}
            Ok(rows) => problems.push(format!("{expr}\n  gives {}\n  not   {expected}", rows[0][0])),
            Err(problem) => problems.push(problem),
        }
    }
    assert!(problems.is_empty(), "{}\n{} differ", problems.join("\n\n"), problems.len());
}

/// ClickHouse's JSON has other spellings of instants, numbers and truth.
fn comparable(value: &Value) -> Value {
    match value {
        Value::Bool(flag) => json!(f64::from(*flag)),
        Value::Number(number) => json!((number.as_f64().unwrap() * 1e9).round() / 1e9),
        Value::String(text) => match text.strip_suffix(".000000Z") {
            Some(instant) => json!(instant.replace('T', " ")),
            None => value.clone(),
        },
        Value::Array(items) => items.iter().map(comparable).collect(),
        other => other.clone(),
    }
}

/// Whatever the arguments, a function answers or says what is wrong with them; it is never an internal error.
#[tokio::test]
async fn every_function_answers_or_refuses_any_arguments() {
    let world = World::small().await;
    let pool = [
        "event",
        "properties.n",
        "toFloat(properties.n)",
        "2",
        "'x'",
        "timestamp",
        "toDate(timestamp)",
        "[1, 2]",
        "['a', event]",
        "null",
        "event = 'A'",
        "(1, event)",
        "'day'",
        "-1.5",
        "properties",
    ];
    let mut problems = Vec::new();
    let mut answered = 0;
    for (number, (name, min, max)) in query::callable_functions().into_iter().enumerate() {
        let mut calls = Vec::new();
        for arity in min..=max.min(min + 1).min(4) {
            for first in 0..if arity == 0 { 1 } else { pool.len() } {
                // Not all combinations, but others for every function.
                let arg = |at: usize| if at == 0 { pool[first] } else { pool[(first + at * (number + 3 * at)) % pool.len()] };
                calls.push(format!("{name}({})", (0..arity).map(arg).collect::<Vec<_>>().join(", ")));
            }
        }
        for call in calls {
            let Ok(resolved) = query::parse(&format!("select {call} from events"))
                .map_err(|_| ())
                .and_then(|tree| query::resolve(tree, &world.context).map_err(|_| ()))
            else {
                continue;
            };
            let sql = query::print_datafusion(&resolved).sql;
            match world.engine.select(Select { query: resolved, budget: Budget::default(), cancel: None }).await {
                Ok(_) => answered += 1,
                Err(QueryError::Invalid(_)) => {}
                Err(error) => problems.push(format!("{call}\n  {sql}\n  {error:?}")),
            }
        }
    }
    assert!(answered > 1_000, "only {answered} calls were answered");
    assert!(problems.is_empty(), "{}\n{} internal errors", problems.join("\n\n"), problems.len());
}

#[tokio::test]
async fn hostile_property_names_and_values_are_data() {
    let names = ["a'b", "a\"b", "a`b", "a\\b", "-- x", "a.b", "$x y", "ü", "\n", "'; DROP TABLE events; --"];
    let rows =
        names.iter().enumerate().map(|(at, name)| event(at as u32, name, "u1", "2025-03-10T10:00:00Z", json!({ *name: name }))).collect();
    let world = World::with(rows).await;
    for name in names {
        use query::ast::{Expr, Query, Select};
        let tree = Select::from_table("events")
            .column(Expr::field(["properties", name]))
            .column(Expr::field(["event"]).aliased(name))
            .and_where(Expr::eq(Expr::field(["properties", name]), Expr::constant(name)))
            .and_where(Expr::compare(query::ast::CompareOp::NotEq, Expr::field(["event"]), Expr::constant("' OR 1=1 --")));
        assert_eq!(world.row(&Query::from(tree).to_string()).await, json!([name, name]));
    }
}

#[tokio::test]
async fn bombs_end_with_a_message() {
    let world = World::small().await;
    for bomb in [
        "select range(1000000000000)",
        "select repeat('x', 1000000000000)",
        "select arrayWithConstant(1000000000000, 1)",
        "select leftPad('x', 1000000000000)",
        "select length(groupArray(repeat('x', 1000000))) from numbers(100000)",
        "select length(range(1000000 + number)) from numbers(1000)",
    ] {
        assert!(world.try_rows(bomb).await.is_err(), "{bomb}");
    }
}
