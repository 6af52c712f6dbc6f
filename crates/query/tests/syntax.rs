//! What HogQL texts are, and where the others stop being one.

use query::ast::{ArithmeticOp, CompareOp, Constant, Expr, ExprKind, GroupBy, JoinKind, Query, Select, TableSource};
use query::{SyntaxError, parse, parse_expr};

const ACCEPTED: &str = include_str!("accepted.sql");

/// Statements, separated by empty lines.
fn accepted() -> impl Iterator<Item = &'static str> {
    ACCEPTED.split("\n\n").map(str::trim).filter(|statement| !statement.is_empty())
}

fn expr(text: &str) -> Expr {
    parse_expr(text).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

fn select(text: &str) -> Select {
    match parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}")) {
        Query::Select(select) => *select,
        Query::Set(_) => panic!("{text} is a set operation"),
    }
}

#[test]
fn every_accepted_statement_parses() {
    let mut count = 0;
    for statement in accepted() {
        if let Err(error) = parse(statement) {
            panic!("{statement}\n{error:?}");
        }
        count += 1;
    }
    assert!(count >= 110, "only {count} statements");
}

#[test]
fn what_is_printed_parses_to_the_same_tree() {
    for statement in accepted() {
        let tree = parse(statement).unwrap();
        let printed = tree.to_string();
        match parse(&printed) {
            Ok(again) => assert_eq!(again, tree, "{statement}\n{printed}"),
            Err(error) => panic!("{statement}\n{printed}\n{error:?}"),
        }
        assert_eq!(parse(&printed).unwrap().to_string(), printed, "printing is not stable");
    }
}

/// Statement, and the byte where the mistake begins.
const REJECTED: &[(&str, usize)] = &[
    ("", 0),
    ("select", 6),
    ("selec 1", 0),
    ("select from events", 7),
    ("select 1 from", 13),
    ("select 1 from events where", 26),
    ("select 1 from events where and 1", 27),
    ("select 1 +", 10),
    ("select * from events limit", 26),
    ("select 1 from events group", 21),
    ("select 1 from events group by", 29),
    ("select 1 from events order by", 29),
    ("select (1", 9),
    ("select 1)", 8),
    ("select [1, 2", 12),
    ("select 'abc", 7),
    ("select `abc", 7),
    ("select \"abc", 7),
    ("select f'abc {1", 7),
    ("select 1 /* never closed", 9),
    ("select a ? b", 12),
    ("select a ? b : ", 15),
    ("select case end", 15),
    ("select case when 1 then 2", 25),
    ("select case when 1 2 end", 19),
    ("select cast(1 as)", 16),
    ("select cast(1)", 13),
    ("select interval 'some day'", 16),
    ("select interval 1 lightyear", 18),
    ("select extract(fortnight from x)", 25),
    ("select x between 1", 18),
    ("select x between 1 or 2", 19),
    ("select x is 5", 12),
    ("select x not 5", 13),
    ("select count( from events", 14),
    ("select count(*) over (partition timestamp)", 22),
    ("select sum(x) over (rows between 1 and 2)", 35),
    ("select 1 from (events", 21),
    ("select 1 from events natural join persons", 21),
    ("select 1 from events e using (a)", 23),
    ("select 1 union", 14),
    ("select 1 union all select", 25),
    ("select 1; select 2", 10),
    ("select 1 from events sample", 27),
    ("select 12ab", 7),
    ("select 0xzz", 7),
    ("select {a", 9),
    ("select ∞", 7),
    ("select 1 from events limit 1 limit 2", 36),
    ("select <Sparkline data={1} />", 7),
    ("with a as select 1", 17),
    ("with a as (select 1", 19),
    ("select x -> ", 12),
    ("select (x + 1, y) -> x", 21),
    ("select 1 from events order by x with fill", 32),
    ("insert into events values (1)", 0),
    ("drop table events", 0),
    ("select 1 from events where x = ", 31),
    ("select , 1", 7),
    ("select 1,, 2", 9),
    ("select a.", 9),
    ("select a[1", 10),
    ("select a.b.", 11),
    ("select 1 as", 11),
    ("select 1 into outfile 'x'", 9),
    ("select 1 format JSON", 9),
    ("select cast(1, 'a b')", 15),
    ("select x::`a b`", 10),
    ("select ((select 1) union)", 24),
];

#[test]
fn rejected_statements_say_where() {
    for (statement, start) in REJECTED {
        match parse(statement) {
            Ok(tree) => panic!("{statement} parses to {tree}"),
            Err(SyntaxError { message, start: found, end }) => {
                assert_eq!(found, *start, "{statement}: {message}");
                assert!(found <= end && end <= statement.len().max(found + 1), "{statement}: {found}..{end}");
                assert!(!message.is_empty());
            }
        }
    }
}

#[test]
fn operators_bind_as_in_clickhouse() {
    for (text, same) in [
        ("1 + 2 * 3", "1 + (2 * 3)"),
        ("1 - 2 - 3", "(1 - 2) - 3"),
        ("a or b and c", "a or (b and c)"),
        ("not a = b", "not (a = b)"),
        ("not a and b", "(not a) and b"),
        ("a = 1 and b between 1 and 2 and c", "(a = 1) and (b between 1 and 2) and c"),
        ("a || b = c", "(a || b) = c"),
        ("a ? b : c ? d : e", "a ? b : (c ? d : e)"),
        ("a = b ? c : d", "(a = b) ? c : d"),
        ("-a * b", "(-a) * b"),
        ("a + b::Float", "a + (b::Float)"),
        ("a like 'x' or b", "(a like 'x') or b"),
        ("a in (1, 2) and b", "(a in (1, 2)) and b"),
        ("a is null and b", "(a is null) and b"),
        ("a ?? b or c", "(a ?? b) or c"),
        ("a ?? b = c", "a ?? (b = c)"),
        ("a.b[1].c", "((a.b)[1]).c"),
        ("x -> x + 1 = 2", "x -> ((x + 1) = 2)"),
    ] {
        assert_eq!(expr(text), expr(same), "{text}");
    }
}

#[test]
fn spellings_of_one_thing_are_one_tree() {
    for (text, same) in [
        ("a ? b : c", "if(a, b, c)"),
        ("a ?? b", "ifNull(a, b)"),
        ("a || b", "concat(a, b)"),
        ("case when a then b else c end", "if(a, b, c)"),
        ("case when a then b when c then d end", "multiIf(a, b, c, d, null)"),
        ("case x when 1 then b else c end", "if(x = 1, b, c)"),
        ("interval 3 days", "toIntervalDay(3)"),
        ("INTERVAL '2 week'", "toIntervalWeek(2)"),
        ("extract(day from x)", "toDayOfMonth(x)"),
        ("a == b", "a = b"),
        ("a <> b", "a != b"),
        ("f'hi {name}!'", "concat('hi ', name, '!')"),
        ("f'{f'{x}'}'", "concat(concat(x))"),
        ("date '2025-01-01'", "toDate('2025-01-01')"),
        ("timestamp '2025-01-01'", "toDateTime('2025-01-01')"),
        ("a ~ 'x'", "a =~ 'x'"),
        ("a?.b", "a.b"),
        ("properties?.['x']", "properties['x']"),
        ("trim(both 'x' from y)", "trim(y, 'x')"),
        ("a is not distinct from b", "a <=> b"),
        ("0x1F", "31"),
        ("0b101", "5"),
        ("'it''s'", "'it\\'s'"),
    ] {
        assert_eq!(expr(text), expr(same), "{text}");
    }
}

#[test]
fn literals_have_their_values() {
    let constant = |text: &str| match expr(text).kind {
        ExprKind::Constant(constant) => constant,
        other => panic!("{text} is {other:?}"),
    };
    assert_eq!(constant("-5"), Constant::Int(-5));
    assert_eq!(constant("1e5"), Constant::Float(1e5));
    assert_eq!(constant(".5"), Constant::Float(0.5));
    assert_eq!(constant("1."), Constant::Float(1.0));
    assert_eq!(constant("99999999999999999999"), Constant::Float(1e20));
    assert_eq!(constant("-inf"), Constant::Float(f64::NEG_INFINITY));
    assert_eq!(constant("TRUE"), Constant::Bool(true));
    assert_eq!(constant("Null"), Constant::Null);
    assert_eq!(constant(r"'a\n\t\\\'\d'"), Constant::String("a\n\t\\'\\d".to_owned()));
    assert_eq!(constant("'ünï'"), Constant::String("ünï".to_owned()));
}

#[test]
fn paths_keep_their_parts() {
    for (text, parts) in [
        ("properties.$browser", vec!["properties", "$browser"]),
        ("properties.`x y`", vec!["properties", "x y"]),
        ("\"a b\".c", vec!["a b", "c"]),
        ("properties.a.1.b", vec!["properties", "a", "1", "b"]),
        ("properties.list.1.2", vec!["properties", "list", "1", "2"]),
        ("person.properties.email", vec!["person", "properties", "email"]),
        ("timestamp", vec!["timestamp"]),
        ("date", vec!["date"]),
        ("group", vec!["group"]),
    ] {
        assert_eq!(expr(text), Expr::field(parts), "{text}");
    }
}

#[test]
fn keywords_are_names_where_they_cannot_be_keywords() {
    let query = select(
        "select key, first, last, value, date, timestamp, interval, end, properties.from, properties.select from events where limit = 1 and order.x = 2",
    );
    assert_eq!(query.columns.len(), 10);
    assert!(query.filter.is_some());
}

#[test]
fn a_trailing_comma_ends_the_select_list() {
    assert_eq!(select("select a, b, from events").columns.len(), 2);
    assert_eq!(select("select a, b,").columns.len(), 2);
}

#[test]
fn aliases_need_no_as_in_the_select_list() {
    let query = select("select count() c, event 'x', event as 'quoted name', a `b c` from events".replace("event 'x', ", "").as_str());
    let names: Vec<_> = query.columns.iter().map(|column| column.alias().unwrap()).collect();
    assert_eq!(names, ["c", "quoted name", "b c"]);
}

#[test]
fn joins_know_their_kind() {
    let query = select("select 1 from a left outer join b on a.x = b.x, c cross join d inner any join e using (x, y)");
    let joins = query.from.unwrap().joins;
    let kinds: Vec<JoinKind> = joins.iter().map(|join| join.kind).collect();
    assert_eq!(kinds, [JoinKind::Left, JoinKind::Cross, JoinKind::Cross, JoinKind::Inner]);
}

#[test]
fn clauses_land_in_their_places() {
    let query = select(
        "with x as (select 1) select distinct a from events as e final sample 1/10 offset 0.5 left array join arr as item prewhere p where w group by all having h \
         window win as (partition by a) qualify q order by a desc nulls first limit 2 offset 1 by a, b limit 10 offset 5",
    );
    assert_eq!(query.ctes.len(), 1);
    assert!(query.distinct && query.prewhere.is_some() && query.filter.is_some() && query.having.is_some() && query.qualify.is_some());
    assert_eq!(query.group_by, GroupBy::All);
    assert!(query.array_join.unwrap().left);
    let table = query.from.unwrap().first;
    assert_eq!((table.source, table.alias.as_deref(), table.is_final), (TableSource::Table(vec!["events".to_owned()]), Some("e"), true));
    let sample = table.sample.unwrap();
    assert_eq!((sample.ratio, sample.offset), (0.1, Some(0.5)));
    assert_eq!(query.order_by[0].nulls_first, Some(true));
    assert_eq!(query.limit_by.unwrap().by.len(), 2);
    assert_eq!((query.limit, query.offset), (Some(Expr::constant(10)), Some(Expr::constant(5))));
}

#[test]
fn limit_with_a_comma_names_the_limit_first() {
    let query = select("select 1 limit 5, 10");
    assert_eq!((query.limit, query.offset), (Some(Expr::constant(5)), Some(Expr::constant(10))));
}

#[test]
fn built_trees_equal_parsed_ones() {
    let built = Select::from_table("events")
        .column(Expr::field(["properties", "$browser"]).aliased("browser"))
        .column(Expr::call("count", []))
        .and_where(Expr::eq(Expr::field(["event"]), Expr::constant("$pageview")))
        .and_where(Expr::compare(
            CompareOp::Gt,
            Expr::arithmetic(ArithmeticOp::Add, Expr::field(["a"]), Expr::constant(1)),
            Expr::constant(2),
        ))
        .group_by([Expr::field(["browser"])])
        .order_by([Expr::call("count", []).descending()])
        .limit(5);
    let parsed = parse("select properties.$browser as browser, count() from events where event = '$pageview' and a + 1 > 2 group by browser order by count() desc limit 5").unwrap();
    assert_eq!(Query::from(built), parsed);
}

#[test]
fn placeholders_are_replaced_and_listed() {
    let mut query = parse("select {variables.x} from events where {filters} and event in {names}").unwrap();
    assert_eq!(query::ast::placeholders(&query), ["variables.x", "filters", "names"]);
    let values = [("filters".to_owned(), Expr::constant(true)), ("variables.x".to_owned(), Expr::constant("a' OR 1=1 --"))].into();
    query::ast::substitute(&mut query, &values);
    assert_eq!(query.to_string(), r"SELECT 'a\' OR 1=1 --' FROM events WHERE true AND event IN {names}");
}

#[test]
fn deep_and_long_texts_are_errors() {
    let deep = |open: &str, close: &str, count: usize| format!("select {}1{}", open.repeat(count), close.repeat(count));
    for bomb in [
        deep("(", ")", 100_000),
        deep("(", ")", 500),
        deep("[", "]", 500),
        deep("not ", "", 500),
        deep("-", "", 100_000),
        deep("f(", ")", 500),
        deep("if(1, 2, ", ")", 500),
        deep("(select ", ")", 500),
        deep("x -> ", "", 500),
        deep("1 ? 2 : ", "", 500),
        deep("case when 1 then ", " end", 500),
        deep("f'{", "}'", 200),
        format!("select {}1", "1 + ".repeat(100_000)),
        format!("select a{}", "[1]".repeat(100_000)),
        format!("select a{}", "::Int".repeat(100_000)),
        format!("select a{}", " is null".repeat(100_000)),
        format!("select 1{}", " union all select 1".repeat(10_000)),
        format!("select 1 from a{}", " cross join a".repeat(10_000)),
        format!("select {}", "(1".repeat(400_000)),
        format!("select cast(1 as {}Int{})", "Array(".repeat(500), ")".repeat(500)),
    ] {
        let error = parse(&bomb).unwrap_err();
        assert!(error.message.contains("deep") || error.message.contains("expected"), "{}", error.message);
    }
    assert!(parse(&format!("select '{}'", "x".repeat(2 << 20))).is_err());
}

#[test]
fn long_chains_of_and_are_flat() {
    let terms = vec!["(event = 'a')"; 20_000].join(" or ");
    let query = parse(&format!("select 1 from events where {terms}")).unwrap();
    let Query::Select(select) = query else { panic!() };
    assert!(matches!(select.filter.unwrap().kind, ExprKind::Or(terms) if terms.len() == 20_000));
}

#[test]
fn nesting_that_people_write_is_fine() {
    let text = format!("select {}1{}", "(1 + ".repeat(40), ")".repeat(40));
    let tree = parse(&text).unwrap();
    assert_eq!(parse(&tree.to_string()).unwrap(), tree);
}
