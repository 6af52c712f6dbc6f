//! SQL for DataFusion. Spelling only: every decision was taken while resolving.
//!
//! Names are generated or quoted, constants are quoted, so nothing of a user's text is read as SQL. Functions named `hog_*` are the
//! engine's own; `hog_eval('name', 'type', …)` computes one row at a time and gives the type: `S` text, `I` integer, `F` float,
//! `B` truth, `U` unsigned integer, `D` date, `T` instant, `[…]` array, `(…)` tuple.

use crate::ast::{CompareOp, Constant, Frame, FrameBound, FrameUnit, JoinKind, SetOperator};
use crate::functions::{Function, Spelling};
use crate::printed::Printed;
use crate::resolve::Resolved;
use crate::time;
use crate::typed::*;
use std::fmt::Write;

mod aggregate;

pub fn print_datafusion(resolved: &Resolved) -> Printed {
    Printed {
        sql: query(&resolved.query),
        tables: resolved.tables.clone(),
        cohorts: resolved.cohorts.clone(),
        columns: resolved.columns.clone(),
    }
}

/// Every name that printed SQL may hand to `hog_eval`, so that an engine can check that it knows them all.
pub fn interpreted_functions() -> Vec<&'static str> {
    let by_printer = [
        "identity",
        "emptyArray",
        "orOneNull",
        "arrayElementOrDefault",
        "windowFunnel",
        "sequenceMatch",
        "sequenceCount",
        "collectArray",
        "collectForEach",
        "collectMap",
        "entropy",
        "deltaSum",
        "skewPop",
        "skewSamp",
        "kurtPop",
        "kurtSamp",
        "groupArrayMovingSum",
        "groupArrayMovingAvg",
        "toString",
        "toFloat",
        "toBool",
        "toUUID",
        "hex",
        "round",
        "JSONExtract",
        "arraySum",
        "arrayAvg",
        "arrayMin",
        "arrayMax",
        "arraySort",
        "arrayReverseSort",
        "arrayExists",
        "arrayAll",
        "arrayCount",
    ];
    Function::interpreted().chain(by_printer).collect()
}

fn query(query: &TypedQuery) -> String {
    match query {
        TypedQuery::Select(one) => crate::on_enough_stack(|| select(one)),
        TypedQuery::Set { first, rest } => {
            let mut sql = branch(first);
            for (operator, query) in rest {
                let words = match operator {
                    SetOperator::UnionAll => "UNION ALL",
                    SetOperator::UnionDistinct => "UNION",
                    SetOperator::Intersect => "INTERSECT ALL",
                    SetOperator::IntersectDistinct => "INTERSECT",
                    SetOperator::Except => "EXCEPT ALL",
                    SetOperator::ExceptDistinct => "EXCEPT",
                };
                sql = format!("{sql} {words} {}", branch(query));
            }
            sql
        }
    }
}

fn branch(one: &TypedQuery) -> String {
    format!("({})", query(one))
}

fn select(select: &TypedSelect) -> String {
    let columns: Vec<String> = select.columns.iter().map(|(name, column)| format!("{} AS {}", expr(column), identifier(name))).collect();
    let mut sql = format!("SELECT {}{}", if select.distinct { "DISTINCT " } else { "" }, columns.join(", "));
    for (at, join) in select.from.iter().enumerate() {
        sql += &if at == 0 { format!(" FROM {}", source(join)) } else { joined(join) };
    }
    clause(&mut sql, "WHERE", &select.filter);
    group_by(&mut sql, select);
    clause(&mut sql, "HAVING", &select.having);
    clause(&mut sql, "QUALIFY", &select.qualify);
    let orders: Vec<String> = select.order_by.iter().filter_map(|order| order_in_select(order, select)).collect();
    if !orders.is_empty() {
        sql += &format!(" ORDER BY {}", orders.join(", "));
    }
    // Writing to a String cannot fail.
    if let Some(limit) = select.limit {
        let _ = write!(sql, " LIMIT {limit}");
    }
    if select.offset > 0 {
        let _ = write!(sql, " OFFSET {}", select.offset);
    }
    sql
}

fn clause(sql: &mut String, keyword: &str, condition: &Option<Typed>) {
    if let Some(condition) = condition {
        *sql += &format!(" {keyword} {}", expr(condition));
    }
}

fn group_by(sql: &mut String, select: &TypedSelect) {
    let keys = |keys: &[Typed]| keys.iter().map(key).collect::<Vec<_>>().join(", ");
    match &select.group_by {
        TypedGroupBy::None => {}
        TypedGroupBy::Keys(all) => *sql += &format!(" GROUP BY {}", keys(all)),
        TypedGroupBy::Rollup(all) => *sql += &format!(" GROUP BY ROLLUP ({})", keys(all)),
        TypedGroupBy::Cube(all) => *sql += &format!(" GROUP BY CUBE ({})", keys(all)),
        TypedGroupBy::Sets(sets) => {
            let sets: Vec<String> = sets.iter().map(|set| format!("({})", keys(set))).collect();
            *sql += &format!(" GROUP BY GROUPING SETS ({})", sets.join(", "));
        }
    }
}

/// A bare integer would be a position.
fn key(key: &Typed) -> String {
    match &key.node {
        Node::Constant(Constant::Int(value)) => cast(&value.to_string(), "Int64"),
        _ => expr(key),
    }
}

/// By position where the expression is selected: an alias and an aggregate are then the same. Constants do not order anything.
fn order_in_select(order: &TypedOrder, select: &TypedSelect) -> Option<String> {
    if matches!(order.expr.node, Node::Constant(_)) {
        return None;
    }
    let position = select.columns.iter().position(|(_, column)| {
        *column == order.expr || matches!(&column.node, Node::Convert(inner) if **inner == order.expr && order.expr.kind.is_truth())
    });
    let key = position.map_or_else(|| expr(&order.expr), |position| (position + 1).to_string());
    Some(format!("{key} {}", direction(order)))
}

fn direction(order: &TypedOrder) -> String {
    format!("{} NULLS {}", if order.descending { "DESC" } else { "ASC" }, if order.nulls_first { "FIRST" } else { "LAST" })
}

fn source(join: &TypedJoin) -> String {
    let name = identifier(&join.name);
    match &join.source {
        Source::Table => name,
        Source::Query(inner) => format!("({}) AS {name}", query(inner)),
        Source::Numbers { from, count } => {
            format!("(SELECT value AS \"number\" FROM range({from}, {})) AS {name}", from.saturating_add(*count))
        }
        Source::Values { columns, rows } => {
            let rows: Vec<String> = rows.iter().map(|row| format!("({})", list(row))).collect();
            let columns: Vec<String> = columns.iter().map(|column| identifier(column)).collect();
            format!("(VALUES {}) AS {name} ({})", rows.join(", "), columns.join(", "))
        }
        Source::Unnest { inner, arrays, keep_empty } => {
            let columns: Vec<String> =
                inner.columns.iter().map(|(column, expr)| unnested(column, &expr.kind, arrays.contains(column), *keep_empty)).collect();
            format!("(SELECT {} FROM ({}) AS \"rows\") AS {name}", columns.join(", "), select(inner))
        }
    }
}

fn unnested(column: &str, kind: &Type, is_array: bool, keep_empty: bool) -> String {
    let column = identifier(column);
    match (is_array, keep_empty) {
        (false, _) => column,
        (true, false) => format!("unnest({column}) AS {column}"),
        (true, true) => format!("unnest(hog_eval('orOneNull', {}, {column})) AS {column}", text(&code(kind))),
    }
}

fn joined(join: &TypedJoin) -> String {
    let kind = match join.kind {
        TypedJoinKind::Plain(JoinKind::Inner) => "INNER JOIN",
        TypedJoinKind::Plain(JoinKind::Left) | TypedJoinKind::LeftAny => "LEFT JOIN",
        TypedJoinKind::Plain(JoinKind::Right) => "RIGHT JOIN",
        TypedJoinKind::Plain(JoinKind::Full) => "FULL JOIN",
        TypedJoinKind::Plain(JoinKind::Cross) => "CROSS JOIN",
        TypedJoinKind::Semi => "LEFT SEMI JOIN",
        TypedJoinKind::Anti => "LEFT ANTI JOIN",
    };
    match &join.on {
        Some(on) => format!(" {kind} {} ON {}", source(join), expr(on)),
        None if join.kind == TypedJoinKind::Plain(JoinKind::Cross) => format!(" {kind} {}", source(join)),
        None => format!(" CROSS JOIN {}", source(join)),
    }
}

fn list(exprs: &[Typed]) -> String {
    exprs.iter().map(expr).collect::<Vec<_>>().join(", ")
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// One expression that can stand beside any operator.
fn expr(typed: &Typed) -> String {
    crate::on_enough_stack(|| node(typed))
}

fn node(typed: &Typed) -> String {
    match &typed.node {
        Node::Constant(value) => constant(value, &typed.kind),
        Node::Column { source, name } => format!("{}.{}", identifier(source), identifier(name)),
        Node::Param(name) => identifier(name),
        Node::Call(one) => call(one, typed),
        Node::And(terms) => chain(terms, " AND "),
        Node::Or(terms) => chain(terms, " OR "),
        Node::Not(inner) => format!("(NOT {})", expr(inner)),
        Node::Compare(left, op, right) => compare(&expr(left), *op, &expr(right)),
        Node::OrFalse(inner) => match &inner.node {
            // A condition around an IN (SELECT …) keeps it from becoming a join.
            Node::InQuery { expr: left, .. } => format!("({} IS NOT NULL AND {})", expr(left), expr(inner)),
            _ => format!("coalesce({}, FALSE)", expr(inner)),
        },
        Node::OrTrue(inner) => match &inner.node {
            Node::InQuery { expr: left, .. } => format!("({} IS NULL OR {})", expr(left), expr(inner)),
            _ => format!("coalesce({}, TRUE)", expr(inner)),
        },
        Node::IsNull { expr: inner, negated } => format!("({} IS {}NULL)", expr(inner), if *negated { "NOT " } else { "" }),
        Node::InList { expr: inner, list: items, negated } => {
            format!("({} {}IN ({}))", expr(inner), if *negated { "NOT " } else { "" }, list(items))
        }
        Node::InQuery { expr: inner, query: inside, negated } => {
            let column = inside.columns().into_iter().next();
            let name = column.as_ref().map_or_else(String::new, |(name, _)| identifier(name));
            // NOT IN over a NULL would be unknown for every row.
            let sql = match column {
                Some((_, column)) if column.nullable => {
                    format!("SELECT {name} FROM ({}) AS \"list\" WHERE {name} IS NOT NULL", query(inside))
                }
                _ => query(inside),
            };
            format!("({} {}IN ({sql}))", expr(inner), if *negated { "NOT " } else { "" })
        }
        Node::Exists(inside) => format!("EXISTS ({})", query(inside)),
        Node::Subquery(inside) => format!("({})", query(inside)),
        Node::Convert(inner) => convert(inner, &typed.kind),
        Node::Case { branches, otherwise } => {
            let mut sql = "CASE".to_owned();
            for (when, then) in branches {
                sql += &format!(" WHEN {} THEN {}", expr(when), expr(then));
            }
            format!("({sql} ELSE {} END)", expr(otherwise))
        }
        Node::Array(items) if items.is_empty() => format!("hog_eval('emptyArray', {})", text(&code(&typed.kind))),
        Node::Array(items) => format!("make_array({})", list(items)),
        Node::Tuple(items) if items.is_empty() => "NULL".to_owned(),
        Node::Tuple(items) => {
            let items: Vec<String> = items.iter().enumerate().map(|(at, item)| format!("'{}', {}", at + 1, expr(item))).collect();
            format!("named_struct({})", items.join(", "))
        }
        Node::TupleItem { of, index } => format!("get_field({}, '{index}')", expr(of)),
        Node::Lambda { params, body } => {
            format!("({}) -> {}", params.iter().map(|param| identifier(param)).collect::<Vec<_>>().join(", "), expr(body))
        }
    }
}

fn chain(terms: &[Typed], between: &str) -> String {
    format!("({})", terms.iter().map(expr).collect::<Vec<_>>().join(between))
}

const INSTANT: &str = "Timestamp(Microsecond, Some(\"UTC\"))";

fn constant(value: &Constant, kind: &Type) -> String {
    match value {
        Constant::Null => match arrow_type(kind) {
            Some(name) => cast("NULL", name),
            None if *kind == Type::DateTime => format!("arrow_cast(NULL, {})", text(INSTANT)),
            None => "NULL".to_owned(),
        },
        Constant::Bool(flag) => if *flag { "TRUE" } else { "FALSE" }.to_owned(),
        Constant::Int(i64::MIN) => cast("'-9223372036854775808'", "Int64"),
        Constant::Int(value) if *value < 0 => format!("({value})"),
        Constant::Int(value) => value.to_string(),
        Constant::Float(value) if !value.is_finite() => cast(&format!("'{value}'"), "Float64"),
        Constant::Float(value) => cast(&text(&format!("{value:?}")), "Float64"),
        Constant::String(value) => text(value),
        Constant::Timestamp(at) if *kind == Type::Date => cast(&text(&time::date_of(*at, chrono_tz::Tz::UTC).to_string()), "Date32"),
        Constant::Timestamp(at) => format!("arrow_cast({}, {})", at.0, text(INSTANT)),
    }
}

/// Not `CAST`, because DataFusion names `sum(CAST(x AS DOUBLE))` and `sum(x)` alike, and then refuses a select that has both.
fn cast(sql: &str, arrow_type: &str) -> String {
    format!("arrow_cast({sql}, '{arrow_type}')")
}

fn arrow_type(kind: &Type) -> Option<&'static str> {
    Some(match kind {
        Type::Bool | Type::Condition => "Boolean",
        Type::Int(_) => "Int64",
        Type::Float => "Float64",
        Type::String | Type::Uuid => "Utf8",
        Type::Date => "Date32",
        _ => return None,
    })
}

fn convert(inner: &Typed, kind: &Type) -> String {
    match arrow_type(kind) {
        Some(name) => cast(&expr(inner), name),
        None => format!("hog_eval('identity', {}, {})", text(&code(kind)), expr(inner)),
    }
}

/// The type, as `hog_eval` takes it.
pub(crate) fn code(kind: &Type) -> String {
    match kind {
        Type::Bool | Type::Condition => "B".to_owned(),
        Type::Int(_) | Type::Interval(_) => "I".to_owned(),
        Type::Float => "F".to_owned(),
        Type::Date => "D".to_owned(),
        Type::DateTime => "T".to_owned(),
        Type::String | Type::Uuid | Type::Null | Type::Lambda => "S".to_owned(),
        Type::Array(item) => format!("[{}]", code(&item.kind)),
        Type::Tuple(items) => format!("({})", items.iter().map(|item| code(&item.kind)).collect::<String>()),
        Type::Map(key, value) => format!("{{{}{}}}", code(&key.kind), code(&value.kind)),
    }
}

fn compare(left: &str, op: CompareOp, right: &str) -> String {
    let symbol = match op {
        CompareOp::Eq => "=",
        CompareOp::NotEq => "<>",
        CompareOp::Lt => "<",
        CompareOp::LtEq => "<=",
        CompareOp::Gt => ">",
        CompareOp::GtEq => ">=",
        CompareOp::Like => "LIKE",
        CompareOp::NotLike => "NOT LIKE",
        CompareOp::ILike => "ILIKE",
        CompareOp::NotILike => "NOT ILIKE",
        CompareOp::NullSafeEq => "IS NOT DISTINCT FROM",
        CompareOp::NullSafeNotEq => "IS DISTINCT FROM",
        CompareOp::Regex => return format!("regexp_like({left}, {right})"),
        CompareOp::NotRegex => return format!("(NOT regexp_like({left}, {right}))"),
        CompareOp::IRegex => return format!("regexp_like({left}, {right}, 'i')"),
        CompareOp::NotIRegex => return format!("(NOT regexp_like({left}, {right}, 'i'))"),
        CompareOp::In => "IN",
        CompareOp::NotIn => "NOT IN",
        CompareOp::InCohort => return format!("hog_in_cohort({left}, {right})"),
        CompareOp::NotInCohort => return format!("(NOT hog_in_cohort({left}, {right}))"),
    };
    format!("({left} {symbol} {right})")
}

fn call(call: &FunctionCall, typed: &Typed) -> String {
    let Some(function) = Function::find(call.name) else { return "NULL".to_owned() };
    if function.role != crate::functions::Role::Scalar {
        return aggregate::call(call, function, typed);
    }
    match function.spelling {
        Spelling::Call(name) => format!("{name}({})", list(&call.args)),
        Spelling::Template(template) => fill(template, &call.args, ""),
        Spelling::Eval if call.name == "arrayElement" && !typed.nullable => eval("arrayElementOrDefault", &call.args, &typed.kind),
        Spelling::Eval => eval(call.name, &call.args, &typed.kind),
        Spelling::Special => special(call, typed),
    }
}

fn eval(name: &str, args: &[Typed], kind: &Type) -> String {
    let args: String = args.iter().map(|arg| format!(", {}", expr(arg))).collect();
    // Hashes use all 64 bits; other counts fit a signed integer, with which engines compute more simply.
    let code = if name.ends_with("Hash64") { "U".to_owned() } else { code(kind) };
    format!("hog_eval({}, {}{args})", text(name), text(&code))
}

fn fill(template: &str, args: &[Typed], after: &str) -> String {
    let mut sql = String::with_capacity(template.len() + 32);
    let mut rest = template;
    let mut placed = false;
    while let Some(at) = rest.find('$') {
        sql += &rest[..at];
        match rest.as_bytes().get(at + 1) {
            Some(b'*') => sql += &list(args),
            Some(b'f') => {
                placed = true;
                sql += after;
            }
            Some(digit) => {
                let arg = args.get(usize::from(digit.wrapping_sub(b'0')));
                sql += &arg.map_or_else(|| "NULL".to_owned(), expr);
            }
            None => {}
        }
        rest = &rest[(at + 2).min(rest.len())..];
    }
    sql += rest;
    if placed { sql } else { sql + after }
}

fn special(call: &FunctionCall, typed: &Typed) -> String {
    let args = call.args.as_slice();
    let first = || args.first().map_or_else(|| "NULL".to_owned(), expr);
    let kind = args.first().map_or(&Type::Null, |arg| &arg.kind);
    match (call.name, kind) {
        ("toString", Type::Int(_)) => cast(&first(), "Utf8"),
        ("toString", Type::Condition) => cast(&cast(&first(), "Int64"), "Utf8"),
        ("toString", Type::Bool) => cast(&first(), "Utf8"),
        ("toFloat", Type::String) => format!("hog_to_float({})", first()),
        ("toFloat", Type::DateTime) => format!("({} / 1000000)", cast(&format!("hog_epoch({}, 1)", first()), "Float64")),
        ("toFloat", Type::Date) => cast(&cast(&first(), "Int32"), "Float64"),
        ("toInt", Type::String) => format!("hog_to_int({})", first()),
        ("toInt", Type::Float) => format!("TRY_CAST(trunc({}) AS BIGINT)", first()),
        ("toInt", Type::DateTime) => format!("hog_epoch({}, 1000000)", first()),
        ("toInt", Type::Date) => cast(&cast(&first(), "Int32"), "Int64"),
        ("toBool", Type::Int(_) | Type::Float) => format!("({} <> 0)", first()),
        ("toDate", _) => format!("hog_to_date({})", list(args)),
        ("toDateTime", Type::Date) => format!("hog_midnight({})", list(args)),
        ("parseDateTime", _) => format!("hog_parse_datetime({})", list(args)),
        ("length", Type::Array(_)) => cast(&format!("coalesce(array_length({}), 0)", first()), "Int64"),
        ("length", _) => cast(&format!("octet_length({})", first()), "Int64"),
        ("empty", Type::Array(_)) => format!("(coalesce(array_length({}), 0) = 0)", first()),
        ("notEmpty", Type::Array(_)) => format!("(coalesce(array_length({}), 0) > 0)", first()),
        ("empty", _) => format!("({} = '')", first()),
        ("notEmpty", _) => format!("({} <> '')", first()),
        ("reverse", _) => format!("reverse({})", first()),
        ("round", Type::Int(_)) if args.len() == 1 => first(),
        ("arrayMap", Type::Lambda) => format!("array_transform({}, {})", expr(&args[1]), first()),
        ("arrayFilter", Type::Lambda) => format!("array_filter({}, {})", expr(&args[1]), first()),
        ("arrayExists", Type::Lambda) => format!("coalesce(array_any_match({}, {}), FALSE)", expr(&args[1]), first()),
        ("arrayAll", Type::Lambda) => match &args[0].node {
            Node::Lambda { params, body } => {
                let params: Vec<String> = params.iter().map(|param| identifier(param)).collect();
                format!("(NOT coalesce(array_any_match({}, ({}) -> (NOT {})), FALSE))", expr(&args[1]), params.join(", "), expr(body))
            }
            _ => "NULL".to_owned(),
        },
        _ => eval(call.name, args, &typed.kind),
    }
}

fn window(window: &Window) -> String {
    let mut parts = Vec::new();
    if !window.partition_by.is_empty() {
        let keys: Vec<String> = window.partition_by.iter().map(key).collect();
        parts.push(format!("PARTITION BY {}", keys.join(", ")));
    }
    if !window.order_by.is_empty() {
        let orders: Vec<String> = window.order_by.iter().map(|order| format!("{} {}", key(&order.expr), direction(order))).collect();
        parts.push(format!("ORDER BY {}", orders.join(", ")));
    }
    parts.extend(window.frame.as_ref().map(frame));
    format!(" OVER ({})", parts.join(" "))
}

fn frame(frame: &Frame) -> String {
    let unit = match frame.unit {
        FrameUnit::Rows => "ROWS",
        FrameUnit::Range => "RANGE",
        FrameUnit::Groups => "GROUPS",
    };
    let bound = |bound: &FrameBound| {
        let rows = |rows: &crate::ast::Expr| rows.to_string();
        match bound {
            FrameBound::UnboundedPreceding => "UNBOUNDED PRECEDING".to_owned(),
            FrameBound::Preceding(count) => format!("{} PRECEDING", rows(count)),
            FrameBound::CurrentRow => "CURRENT ROW".to_owned(),
            FrameBound::Following(count) => format!("{} FOLLOWING", rows(count)),
            FrameBound::UnboundedFollowing => "UNBOUNDED FOLLOWING".to_owned(),
        }
    };
    let end = frame.end.as_ref().map_or_else(|| "CURRENT ROW".to_owned(), bound);
    format!("{unit} BETWEEN {} AND {end}", bound(&frame.start))
}
