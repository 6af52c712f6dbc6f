//! Selects: conditions, joins, grouping, windows, queries inside of queries.

use super::*;

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
