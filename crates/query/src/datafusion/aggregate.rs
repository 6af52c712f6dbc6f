use super::{code, direction, eval, expr, fill, key, list, text, window};
use crate::functions::{Function, Spelling};
use crate::typed::*;

pub fn call(call: &FunctionCall, function: &Function, typed: &Typed) -> String {
    let kind = &typed.kind;
    let after = after(call, &[]);
    match function.spelling {
        Spelling::Call(name) => format!("{name}({}){after}", list(&call.args)),
        Spelling::Template(template) => fill(template, &call.args, &after),
        Spelling::Eval => eval(call.name, &call.args, kind),
        Spelling::Special => special(call, typed),
    }
}

/// `FILTER (WHERE …) OVER (…)`; rows where one of `present` is NULL are left out as well.
fn after(call: &FunctionCall, present: &[&Typed]) -> String {
    let mut terms: Vec<String> = present.iter().filter(|arg| arg.nullable).map(|arg| format!("({} IS NOT NULL)", expr(arg))).collect();
    terms.extend(call.filter.iter().map(expr));
    let filter = if terms.is_empty() { String::new() } else { format!(" FILTER (WHERE {})", terms.join(" AND ")) };
    filter + &call.window.as_ref().map(window).unwrap_or_default()
}

fn special(call: &FunctionCall, typed: &Typed) -> String {
    let kind = &typed.kind;
    let plain = after(call, &[]);
    let distinct = if call.distinct { "DISTINCT " } else { "" };
    // Of no rows, `-OrNull` answers NULL.
    let counted = |count: String| if typed.nullable { format!("nullif({count}, 0)") } else { count };
    let Some(first) = call.args.first() else { return counted(format!("count(*){plain}")) };
    let value = expr(first);
    let present = after(call, &[first]);
    match call.name {
        "count" => counted(format!("count({distinct}{value}){plain}")),
        "uniq" => counted(format!("count(DISTINCT {value}){plain}")),
        "sum" if typed.nullable => format!("sum({distinct}{value}){plain}"),
        "sum" => {
            format!("coalesce(sum({distinct}{value}){plain}, {})", if *kind == Type::Float { "arrow_cast('0', 'Float64')" } else { "0" })
        }
        "min" | "max" => or_default(&format!("{}({value}){plain}", call.name), first, typed),
        "any" => or_default(&format!("first_value({value}{}){present}", order_by(call)), first, typed),
        "anyLast" => or_default(&format!("last_value({value}{}){present}", order_by(call)), first, typed),
        "argMin" | "argMax" => {
            let by = &call.args[1];
            let order = if call.name == "argMin" { "ASC" } else { "DESC" };
            let sql = format!("first_value({value} ORDER BY {} {order} NULLS LAST){}", key(by), after(call, &[first, by]));
            if by.nullable { sql } else { or_default(&sql, first, typed) }
        }
        "median" => format!("percentile_cont({value}, 0.5){present}"),
        "quantile" => format!("percentile_cont({value}, {}){present}", fraction(call.params.first())),
        "quantiles" => {
            let items: Vec<String> =
                call.params.iter().map(|param| format!("percentile_cont({value}, {}){present}", fraction(Some(param)))).collect();
            format!("make_array({})", items.join(", "))
        }
        "groupArray" => limited(&format!("array_agg({distinct}{value}{}){present}", order_by(call)), call, kind),
        "groupUniqArray" => {
            let sorted = if matches!(first.kind, Type::Array(_) | Type::Tuple(_)) {
                String::new()
            } else {
                format!(" ORDER BY {} ASC NULLS LAST", key(first))
            };
            limited(&format!("array_agg(DISTINCT {}{sorted}){present}", key(first)), call, kind)
        }
        "topK" => most_frequent(&value, &present, call, kind),
        "windowFunnel" => {
            let fields: Vec<String> = call.args.iter().enumerate().map(|(at, arg)| format!("'{}', {}", at + 1, expr(arg))).collect();
            over_all(call, &format!("array_agg(named_struct({})){present}", fields.join(", ")), kind)
        }
        "sequenceMatch" | "sequenceCount" => {
            let pattern = call.params.first().and_then(Typed::as_text).unwrap_or_default();
            let at = format!("'1', hog_epoch({}, 1)", expr(first));
            let conditions = call.args[1..].iter().enumerate().map(|(at, arg)| format!("'{}', {}", at + 2, expr(arg)));
            let fields: Vec<String> = std::iter::once(at).chain(conditions).collect();
            let rows = format!("array_agg(named_struct({})){present}", fields.join(", "));
            format!("hog_eval({}, {}, {}, {rows})", text(call.name), text(&code(kind)), text(pattern))
        }
        "collectArray" | "collectForEach" | "collectMap" => {
            let params: String = call.params.iter().map(|param| format!(", {}", expr(param))).collect();
            format!("hog_eval({}, {}{params}, array_agg({value}){present})", text(call.name), text(&code(kind)))
        }
        "retention" => {
            let met = |condition: &Typed| format!("coalesce(bool_or({}){plain}, FALSE)", expr(condition));
            let began = met(first);
            let others = call.args[1..].iter().map(|condition| super::cast(&format!("({began} AND {})", met(condition)), "Int64"));
            let all: Vec<String> = std::iter::once(super::cast(&began, "Int64")).chain(others).collect();
            format!("make_array({})", all.join(", "))
        }
        "entropy" | "deltaSum" | "skewPop" | "skewSamp" | "kurtPop" | "kurtSamp" => {
            let values = format!("array_agg({value}){present}");
            format!("hog_eval({}, {}, {values})", text(call.name), text(&code(kind)))
        }
        "groupArrayMovingSum" | "groupArrayMovingAvg" => over_all(call, &format!("array_agg({value}){present}"), kind),
        "anyHeavy" => {
            let array = Type::array(Column::new(kind.clone()));
            format!("hog_eval('arrayElement', {}, {}, 1)", text(&code(kind)), most_frequent(&value, &present, call, &array))
        }
        _ => "NULL".to_owned(),
    }
}

fn most_frequent(value: &str, present: &str, call: &FunctionCall, kind: &Type) -> String {
    let count = if call.name == "anyHeavy" { 1 } else { call.params.first().and_then(Typed::as_int).unwrap_or(10) };
    format!("hog_eval('mostFrequent', {}, {count}, array_agg({value}){present})", text(&code(kind)))
}

/// The interpreter's function of the parameter and of all values.
fn over_all(call: &FunctionCall, values: &str, kind: &Type) -> String {
    let param = call.params.first().and_then(Typed::as_int).unwrap_or(0);
    format!("hog_eval({}, {}, {param}, {values})", text(call.name), text(&code(kind)))
}

fn order_by(call: &FunctionCall) -> String {
    if call.order_by.is_empty() {
        return String::new();
    }
    let orders: Vec<String> = call.order_by.iter().map(|order| format!("{} {}", key(&order.expr), direction(order))).collect();
    format!(" ORDER BY {}", orders.join(", "))
}

/// No rows make an empty array, and `groupArray(n)` at most n elements.
fn limited(array: &str, call: &FunctionCall, kind: &Type) -> String {
    let array = match call.params.first().and_then(Typed::as_int) {
        Some(count) => format!("array_slice({array}, 1, {count})"),
        None => array.to_owned(),
    };
    format!("coalesce({array}, hog_eval('emptyArray', {}))", text(&code(kind)))
}

fn fraction(param: Option<&Typed>) -> String {
    match param.map(|param| &param.node) {
        Some(Node::Constant(crate::ast::Constant::Float(value))) => format!("{value:?}"),
        Some(Node::Constant(crate::ast::Constant::Int(value))) => format!("{value}.0"),
        _ => "0.5".to_owned(),
    }
}

/// Of no rows, ClickHouse answers the type's default where the column cannot be NULL.
fn or_default(sql: &str, arg: &Typed, result: &Typed) -> String {
    let default = match &arg.kind {
        _ if arg.nullable || result.nullable => return sql.to_owned(),
        Type::Int(_) => "0".to_owned(),
        Type::Float => "arrow_cast('0', 'Float64')".to_owned(),
        Type::String => "''".to_owned(),
        Type::Date => super::cast("'1970-01-01'", "Date32"),
        Type::DateTime => super::constant(&crate::ast::Constant::Timestamp(model::Timestamp::EPOCH), &Type::DateTime),
        Type::Bool | Type::Condition => "FALSE".to_owned(),
        _ => return sql.to_owned(),
    };
    format!("coalesce({sql}, {default})")
}
