//! What names mean, what is refused, and the SQL that comes out.

use model::{TeamId, Timestamp};
use query::ast::Expr;
use query::{
    Cohorts, ColumnKind, ColumnSource, Context, LimitRule, PersonsMode, Printed, PropertyOwner, PropertyType, PropertyTypes, Table, parse,
    print_datafusion, resolve,
};
use std::sync::Arc;

fn context() -> Context {
    let mut types = PropertyTypes::default();
    types.set_event("price", PropertyType::Numeric);
    types.set_event("paid", PropertyType::Boolean);
    types.set_event("seen", PropertyType::DateTime);
    Context { property_types: Arc::new(types), ..Context::new(TeamId(1), Timestamp::parse_rfc3339("2025-03-12T15:20:30Z").unwrap()) }
}

fn print_in(text: &str, context: &Context) -> Printed {
    let tree = parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    print_datafusion(&resolve(tree, context).unwrap_or_else(|error| panic!("{text}: {error:?}")))
}

fn print(text: &str) -> Printed {
    print_in(text, &Context { limit: LimitRule::NONE, ..context() })
}

fn sql(text: &str) -> String {
    print(text).sql
}

fn refusal(text: &str) -> query::ResolveError {
    match resolve(parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}")), &context()) {
        Ok(resolved) => panic!("{text} resolves to {}", print_datafusion(&resolved).sql),
        Err(error) => error,
    }
}

#[test]
fn refusals_name_what_is_wrong() {
    for (text, message) in [
        ("select nothing from events", "Unable to resolve field: nothing"),
        ("select e.nothing from events e", "Unable to resolve field: nothing"),
        ("select events.event from events e", "Unable to resolve field: events.event"),
        ("select person.nothing from events", "Unable to resolve field: nothing"),
        ("select x.y from events", "Unable to resolve field: x.y"),
        ("select 1 from nowhere", "Unknown table `nowhere`."),
        ("select 1 from system.users", "Unknown table `system.users`."),
        ("select 1 from information_schema.tables", "Unknown table `information_schema.tables`."),
        ("select 1 from events_0", "Unknown table `events_0`."),
        ("select * from url('http://x')", "Unknown table function `url`."),
        ("select * from file('/etc/passwd')", "Unknown table function `file`."),
        ("select * from s3('x')", "Unknown table function `s3`."),
        ("select * from postgresql('x')", "Unknown table function `postgresql`."),
        ("select * from remote('x')", "Unknown table function `remote`."),
        ("select url('x')", "Unsupported function call 'url(...)'"),
        ("select file('/etc/passwd')", "Unsupported function call 'file(...)'"),
        ("select read_parquet('x')", "Unsupported function call 'read_parquet(...)'"),
        ("select hog_eval('lower', 'S', 'x')", "Unsupported function call 'hog_eval(...)'"),
        ("select arrow_cast(1, 'Utf8')", "Unsupported function call 'arrow_cast(...)'"),
        ("select JSONText('{}')", "Unsupported function call 'JSONText(...)'"),
        ("select startOf('day', 1, now(), 'UTC', true)", "Unsupported function call 'startOf(...)'"),
        ("select toStartOfWeek([1])", "Illegal type Array(UInt8) of a date"),
        ("select version()", "Unsupported function call 'version(...)'"),
        ("select sleep(10)", "Unsupported function call 'sleep(...)'"),
        ("select lower()", "Function 'lower' expects at least 1 argument, found 0"),
        ("select lower('a', 'b')", "Function 'lower' expects at most 1 argument, found 2"),
        ("select team_id from events", "Unable to resolve field: team_id"),
        ("select events.team_id from events", "Unable to resolve field: events.team_id"),
        ("select TEAM_ID from events", "Unable to resolve field: TEAM_ID"),
        ("select 1 from events where team_id = 2", "Unable to resolve field: team_id"),
        ("select 1 from events group by team_id", "Unable to resolve field: team_id"),
        ("select event as team_id from events", "Cannot use 'team_id' as an alias. It is a reserved keyword."),
        ("select lower(event as team_id) from events", "Cannot use 'team_id' as an alias. It is a reserved keyword."),
        ("select 1 from events as team_id", "Cannot use 'team_id' as an alias. It is a reserved keyword."),
        ("with 2 as team_id select 1 from events", "Cannot use 'team_id' as an alias. It is a reserved keyword."),
        ("with team_id as (select 2) select 1 from events", "Cannot use 'team_id' as an alias. It is a reserved keyword."),
        ("select event as `true` from events", "Cannot use 'true' as an alias. It is a reserved keyword."),
        ("select 1 settings max_threads = 1", "SETTINGS are not allowed"),
        ("select {x}", "Unresolved placeholder: {x}"),
        ("select 1 from events where {filters}", "Unresolved placeholder: {filters}"),
        ("select event from events e, events f", "Ambiguous query. Found multiple sources for field: event"),
        ("select 1 from events e, persons e", "Already have joined a table called \"e\". Can't redefine."),
        ("select count(count()) from events", "Aggregation 'count' cannot be nested inside another aggregation"),
        ("select 1 from events where count() > 1", "Aggregate functions are not allowed in WHERE; use HAVING"),
        ("select 1 from events group by count()", "Aggregate functions are not allowed in GROUP BY"),
        ("select event, count() from events", "Column `event` is not under aggregate function and not in GROUP BY"),
        ("select event from events group by distinct_id", "Column `event` is not under aggregate function and not in GROUP BY"),
        ("select count() from events order by timestamp", "Column `timestamp` is not under aggregate function and not in GROUP BY"),
        (
            "select distinct_id from events group by distinct_id having properties.x = '1'",
            "Column `properties.x` is not under aggregate function and not in GROUP BY",
        ),
        ("select row_number() from events", "Function 'row_number' needs OVER (...)"),
        ("select row_number() over w from events", "Unknown window: w"),
        ("select 1 from events where person_id in cohort 3", "Could not find a cohort with the id 3"),
        ("select 1 from events where person_id in cohort 'paying'", "Could not find a cohort with the name 'paying'"),
        ("select 1 from events where person_id in cohort event", "IN COHORT takes the id or the name of a cohort"),
        ("select 1 from events where event", "Illegal type String of a condition. It must be a comparison or a number"),
        ("select 1 from events limit 'x'", "LIMIT and OFFSET must be whole numbers"),
        ("select 1 from events limit -1", "LIMIT and OFFSET must be whole numbers"),
        ("select 1 from events limit 1 with ties", "LIMIT … WITH TIES needs an ORDER BY"),
        ("select event from events group by event with totals", "WITH TOTALS is not supported. GROUP BY ROLLUP"),
        ("select 1 from events join persons", "A JOIN needs ON or USING"),
        ("select 1 from events order by 2", "There is no column 2"),
        ("select (select 1, 2)", "A subquery used as a value must select exactly one column"),
        ("select 1 in (select 1, 2)", "A subquery behind IN must select exactly one column"),
        ("select 1 union all select 1, 2", "Every branch of a UNION must select the same number of columns"),
        ("select x -> x", "A lambda can only be the first argument of an array function"),
        ("select arrayMap([1], [1])", "The first argument of arrayMap is a lambda"),
        ("select arrayMap(x -> x, [1], [2])", "The lambda of arrayMap takes 1 parameters for 2 arrays"),
        ("select match(event, '(') from events", "Invalid regular expression"),
        ("select event =~ '(' from events", "Invalid regular expression"),
        ("select 1 from events where timestamp > 'someday'", "Cannot parse datetime: 'someday'"),
        ("select (1, 2).3", "The tuple has no element 3"),
        ("select person from events", "Can't select a whole person"),
        ("select *", "* needs a FROM"),
        ("select quantile(2)(1)", "Aggregation 'quantile' does not take these parameters"),
        ("select sum(1)(2)", "Aggregation 'sum' does not take these parameters"),
        ("select toDateTime('2025-01-01', 'Mars/Olympus')", "Expected the name of a time zone"),
        ("select cast(1 as Foo)", "Unknown type 'Foo'"),
        ("select number from numbers(event) join events on 1", "numbers takes whole numbers"),
        ("with recursive a as (select 1 union all select * from a) select * from a", "WITH RECURSIVE is not supported"),
        ("select 1 from events e asof join persons p on e.person_id = p.id", "ASOF JOIN is not supported"),
        ("select 1 from events e any join persons p on e.person_id = p.id", "Of ANY joins only LEFT ANY JOIN is supported"),
        ("select p.id from events e left any join persons p on e.person_id > p.id", "LEFT ANY JOIN needs equalities"),
        ("select toIntervalDay(1)", "An interval can only be added to a date"),
        ("select [1] + 1", "Illegal types Array(UInt8) and UInt8"),
    ] {
        let found = refusal(text);
        assert!(found.message.starts_with(message), "{text}: {}", found.message);
    }
}

#[test]
fn cohorts_are_named_by_id_or_by_name() {
    let names = [(3, "paying"), (4, "twice"), (5, "twice")].map(|(id, name)| (id, name.to_owned()));
    let context = Context { cohorts: Arc::new(Cohorts::new(names)), limit: LimitRule::NONE, ..context() };
    for text in ["select 1 from events where person_id in cohort 3", "select 1 from events where person_id in cohort 'paying'"] {
        let printed = print_in(text, &context);
        assert_eq!(printed.sql, r#"SELECT 1 AS "1" FROM "events_0" WHERE hog_in_cohort("events_0"."person_id", 3)"#, "{text}");
        assert_eq!(printed.cohorts, [3]);
    }
    let negated = print_in("select count() from persons where id not in cohort 4 and id in cohort 3", &context);
    assert!(negated.sql.contains("(NOT hog_in_cohort("), "{}", negated.sql);
    assert_eq!(negated.cohorts, [3, 4]);
    let twice = parse("select 1 from events where person_id in cohort 'twice'").unwrap();
    assert!(resolve(twice, &context).unwrap_err().message.starts_with("Several cohorts have the name 'twice'"));
    let members = print_in("select person.properties.plan, cohort_id, version from cohort_people", &context);
    assert_eq!(members.tables.iter().map(|table| table.table).collect::<Vec<_>>(), [Table::CohortPeople, Table::Persons]);
}

#[test]
fn refusals_point_at_the_text() {
    let text = "select event, nothing from events";
    let found = refusal(text);
    assert_eq!(&text[found.start.unwrap()..found.end.unwrap()], "nothing");
}

#[test]
fn a_query_over_events_names_only_its_columns() {
    let printed = print("select event, properties.$browser from events where timestamp >= '2025-03-10' and event = 'a'");
    assert_eq!(
        printed.sql,
        "SELECT \"events_0\".\"event\" AS \"event\", \"events_0\".\"properties.$browser\" AS \"$browser\" FROM \"events_0\" \
         WHERE ((\"events_0\".\"timestamp\" >= arrow_cast(1741564800000000, 'Timestamp(Microsecond, Some(\"UTC\"))')) AND (\"events_0\".\"event\" = 'a'))"
    );
    let [table] = printed.tables.as_slice() else { panic!() };
    assert_eq!((table.name.as_str(), table.table), ("events_0", Table::Events));
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["event", "properties.$browser", "timestamp"]);
    assert_eq!(table.events.as_deref(), Some(["a".to_owned()].as_slice()));
    assert_eq!(table.time_range.map(|(from, _)| from), Timestamp::parse_rfc3339("2025-03-10T00:00:00Z"));
    assert_eq!(printed.columns, [("event".to_owned(), "String".to_owned()), ("$browser".to_owned(), "Nullable(String)".to_owned())]);
}

#[test]
fn columns_carry_clickhouse_types() {
    let types = |text: &str| print(text).columns.into_iter().map(|(_, kind)| kind).collect::<Vec<_>>();
    assert_eq!(
        types(
            "select count(), uniq(person_id), sum(1), avg(1), min(timestamp), max(properties.x), any(event), groupArray(event) from events"
        ),
        ["UInt64", "UInt64", "UInt64", "Float64", "DateTime64(6, 'UTC')", "Nullable(String)", "String", "Array(String)"]
    );
    assert_eq!(
        types(
            "select uuid, person_id, timestamp, toDate(timestamp), toStartOfDay(timestamp), toStartOfMonth(timestamp), event = 'a', true, 1, 300, -1, 1.5, 'x', null, [1, 2], (1, 'a') from events"
        ),
        [
            "UUID",
            "UUID",
            "DateTime64(6, 'UTC')",
            "Date",
            "DateTime64(6, 'UTC')",
            "Date",
            "UInt8",
            "Bool",
            "UInt8",
            "UInt16",
            "Int8",
            "Float64",
            "String",
            "Nullable(Nothing)",
            "Array(UInt8)",
            "Tuple(UInt8, String)"
        ]
    );
    assert_eq!(
        types("select properties.price, properties.paid, properties.seen, properties.other from events"),
        ["Nullable(Float64)", "Nullable(Bool)", "Nullable(DateTime64(6, 'UTC'))", "Nullable(String)"]
    );
}

#[test]
fn columns_are_named_as_posthog_names_them() {
    let printed = print("select length(event), event as e, properties.$os, person.properties.email, toFloat(properties.n), 1 from events");
    let names: Vec<&str> = printed.columns.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["length(event)", "e", "$os", "email", "toFloat(properties.n)", "1"]);
}

#[test]
fn equal_names_stay_in_the_answer() {
    let printed = print("select event, event, properties.event from events");
    assert!(printed.columns.iter().all(|(name, _)| name == "event"), "{:?}", printed.columns);
    assert!(printed.sql.contains("AS \"event_1\"") && printed.sql.contains("AS \"event_2\""), "{}", printed.sql);
}

#[test]
fn missing_limits_are_added_and_large_ones_reduced() {
    let limit = |text: &str| {
        let resolved = resolve(parse(text).unwrap(), &context()).unwrap();
        (resolved.limit, resolved.offset, print_datafusion(&resolved).sql)
    };
    let (rows, _, sql) = limit("select event from events");
    assert_eq!(rows, Some(100));
    assert!(sql.ends_with(" LIMIT 101"), "{sql}");
    let (rows, offset, sql) = limit("select event from events limit 1000000 offset 7");
    assert_eq!((rows, offset), (Some(50_000), 7));
    assert!(sql.ends_with(" LIMIT 50001 OFFSET 7"), "{sql}");
    let (rows, _, sql) = limit("select event from events limit 3");
    assert_eq!(rows, Some(3));
    assert!(sql.ends_with(" LIMIT 4"), "{sql}");
    let (_, _, sql) = limit("select event from (select event from events)");
    assert_eq!(sql.matches("LIMIT").count(), 1, "{sql}");
    let (_, _, sql) = limit("select 1 union all select 2");
    assert_eq!(sql.matches("LIMIT 101").count(), 2, "{sql}");
}

#[test]
fn nulls_never_decide_a_comparison() {
    for (condition, printed) in [
        ("properties.b = 'x'", "(\"events_0\".\"properties.b\" = 'x')"),
        ("properties.b != 'x'", "(\"events_0\".\"properties.b\" IS DISTINCT FROM 'x')"),
        ("event != 'x'", "(\"events_0\".\"event\" <> 'x')"),
        ("not properties.b = 'x'", "(NOT coalesce((\"events_0\".\"properties.b\" = 'x'), FALSE))"),
        ("properties.b = null", "(\"events_0\".\"properties.b\" IS NULL)"),
        ("properties.b is not null", "(\"events_0\".\"properties.b\" IS NOT NULL)"),
        ("properties.b = properties.c", "(\"events_0\".\"properties.b\" IS NOT DISTINCT FROM \"events_0\".\"properties.c\")"),
        ("properties.b like '%x'", "(\"events_0\".\"properties.b\" LIKE '%x')"),
        ("properties.b not like '%x'", "coalesce((\"events_0\".\"properties.b\" NOT LIKE '%x'), TRUE)"),
        ("properties.b in ('x', 'y')", "(\"events_0\".\"properties.b\" IN ('x', 'y'))"),
        ("properties.b not in ('x', 'y')", "coalesce((\"events_0\".\"properties.b\" NOT IN ('x', 'y')), TRUE)"),
        (
            "properties.b in ('x', null)",
            "(coalesce((\"events_0\".\"properties.b\" IN ('x')), FALSE) OR (\"events_0\".\"properties.b\" IS NULL))",
        ),
        ("properties.b =~ '^x'", "regexp_like(\"events_0\".\"properties.b\", '^x')"),
        ("1 = 1", "(1 = 1)"),
    ] {
        let sql = sql(&format!("select 1 from events where {condition}"));
        assert_eq!(sql.split(" WHERE ").nth(1).unwrap(), printed, "{condition}");
    }
}

#[test]
fn typed_properties_are_read_as_their_type() {
    let printed = print(
        "select 1 from events where properties.price > 5 and properties.paid = 'true' and toFloat(properties.n) < 2 and properties.seen > '2025-01-01'",
    );
    let kinds: Vec<(&str, ColumnKind)> = printed.tables[0].columns.iter().map(|column| (column.name.as_str(), column.kind)).collect();
    assert!(kinds.contains(&("number:properties.price", ColumnKind::Number)), "{kinds:?}");
    assert!(kinds.contains(&("boolean:properties.paid", ColumnKind::Boolean)), "{kinds:?}");
    assert!(kinds.contains(&("number:properties.n", ColumnKind::Number)), "{kinds:?}");
    assert!(kinds.contains(&("properties.seen", ColumnKind::Text)), "{kinds:?}");
    assert!(printed.sql.contains("hog_parse_datetime"), "{}", printed.sql);
}

#[test]
fn persons_follow_the_mode() {
    let text = "select person_id, person.properties.email, person.created_at from events";
    let default = print(text);
    assert_eq!(default.tables.len(), 1);
    let sources: Vec<&ColumnSource> = default.tables[0].columns.iter().map(|column| &column.source).collect();
    assert_eq!(
        sources,
        [
            &ColumnSource::Field("person_id"),
            &ColumnSource::Property { of: PropertyOwner::Person, name: "email".to_owned() },
            &ColumnSource::Field("person_created_at")
        ]
    );
    let stored = print_in(text, &Context { persons_mode: PersonsMode::StoredIdEventProperties, ..context() });
    assert_eq!(stored.tables[0].columns[0].source, ColumnSource::Field("person_id_stored"));
    let joined = print_in(text, &Context { persons_mode: PersonsMode::OverrideIdJoinedProperties, ..context() });
    assert_eq!(joined.tables[1].table, Table::Persons);
    assert!(joined.sql.contains("LEFT JOIN \"persons_1\" ON (\"events_0\".\"person_id\" = \"persons_1\".\"id\")"), "{}", joined.sql);
}

#[test]
fn paths_join_each_table_once() {
    let printed = print(
        "select group_0.properties.name, group_0.key, group_1.properties.name, pdi.person.properties.email from events where group_0.properties.size = 'big'",
    );
    let tables: Vec<Table> = printed.tables.iter().map(|table| table.table).collect();
    assert_eq!(tables, [Table::Events, Table::Groups, Table::Groups, Table::PersonDistinctIds, Table::Persons]);
    assert!(
        printed
            .sql
            .contains("LEFT JOIN \"groups_1\" ON ((\"events_0\".\"$group_0\" = \"groups_1\".\"key\") AND (\"groups_1\".\"index\" = 0))"),
        "{}",
        printed.sql
    );
}

#[test]
fn sessions_are_a_subquery_over_events_with_the_fields_that_are_used() {
    let printed = print("select session.$session_duration from events");
    assert!(printed.sql.contains("LEFT JOIN (SELECT"), "{}", printed.sql);
    assert!(printed.sql.contains("hog_date_diff('second', "), "{}", printed.sql);
    assert!(!printed.sql.contains("$current_url"), "{}", printed.sql);
    let direct = print("select session_id, $pageview_count from sessions where $start_timestamp > '2025-01-01'");
    assert_eq!(direct.tables.len(), 1);
    assert_eq!(direct.tables[0].table, Table::Events);
}

#[test]
fn only_sessions_that_are_named_are_gathered() {
    for text in [
        "select $channel_type from sessions where session_id = 'one'",
        "select $channel_type from sessions where $pageview_count > 0 and id in ('one', 'two')",
        "select session.$channel_type from events where $session_id = 'one'",
    ] {
        let sql = print(text).sql;
        assert!(sql.matches("'one'").count() == 2, "{text}: {sql}");
    }
    for text in [
        "select $channel_type from sessions where session_id != 'one'",
        "select $channel_type from sessions where session_id = 'one' or $pageview_count > 0",
        "select $channel_type from sessions where session_id not in ('one')",
    ] {
        let sql = print(text).sql;
        assert!(sql.matches("'one'").count() == 1, "{text}: {sql}");
    }
}

#[test]
fn sessions_are_gathered_from_days_that_can_matter() {
    let day = |text: &str| Timestamp::parse_rfc3339(text).unwrap();
    let joined = print("select session.$session_duration from events where timestamp >= '2025-03-10' and timestamp < '2025-03-11'");
    assert_eq!(joined.tables[1].time_range, Some((day("2025-03-07T00:00:00Z"), day("2025-03-14T00:00:00Z"))));
    let direct = print("select session_id from sessions where $start_timestamp >= '2025-03-10'");
    assert_eq!(direct.tables[0].time_range.map(|(from, _)| from), Some(day("2025-03-07T00:00:00Z")));
    let unbounded = print("select session.$session_duration from events where event = 'a'");
    assert_eq!(unbounded.tables[1].time_range, None);
}

#[test]
fn what_is_made_of_group_keys_needs_no_aggregate() {
    for text in [
        "select toStartOfDay(timestamp) as day, formatDateTime(day, '%Y'), count() from events group by day",
        "select lower(event), event || 'x', 1, count() / 2 from events group by event order by upper(event), max(timestamp)",
        "select sum(count()) over (order by event) from events group by event",
        "select if(event = 'a', count(), 0) from events group by event",
        "select arrayMap(x -> x + 1, groupArray(1)) from events",
        "select event, count() from events group by rollup(event)",
        "select event, x from events array join ['a'] as x group by event, x",
        "select count() from events having count() > 1",
        "select (select count() from events), count() from events",
    ] {
        sql(text);
    }
}

#[test]
fn aliases_are_seen_everywhere_in_their_select() {
    let sql = sql(
        "select toStartOfDay(timestamp) as day, count() as total from events where day > '2025-01-01' group by day having total > 1 order by total desc, day",
    );
    assert_eq!(sql.matches("hog_start_of").count(), 3, "{sql}");
    assert!(sql.ends_with("ORDER BY 2 DESC NULLS LAST, 1 ASC NULLS LAST"), "{sql}");
}

#[test]
fn an_alias_inside_its_own_definition_is_the_column() {
    let sql = sql("select lower(event) as event from events where event = 'a'");
    assert_eq!(sql, "SELECT lower(\"events_0\".\"event\") AS \"event\" FROM \"events_0\" WHERE (lower(\"events_0\".\"event\") = 'a')");
}

#[test]
fn stars_expand_to_visible_columns() {
    let names = |text: &str| print(text).columns.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names("select event, * exclude (properties) from events limit 1 by event")[..3], ["event", "uuid", "event"]);
    let events = names("select * from events");
    assert_eq!(&events[..4], ["uuid", "event", "properties", "timestamp"]);
    assert!(events.contains(&"person_id".to_owned()) && !events.contains(&"person".to_owned()));
    assert_eq!(names("select * exclude (properties) from groups"), ["index", "key", "created_at", "updated_at"]);
    assert_eq!(names("select p.* from events e join person_distinct_ids p on p.distinct_id = e.distinct_id"), ["distinct_id", "person_id"]);
    assert_eq!(names("select columns('^\\\\$group') from events").len(), 5);
}

#[test]
fn instants_that_are_known_become_constants() {
    for condition in [
        "now() - interval 1 hour",
        "toDateTime('2025-03-12 14:20:30')",
        "'2025-03-12 14:20:30'",
        "toDateTime('2025-03-12 15:20:30', 'Europe/Berlin')",
        "subtractHours(now(), 1)",
    ] {
        let printed = print(&format!("select 1 from events where timestamp >= {condition}"));
        assert_eq!(printed.tables[0].time_range.unwrap().0, Timestamp::parse_rfc3339("2025-03-12T14:20:30Z").unwrap(), "{condition}");
    }
    let printed = print("select 1 from events where timestamp >= toStartOfWeek(now()) and timestamp < today() + interval 1 day");
    assert_eq!(
        printed.tables[0].time_range,
        Some((Timestamp::parse_rfc3339("2025-03-09T00:00:00Z").unwrap(), Timestamp::parse_rfc3339("2025-03-13T00:00:00Z").unwrap()))
    );
}

#[test]
fn texts_are_read_in_the_projects_time_zone() {
    let tokyo = Context { timezone: "Asia/Tokyo".parse().unwrap(), ..context() };
    let printed = print_in("select toStartOfDay(timestamp), timestamp from events where timestamp >= '2025-03-12'", &tokyo);
    assert_eq!(printed.tables[0].time_range.unwrap().0, Timestamp::parse_rfc3339("2025-03-11T15:00:00Z").unwrap());
    assert!(printed.sql.contains("hog_start_of('day', 1, \"events_0\".\"timestamp\", 'Asia/Tokyo', false)"), "{}", printed.sql);
    assert_eq!(printed.columns[1].1, "DateTime64(6, 'Asia/Tokyo')");
}

#[test]
fn hints_take_only_what_must_hold() {
    let events = |text: &str| print(text).tables[0].events.clone();
    assert_eq!(events("select 1 from events where event in ('a', 'b') and event != 'a'"), Some(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(
        events("select 1 from events where event = 'a' or (event = 'b' and properties.x = '1')"),
        Some(vec!["a".to_owned(), "b".to_owned()])
    );
    assert_eq!(events("select 1 from events where event = 'a' or properties.x = '1'"), None);
    assert_eq!(events("select 1 from events where not (event = 'a')"), None);
    let range = |text: &str| print(text).tables[0].time_range;
    assert_eq!(range("select 1 from events where timestamp > '2025-01-01' or event = 'a'"), None);
    assert!(range("select 1 from (select event, timestamp from events where timestamp > '2025-01-01')").is_some());
}

#[test]
fn hostile_names_and_constants_stay_what_they_are() {
    let hostile = [
        "'",
        "\"",
        "`",
        "\\",
        "\\'",
        "--",
        "/*",
        "*/",
        "#",
        ";",
        "'; DROP TABLE events; --",
        "\" OR 1=1 --",
        "a\"b'c`d\\e",
        "\n",
        "\0",
        "{x}",
        "$1",
        "?",
        "ü'\"",
        "%",
        "') or ('1'='1",
        "\u{202e}",
        "",
    ];
    let plain =
        resolve(parse("select properties.name from events where properties.name = 'value' and event = 'value'").unwrap(), &context())
            .unwrap();
    for name in hostile {
        for value in hostile {
            let tree = query::ast::Select::from_table("events")
                .column(Expr::field(["properties", name]))
                .and_where(Expr::eq(Expr::field(["properties", name]), Expr::constant(value)))
                .and_where(Expr::eq(Expr::field(["event"]), Expr::constant(value)));
            let text = query::ast::Query::from(tree.clone()).to_string();
            assert_eq!(parse(&text).unwrap_or_else(|error| panic!("{text}: {error:?}")), tree.clone().into(), "{text}");
            let resolved = resolve(tree.into(), &context()).unwrap();
            assert_eq!(resolved.tables[0].columns.len(), plain.tables[0].columns.len());
            // Outside of quotes, the SQL is that of a harmless query.
            assert_eq!(skeleton(&print_datafusion(&resolved).sql), skeleton(&print_datafusion(&plain).sql), "{name:?} {value:?}");
        }
    }
}

/// The SQL without what is between quotes, read as standard SQL reads it: a doubled quote is a quote.
fn skeleton(sql: &str) -> String {
    let mut out = String::new();
    let mut chars = sql.chars().peekable();
    while let Some(c) = chars.next() {
        out.push(c);
        if c == '\'' || c == '"' {
            loop {
                match chars.next() {
                    None => panic!("an open quote in {sql}"),
                    Some(next) if next == c && chars.peek() == Some(&c) => drop(chars.next()),
                    Some(next) if next == c => break,
                    Some(_) => {}
                }
            }
            out.push(c);
        }
    }
    out
}

#[test]
fn property_columns_never_share_a_name_with_others() {
    let printed = print(
        "select event, properties.event, toFloat(properties.x), properties.`number:x`, person.properties.x, properties.x, properties from events",
    );
    let mut names: Vec<&str> = printed.tables[0].columns.iter().map(|column| column.name.as_str()).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn query_bombs_are_refused() {
    let doubling =
        (1..40).map(|at| format!("a{at} as (select * from a{0} union all select * from a{0})", at - 1)).collect::<Vec<_>>().join(", ");
    refusal(&format!("with a0 as (select event from events), {doubling} select * from a39"));
    let aliases = (1..40).map(|at| format!("x{0} + x{0} as x{at}", at - 1)).collect::<Vec<_>>().join(", ");
    refusal(&format!("select 1 as x0, {aliases}"));
    refusal(&format!("select {} from events", vec!["event"; 10_000].join(", ")));
    let joins = (0..100).map(|at| format!(" cross join events e{at}")).collect::<String>();
    refusal(&format!("select 1 from events{joins}"));
    refusal("select x as y, y as x");
    refusal("select match('a', 'a{1000}{1000}{1000}')");
}

#[test]
fn queries_nested_as_deep_as_they_may_be_are_resolved() {
    let depth = 28;
    let text = format!("{}select event from events{}", "select event from (".repeat(depth), ")".repeat(depth));
    sql(&text);
    sql(&format!("select {}1{}", "(1 + ".repeat(40), ")".repeat(40)));
    sql(&format!("select {}1", "1 + ".repeat(100)));
}

#[test]
fn limit_by_numbers_rows_within_each_key() {
    let sql = sql("select event, timestamp from events order by timestamp desc limit 2 by event limit 10");
    assert_eq!(
        sql,
        "SELECT \"numbered_2\".\"event\" AS \"event\", \"numbered_2\".\"timestamp\" AS \"timestamp\" FROM (SELECT \"rows_1\".\"event\" AS \"event\", \"rows_1\".\"timestamp\" AS \"timestamp\", \
         row_number() OVER (PARTITION BY \"rows_1\".\"event\" ORDER BY \"rows_1\".\"timestamp\" DESC NULLS LAST) AS \"row number\" FROM (SELECT \"events_0\".\"event\" AS \"event\", \
         \"events_0\".\"timestamp\" AS \"timestamp\" FROM \"events_0\") AS \"rows_1\") AS \"numbered_2\" \
         WHERE (\"numbered_2\".\"row number\" <= 2) ORDER BY 2 DESC NULLS LAST LIMIT 10"
    );
}
