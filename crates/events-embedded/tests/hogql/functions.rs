//! Functions, type by type.

use super::*;

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
