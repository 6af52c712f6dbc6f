//! Suffixes of aggregates: `sumIf`, `avgOrNull`, `uniqArray`, `sumMap`, `quantileMerge` …, and folds over arrays.

use super::call::check_params;
use super::expr::tuple;
use super::{Resolver, Result, error};
use crate::ast::*;
use crate::functions::{Function, Role, Want};
use crate::typed::*;

/// What an aggregate runs over instead of its argument.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Over {
    /// The elements of all arrays; also the states that `-State` makes, which are arrays of values.
    Elements,
    /// The first elements, the second elements …
    Positions,
    /// The values of each key.
    Keys,
}

/// Aggregates that the engine can compute over what is inside of arrays and maps.
const INSIDE: &[&str] =
    &["count", "sum", "avg", "min", "max", "uniq", "any", "anyLast", "median", "quantile", "groupArray", "groupUniqArray"];

impl Resolver<'_> {
    /// `sumIf`, `avgOrNull`, `countIfOrDefault` …
    pub(super) fn combined(&mut self, call: &Call, span: Span) -> Result<Option<Typed>> {
        let mut name = call.name.as_str();
        let mut args = call.args.as_slice();
        let mut filter = None;
        let mut default = None;
        let mut distinct = false;
        let mut over = None;
        let mut keeps_state = false;
        loop {
            if let Some(function) = Function::find(name).filter(|function| function.role == Role::Aggregate) {
                let call = Call { distinct: call.distinct || distinct, ..call.clone() };
                let typed = match over {
                    _ if keeps_state => self.state(&call, args, filter, span)?,
                    Some(over) => self.aggregate_inside(function, over, &call, args, filter, span)?,
                    None => self.aggregate_call(function, &call, args, filter, span)?,
                };
                return Ok(Some(match default {
                    Some(true) => self.or_default(typed),
                    Some(false) => Typed { nullable: true, ..typed },
                    None => typed,
                }));
            }
            if let Some(rest) = name.strip_suffix("If") {
                let Some((condition, others)) = args.split_last() else {
                    return error(span, format!("Function '{}' needs a condition", call.name));
                };
                if filter.is_some() {
                    return Ok(None);
                }
                (name, args, filter) = (rest, others, Some(condition));
            } else if let Some(rest) = name.strip_suffix("OrNull") {
                (name, default) = (rest, Some(false));
            } else if let Some(rest) = name.strip_suffix("OrDefault") {
                (name, default) = (rest, Some(true));
            } else if let Some(rest) = name.strip_suffix("Distinct") {
                (name, distinct) = (rest, true);
            } else if let Some((rest, found)) = inside(name).filter(|_| over.is_none() && !keeps_state) {
                (name, over) = (rest, Some(found));
            } else if let Some(rest) = name.strip_suffix("State").filter(|_| over.is_none() && !keeps_state) {
                (name, keeps_state) = (rest, true);
            } else {
                return Ok(None);
            }
        }
    }

    pub(super) fn or_default(&mut self, typed: Typed) -> Typed {
        let default = match &typed.kind {
            Type::Int(_) | Type::Condition => Typed::int(0),
            Type::Float => Typed::constant(Constant::Float(0.0), Type::Float),
            Type::String => Typed::text(""),
            _ => return typed,
        };
        let kind = typed.kind.clone();
        let filled = self.scalar("ifNull", vec![typed, Typed { kind: kind.clone(), ..default }]);
        Typed { kind, nullable: false, ..filled }
    }

    /// The values that an aggregate would run over, for `-Merge` to run over later.
    fn state(&mut self, call: &Call, args: &[Expr], filter: Option<&Expr>, span: Span) -> Result<Typed> {
        let Some(collect) = Function::find("groupArray") else { return error(span, "A missing function") };
        let values = match args {
            [] => Expr::constant(1i64),
            [one] if matches!(one.kind, ExprKind::Star(_)) => Expr::constant(1i64),
            [one] => one.clone(),
            _ => return error(span, format!("Function '{}' with several arguments is not supported", call.name)),
        };
        let plain = Call { params: Vec::new(), distinct: false, ..call.clone() };
        self.aggregate_call(collect, &plain, &[values], filter, span)
    }

    fn aggregate_inside(
        &mut self,
        function: &'static Function,
        over: Over,
        call: &Call,
        args: &[Expr],
        filter: Option<&Expr>,
        span: Span,
    ) -> Result<Typed> {
        if !INSIDE.contains(&function.name) {
            return error(span, format!("Unsupported function call '{}(...)'", super::call::shorten(&call.name)));
        }
        // `sumMap(keys, values)` answers two arrays as well.
        if let (Over::Keys, [keys, values]) = (over, args) {
            let map = Expr {
                kind: ExprKind::Call(Box::new(Call {
                    name: "mapFromArrays".to_owned(),
                    args: vec![keys.clone(), values.clone()],
                    ..Call::default()
                })),
                span,
            };
            let summed = self.aggregate_inside(function, over, call, &[map], filter, span)?;
            let (keys, values) = (self.scalar("mapKeys", vec![summed.clone()]), self.scalar("mapValues", vec![summed]));
            return Ok(tuple(vec![keys, values]));
        }
        let [arg] = args else { return error(span, format!("Function '{}' expects 1 argument, found {}", call.name, args.len())) };
        let Some(collect) = Function::find(match over {
            Over::Elements => "collectArray",
            Over::Positions => "collectForEach",
            Over::Keys => "collectMap",
        }) else {
            return error(span, "A missing function");
        };
        let plain = Call { params: Vec::new(), distinct: false, ..call.clone() };
        let typed = self.aggregate_call(collect, &plain, std::slice::from_ref(arg), filter, span)?;
        let Node::Call(mut made) = typed.node else { return error(span, "A missing function") };
        let (key, item) = match (over, made.args[0].kind.clone()) {
            (Over::Keys, Type::Map(key, value)) => (Some(key), *value),
            (Over::Elements | Over::Positions, Type::Array(item)) => (None, *item),
            (_, kind) => return error(span, format!("Function '{}' does not take a {kind}", call.name)),
        };
        let params = call.params.iter().map(|param| self.expr(param)).collect::<Result<Vec<_>>>()?;
        check_params(function, &params, span)?;
        let wanted = match function.want(0) {
            Want::Number | Want::Float if !item.kind.is_number() => Type::Float,
            _ => item.kind.clone(),
        };
        let result = function.result(&[Typed::new(Node::Param(String::new()), wanted, false)]);
        let name = if call.distinct { "uniq" } else { function.name };
        made.params = std::iter::once(Typed::text(name))
            .chain([params.into_iter().next().unwrap_or_else(|| Typed::constant(Constant::Float(0.5), Type::Float))])
            .collect();
        // Of no values, averages and extremes are NULL.
        let nullable = !matches!(function.name, "count" | "sum" | "uniq" | "groupArray" | "groupUniqArray");
        let column = Column { kind: result.kind, nullable };
        let kind = match (over, key) {
            (Over::Elements, _) => return Ok(Typed::new(Node::Call(made), column.kind, nullable)),
            (_, Some(key)) => Type::Map(key, Box::new(column)),
            (_, None) => Type::array(column),
        };
        Ok(Typed::new(Node::Call(made), kind, false))
    }

    /// `arrayFold((acc, x) -> acc + x, array, start)`: the folds that are an aggregate over the array.
    pub(super) fn array_fold(&mut self, params: &[String], body: &Expr, args: &[Expr], span: Span) -> Result<Typed> {
        let Some(((start, arrays), (acc, items))) = args.split_last().zip(params.split_first()) else {
            return error(span, "arrayFold takes a lambda, arrays and a first value");
        };
        let is_acc = |expr: &Expr| matches!(&expr.kind, ExprKind::Field(path) if path.len() == 1 && path[0] == *acc);
        let uses_acc = |expr: &Expr| {
            let mut found = false;
            expr.clone().visit_mut(&mut |inner| found |= is_acc(inner));
            found
        };
        let split = |left: &Expr, right: &Expr, ordered: bool| match (is_acc(left), is_acc(right)) {
            (true, _) if !uses_acc(right) => Some(right.clone()),
            (_, true) if !ordered && !uses_acc(left) => Some(left.clone()),
            _ => None,
        };
        let (operation, each) = match &body.kind {
            ExprKind::Arithmetic(left, ArithmeticOp::Add, right) => ("plus", split(left, right, false)),
            ExprKind::Arithmetic(left, ArithmeticOp::Subtract, right) => ("minus", split(left, right, true)),
            ExprKind::Arithmetic(left, ArithmeticOp::Multiply, right) => ("multiply", split(left, right, false)),
            ExprKind::Call(call) => match (call.name.as_str(), call.args.as_slice()) {
                (name @ ("plus" | "multiply" | "greatest" | "least"), [left, right]) => (name, split(left, right, false)),
                (name @ ("minus" | "concat" | "arrayPushBack"), [left, right]) => (name, split(left, right, true)),
                _ => ("", None),
            },
            _ => ("", None),
        };
        let Some(each) = each else {
            return error(
                body.span,
                "This lambda of arrayFold is not supported. It can be acc + …, acc - …, acc * …, greatest(acc, …), least(acc, …), concat(acc, …) or arrayPushBack(acc, …)",
            );
        };
        let (whole, over) = match operation {
            "plus" => ("plus", "arraySum"),
            "minus" => ("minus", "arraySum"),
            "multiply" => ("multiply", "arrayProduct"),
            "greatest" => ("greatest", "arrayMax"),
            "least" => ("least", "arrayMin"),
            "concat" => ("concat", "arrayStringConcat"),
            _ => ("arrayConcat", ""),
        };
        let mapped = Expr::call("arrayMap", std::iter::once(Expr::lambda(items.iter().cloned(), each)).chain(arrays.iter().cloned()));
        let rest = if over.is_empty() { mapped } else { Expr::call(over, [mapped]) };
        self.expr(&Expr { span, ..Expr::call(whole, [start.clone(), rest]) })
    }
}

fn inside(name: &str) -> Option<(&str, Over)> {
    let suffixes = [("ForEach", Over::Positions), ("Array", Over::Elements), ("Merge", Over::Elements), ("Map", Over::Keys)];
    suffixes.into_iter().find_map(|(suffix, over)| Some((name.strip_suffix(suffix)?, over)))
}
