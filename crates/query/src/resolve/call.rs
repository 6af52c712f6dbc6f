//! Function calls: which function, with what arguments, and the few that become something else than a call.

use super::compare::{check_regex, is_null};
use super::convert::parse_type;
use super::expr::tuple;
use super::{Resolver, Result, error, failure};
use crate::ast::*;
use crate::functions::{Function, Role, Want};
use crate::time::Unit;
use crate::typed::*;

impl Resolver<'_> {
    pub(super) fn call(&mut self, call: &Call, span: Span) -> Result<Typed> {
        if call.over.is_none() && call.filter.is_none() && call.params.is_empty() {
            if let Some(done) = self.special(call, span)? {
                return Ok(done);
            }
        }
        if let Some(function) = Function::callable_by_name(&call.name) {
            return match function.role {
                Role::Scalar => self.scalar_call(function, call, span),
                Role::Aggregate | Role::Window => self.aggregate_call(function, call, &call.args, None, span),
            };
        }
        match self.combined(call, span)? {
            Some(typed) => Ok(typed),
            None => error(span, format!("Unsupported function call '{}(...)'", shorten(&call.name))),
        }
    }

    fn scalar_call(&mut self, function: &'static Function, call: &Call, span: Span) -> Result<Typed> {
        if call.over.is_some() || call.filter.is_some() || call.distinct || !call.params.is_empty() || !call.order_by.is_empty() {
            return error(span, format!("Function '{}' is not an aggregate", call.name));
        }
        check_count(function, &call.name, call.args.len(), span)?;
        let mut args = Vec::with_capacity(call.args.len() + 1);
        for (at, arg) in call.args.iter().enumerate() {
            args.push(self.argument(function.want(at), arg)?);
        }
        if matches!(function.name, "match" | "extract" | "extractAll" | "replaceRegexpAll" | "replaceRegexpOne" | "splitByRegexp")
            && let Some(pattern) = args.get(if function.name == "splitByRegexp" { 0 } else { 1 })
        {
            check_regex(pattern, span)?;
        }
        self.finish_scalar(function, args, span)
    }

    fn finish_scalar(&mut self, function: &'static Function, mut args: Vec<Typed>, span: Span) -> Result<Typed> {
        match function.name {
            "least" | "greatest" | "coalesce" | "ifNull" => {
                let kind = args.iter().fold(Type::Null, |kind, arg| kind.common(&arg.kind));
                args = args.into_iter().map(|arg| self.convert(arg, &kind)).collect();
            }
            "plus" | "minus" | "multiply" | "modulo" if args.iter().any(|arg| arg.kind == Type::Float) => {
                args = args.into_iter().map(|arg| self.to_float(arg)).collect();
            }
            "nullIf" => {
                let right = args.remove(1);
                let kind = args[0].kind.clone();
                args.push(self.convert(right, &kind));
            }
            "has" | "indexOf" | "countEqual" | "arrayPushBack" | "arrayPushFront" => {
                if let (Type::Array(item), Some(one)) = (args[0].kind.clone(), args.pop()) {
                    let one = if item.kind == Type::Null { one } else { self.convert(one, &item.kind) };
                    args.push(one);
                }
            }
            "hasAny" | "hasAll" | "arrayConcat" | "arrayIntersect" => {
                let kind = args.iter().fold(Type::Null, |kind, arg| kind.common(&arg.kind));
                args = args.into_iter().map(|arg| self.convert(arg, &kind)).collect();
            }
            "map" => {
                if args.len() % 2 == 1 {
                    return error(span, "map takes pairs of key and value");
                }
                let common = |at: usize| args.iter().skip(at).step_by(2).fold(Type::Null, |kind, arg| kind.common(&arg.kind));
                let kinds = [common(0), common(1)];
                args = args.into_iter().enumerate().map(|(at, arg)| self.convert(arg, &kinds[at % 2])).collect();
            }
            "mapKeys" | "mapValues" | "mapContains" => {
                let Type::Map(key, _) = args[0].kind.clone() else {
                    return error(span, format!("{} takes a map, not a {}", function.name, args[0].kind));
                };
                if let Some(wanted) = (args.len() > 1).then(|| args.remove(1)) {
                    args.push(self.convert(wanted, &key.kind));
                }
            }
            "identity" => return Ok(args.remove(0)),
            "concatWithSeparator" if args.iter().any(Typed::is_null) => return Ok(Typed::constant(Constant::Null, Type::String)),
            _ => {}
        }
        if function.zoned {
            let zone = args.iter().find(|arg| arg.kind == Type::DateTime).map_or_else(|| self.zone(), |arg| self.zone_of(arg));
            args.push(zone);
        }
        if args.iter().any(|arg| arg.kind == Type::Lambda) {
            return error(span, format!("Function '{}' does not take a lambda", function.name));
        }
        let column = function.result(&args[..args.len() - usize::from(function.zoned)]);
        let typed = Typed { kind: column.kind, nullable: column.nullable, ..self.scalar(function.name, args) };
        Ok(super::fold::fold(typed, self.context))
    }

    pub(super) fn argument(&mut self, want: Want, expr: &Expr) -> Result<Typed> {
        if want == Want::Unit {
            let name = match &expr.kind {
                ExprKind::Field(path) if path.len() == 1 => Some(path[0].clone()),
                ExprKind::Constant(Constant::String(text)) => Some(text.clone()),
                _ => None,
            };
            return match name.as_deref().and_then(Unit::parse) {
                Some(unit) => Ok(Typed::text(unit.name())),
                None => error(expr.span, "Expected a unit of time, such as 'day'"),
            };
        }
        if want == Want::Truth {
            return self.condition(expr, false);
        }
        let typed = self.expr(expr)?;
        self.wanted(want, typed, expr.span)
    }

    fn wanted(&mut self, want: Want, typed: Typed, span: Span) -> Result<Typed> {
        if typed.kind.is_compound() && matches!(want, Want::Number | Want::Int | Want::Float | Want::Time) {
            return error(span, format!("Illegal type {} of an argument", typed.kind));
        }
        Ok(match want {
            Want::Any | Want::Unit => typed,
            Want::Text => self.to_text(typed),
            Want::Number => self.to_number(typed),
            Want::Int => self.to_int(typed),
            Want::Float => self.to_float(typed),
            Want::Time => self.to_date_time(typed),
            Want::Truth => self.to_truth(typed, span)?,
            Want::Array => self.to_array(typed, span)?,
        })
    }

    pub(super) fn aggregate_call(
        &mut self,
        function: &'static Function,
        call: &Call,
        args: &[Expr],
        condition: Option<&Expr>,
        span: Span,
    ) -> Result<Typed> {
        let over = call.over.as_ref();
        if function.role == Role::Window && over.is_none() {
            if matches!(function.name, "first_value" | "last_value") {
                let usual = if function.name == "first_value" { "any" } else { "anyLast" };
                let function = Function::find(usual).ok_or_else(|| failure(span, "A missing function"))?;
                return self.aggregate_call(function, call, args, condition, span);
            }
            return error(span, format!("Function '{}' needs OVER (...)", call.name));
        }
        if over.is_none() && self.scope().in_aggregate {
            return error(span, format!("Aggregation '{}' cannot be nested inside another aggregation", call.name));
        }
        let counts_rows = function.name == "count" && matches!(args.first().map(|arg| &arg.kind), Some(ExprKind::Star(_)));
        let args = if counts_rows { &[] } else { args };
        let distinct_count = function.name == "count" && call.distinct;
        if !distinct_count {
            check_count(function, &call.name, args.len(), span)?;
        }
        let outer = std::mem::replace(&mut self.scope().in_aggregate, over.is_none());
        let resolved = self.aggregate_parts(function, call, args, condition);
        self.scope().in_aggregate = outer;
        let (mut typed_args, filter, order_by) = resolved?;
        // Several values that are counted together are one tuple.
        if typed_args.len() > 1 && (function.name == "uniq" || distinct_count) {
            typed_args = vec![tuple(typed_args)];
        }
        let params = call.params.iter().map(|param| self.expr(param)).collect::<Result<Vec<_>>>()?;
        check_params(function, &params, span)?;
        let window = over.map(|over| self.window(over, span)).transpose()?;
        let column = function.result(&typed_args);
        let name = if distinct_count { "uniq" } else { function.name };
        let distinct = call.distinct && !distinct_count;
        let call = FunctionCall { name, params, args: typed_args, distinct, filter, order_by, window };
        Ok(Typed::new(Node::Call(Box::new(call)), column.kind, column.nullable))
    }

    pub(super) fn aggregate_parts(
        &mut self,
        function: &'static Function,
        call: &Call,
        args: &[Expr],
        condition: Option<&Expr>,
    ) -> Result<(Vec<Typed>, Option<Typed>, Vec<TypedOrder>)> {
        let mut typed = Vec::with_capacity(args.len());
        for (at, arg) in args.iter().enumerate() {
            typed.push(self.argument(function.want(at), arg)?);
        }
        let mut filters = Vec::new();
        for condition in condition.into_iter().chain(&call.filter) {
            filters.push(self.condition(condition, true)?);
        }
        let filter = match filters.len() {
            0 => None,
            1 => filters.pop(),
            _ => Some(Typed::new(Node::And(filters), Type::Condition, true)),
        };
        let order_by = self.order_by(&call.order_by, None)?;
        Ok((typed, filter, order_by))
    }

    fn window(&mut self, over: &Over, span: Span) -> Result<Window> {
        let spec = match over {
            Over::Spec(spec) => spec.clone(),
            Over::Named(name) => match self.scope().windows.iter().find(|(known, _)| known == name) {
                Some((_, spec)) => spec.clone(),
                None => return error(span, format!("Unknown window: {name}")),
            },
        };
        let partition_by = spec.partition_by.iter().map(|expr| self.expr(expr)).collect::<Result<Vec<_>>>()?;
        let order_by = self.order_by(&spec.order_by, None)?;
        if let Some(frame) = &spec.frame {
            for bound in [Some(&frame.start), frame.end.as_ref()].into_iter().flatten() {
                if let FrameBound::Preceding(rows) | FrameBound::Following(rows) = bound
                    && !matches!(rows.kind, ExprKind::Constant(Constant::Int(rows)) if rows >= 0)
                {
                    return error(rows.span, "The bounds of a window are whole numbers");
                }
            }
        }
        Ok(Window { partition_by, order_by, frame: spec.frame })
    }

    /// Calls that are another node, or whose arguments are not plain values.
    fn special(&mut self, call: &Call, span: Span) -> Result<Option<Typed>> {
        let Some(function) = Function::callable_by_name(&call.name).filter(|function| function.role == Role::Scalar) else {
            return self.special_by_family(call, span);
        };
        let args = call.args.as_slice();
        // Also true for those that other rules need: a condition's NULLs are settled there.
        if matches!(function.name, "like" | "ilike" | "notLike" | "notILike" | "match" | "and" | "or") {
            check_count(function, &call.name, args.len(), span)?;
            let expr = Expr { kind: ExprKind::Call(Box::new(call.clone())), span };
            return self.condition_kind(&expr, false).map(Some);
        }
        let is_special = function.spelling == crate::functions::Spelling::Special;
        if !is_special {
            return Ok(None);
        }
        check_count(function, &call.name, args.len(), span)?;
        self.special_by_name(function, args, span)
    }

    fn special_by_family(&mut self, call: &Call, span: Span) -> Result<Option<Typed>> {
        let two = call.args.len() == 2;
        if two
            && matches!(
                call.name.as_str(),
                "equals"
                    | "notEquals"
                    | "less"
                    | "lessOrEquals"
                    | "greater"
                    | "greaterOrEquals"
                    | "in"
                    | "notIn"
                    | "globalIn"
                    | "globalNotIn"
            )
        {
            let expr = Expr { kind: ExprKind::Call(Box::new(call.clone())), span };
            return self.condition_kind(&expr, false).map(Some);
        }
        if let "toIntOrZero" | "toFloatOrZero" | "toFloatOrDefault" = call.name.as_str()
            && (call.args.len() == 1 || (two && call.name == "toFloatOrDefault"))
        {
            let inner = self.expr(&call.args[0])?;
            let number = if call.name == "toIntOrZero" { self.to_int(inner) } else { self.to_float(inner) };
            let default = match call.args.get(1) {
                Some(default) => self.expr(default)?,
                None => Typed::int(0),
            };
            let kind = number.kind.clone();
            let default = self.convert(default, &kind);
            return Ok(Some(self.scalar("ifNull", vec![number, default])));
        }
        if let ("arrayReduce", true, Some(ExprKind::Constant(Constant::String(aggregate)))) =
            (call.name.as_str(), two, call.args.first().map(|arg| &arg.kind))
        {
            let name = match aggregate.as_str() {
                "sum" => "arraySum",
                "avg" => "arrayAvg",
                "min" => "arrayMin",
                "max" => "arrayMax",
                "count" => "length",
                "uniq" | "uniqExact" => "arrayUniq",
                other => return error(span, format!("arrayReduce does not know '{}'", shorten(other))),
            };
            let array = self.argument(Want::Array, &call.args[1])?;
            return Ok(Some(self.scalar(name, vec![array])));
        }
        for (prefix, negative) in [("add", false), ("subtract", true)] {
            if let Some(unit) =
                call.name.strip_prefix(prefix).filter(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase())).and_then(Unit::parse)
                && two
            {
                let (at, count) = (self.expr(&call.args[0])?, self.expr(&call.args[1])?);
                let count = self.to_int(count);
                return self.add_units(at, unit, count, negative, span).map(Some);
            }
        }
        Ok(None)
    }

    fn special_by_name(&mut self, function: &'static Function, args: &[Expr], span: Span) -> Result<Option<Typed>> {
        Ok(Some(match function.name {
            "not" => {
                let inner = self.condition(&args[0], false)?;
                let nullable = inner.nullable;
                Typed::new(Node::Not(Box::new(inner)), Type::Condition, nullable)
            }
            "if" | "multiIf" => self.case(args, span)?,
            "transform" => self.transform(args, span)?,
            "exists" => match &args[0].kind {
                ExprKind::Subquery(query) => {
                    let query = self.query(query)?;
                    Typed::new(Node::Exists(Box::new(query)), Type::Condition, false)
                }
                _ => return error(span, "exists takes a subquery"),
            },
            "tuple" => tuple(args.iter().map(|arg| self.expr(arg)).collect::<Result<_>>()?),
            "array" => {
                let array = Expr { kind: ExprKind::Array(args.to_vec()), span };
                self.expr(&array)?
            }
            "isNull" | "isNotNull" => is_null(self.expr(&args[0])?, function.name == "isNotNull"),
            "toString" => {
                let inner = self.expr(&args[0])?;
                self.to_text(inner)
            }
            "toInt" => {
                let inner = self.expr(&args[0])?;
                if inner.kind == Type::Float { self.scalar("wholeInt", vec![inner]) } else { self.to_int(inner) }
            }
            "toFloat" => {
                let inner = self.expr(&args[0])?;
                self.to_float(inner)
            }
            "toBool" => {
                let inner = self.expr(&args[0])?;
                Typed { kind: Type::Bool, ..self.to_bool(inner) }
            }
            "toUUID" => {
                let inner = self.expr(&args[0])?;
                let text = self.to_text(inner);
                self.scalar("toUUID", vec![text])
            }
            "assumeNotNull" | "toNullable" => {
                let inner = self.expr(&args[0])?;
                Typed { nullable: function.name == "toNullable", ..inner }
            }
            "reverse" => {
                let inner = self.expr(&args[0])?;
                if matches!(inner.kind, Type::Array(_)) {
                    self.scalar("arrayReverse", vec![inner])
                } else {
                    let text = self.to_text(inner);
                    self.scalar("reverse", vec![text])
                }
            }
            // Digests are written in hexadecimal already; ClickHouse's are bytes.
            "hex" => {
                let inner = self.expr(&args[0])?;
                match &inner.node {
                    Node::Call(call) if matches!(call.name, "MD5" | "SHA256") => self.scalar("upper", vec![inner]),
                    _ => self.scalar("hex", vec![inner]),
                }
            }
            "toTypeName" => {
                let inner = self.expr(&args[0])?;
                Typed::text(&inner.column().name(self.context.timezone))
            }
            "length" | "empty" | "notEmpty" => {
                let inner = self.expr(&args[0])?;
                let inner = match inner.kind {
                    Type::Array(_) | Type::String => inner,
                    Type::Map(..) => self.scalar("mapKeys", vec![inner]),
                    _ => self.to_text(inner),
                };
                self.scalar(function.name, vec![inner])
            }
            "round" => {
                let inner = self.argument(Want::Number, &args[0])?;
                let mut all = vec![inner];
                if let Some(digits) = args.get(1) {
                    all.push(self.argument(Want::Int, digits)?);
                }
                let kind = if matches!(all[0].kind, Type::Int(_)) { all[0].kind.clone() } else { Type::Float };
                Typed { kind, ..self.scalar("round", all) }
            }
            "arrayJoin" => {
                let array = self.expr(&args[0])?;
                let array = self.to_array(array, span)?;
                let at = self.add_array_join(array, None);
                self.array_item(at)
            }
            "tupleElement" => {
                let of = self.expr(&args[0])?;
                match &args[1].kind {
                    ExprKind::Constant(Constant::Int(position)) => self.member(of, &[position.to_string()], span)?,
                    _ => return error(span, "tupleElement takes a position"),
                }
            }
            "JSONExtract" => self.json_extract(args, span)?,
            name if name.starts_with("array") => self.array_function(function, args, span)?,
            name => self.date_function(name, args, span)?,
        }))
    }

    fn case(&mut self, args: &[Expr], span: Span) -> Result<Typed> {
        if args.len() % 2 == 0 {
            return error(span, "multiIf takes pairs of condition and value, and a last value");
        }
        let mut branches = Vec::with_capacity(args.len() / 2);
        for pair in args[..args.len() - 1].chunks(2) {
            branches.push((self.condition(&pair[0], true)?, self.expr(&pair[1])?));
        }
        let otherwise = self.expr(&args[args.len() - 1])?;
        let column = branches.iter().fold(otherwise.column(), |column, (_, value)| column.common(&value.column()));
        let branches = branches.into_iter().map(|(when, value)| (when, self.convert(value, &column.kind))).collect();
        let otherwise = Box::new(self.convert(otherwise, &column.kind));
        Ok(Typed::new(Node::Case { branches, otherwise }, column.kind, column.nullable))
    }

    /// `transform(x, [from…], [to…], otherwise)`
    fn transform(&mut self, args: &[Expr], span: Span) -> Result<Typed> {
        let (ExprKind::Array(from), ExprKind::Array(to)) = (&args[1].kind, &args[2].kind) else {
            return error(span, "transform takes two arrays");
        };
        if from.len() != to.len() {
            return error(span, "The arrays of transform must have the same number of elements");
        }
        let mut pairs = Vec::with_capacity(from.len() * 2 + 1);
        for (from, to) in from.iter().zip(to) {
            pairs.push(Expr { kind: ExprKind::Compare(Box::new(args[0].clone()), CompareOp::Eq, Box::new(from.clone())), span });
            pairs.push(to.clone());
        }
        pairs.push(args.get(3).unwrap_or(&args[0]).clone());
        if pairs.len() == 1 { self.expr(&pairs[0]) } else { self.case(&pairs, span) }
    }

    /// `JSONExtract(text, keys…, 'Type')`
    fn json_extract(&mut self, args: &[Expr], span: Span) -> Result<Typed> {
        let column = match args.last().map(|arg| &arg.kind) {
            Some(ExprKind::Constant(Constant::String(name))) => parse_type(name),
            _ => None,
        };
        let Some(column) = column else { return error(span, "The last argument of JSONExtract is the name of a type") };
        let mut typed = vec![self.argument(Want::Text, &args[0])?];
        for key in &args[1..args.len() - 1] {
            typed.push(self.expr(key)?);
        }
        let nullable = column.nullable || typed[0].nullable;
        let call = self.scalar(if column.nullable { "JSONExtract" } else { "JSONExtractOrDefault" }, typed);
        Ok(Typed { kind: column.kind, nullable, ..call })
    }

    /// Array functions that take a lambda, or may.
    fn array_function(&mut self, function: &'static Function, args: &[Expr], span: Span) -> Result<Typed> {
        let ExprKind::Lambda { params, body } = &args[0].kind else {
            let mut typed = Vec::with_capacity(args.len());
            for arg in args {
                typed.push(self.argument(Want::Array, arg)?);
            }
            if matches!(
                function.name,
                "arrayMap"
                    | "arrayFilter"
                    | "arrayFirst"
                    | "arrayLast"
                    | "arrayFirstIndex"
                    | "arrayLastIndex"
                    | "arraySplit"
                    | "arrayFill"
                    | "arrayFold"
            ) || typed.len() > 1
            {
                return error(span, format!("The first argument of {} is a lambda", function.name));
            }
            return Ok(self.scalar(function.name, typed));
        };
        if function.name == "arrayFold" {
            return self.array_fold(params, body, &args[1..], span);
        }
        let mut arrays = Vec::with_capacity(args.len() - 1);
        for arg in &args[1..] {
            arrays.push(self.argument(Want::Array, arg)?);
        }
        if arrays.is_empty() || params.len() != arrays.len() {
            return error(span, format!("The lambda of {} takes {} parameters for {} arrays", function.name, params.len(), arrays.len()));
        }
        // Several arrays are one array of tuples.
        let several = arrays.len() > 1;
        let array = if several { self.scalar("arrayZip", arrays) } else { arrays.remove(0) };
        let wants_truth = matches!(
            function.name,
            "arrayFilter"
                | "arrayExists"
                | "arrayAll"
                | "arrayCount"
                | "arrayFirst"
                | "arrayLast"
                | "arrayFirstIndex"
                | "arrayLastIndex"
                | "arraySplit"
                | "arrayFill"
        );
        let lambda = self.lambda(params, body, &array, wants_truth)?;
        let result = self.apply_lambda(function.name, lambda, array);
        // What is picked out of several arrays are the elements of the first.
        match (several, function.name) {
            (true, "arrayFilter" | "arraySort" | "arrayReverseSort") => Ok(self.first_of_each(result)),
            (true, "arrayFirst" | "arrayLast") => self.member(result, &["1".to_owned()], span),
            _ => Ok(result),
        }
    }

    fn first_of_each(&mut self, tuples: Typed) -> Typed {
        let Type::Array(item) = &tuples.kind else { return tuples };
        let Type::Tuple(items) = &item.kind else { return tuples };
        let Some(first) = items.first().cloned() else { return tuples };
        let param = format!("item_{}", self.scope().lambdas.len());
        let whole = Typed::new(Node::Param(param.clone()), item.kind.clone(), item.nullable);
        let body = Typed::new(Node::TupleItem { of: Box::new(whole), index: 1 }, first.kind.clone(), first.nullable);
        let lambda = Typed::new(Node::Lambda { params: vec![param], body: Box::new(body) }, Type::Lambda, first.nullable);
        let nullable = tuples.nullable;
        Typed { kind: Type::array(first), nullable, ..self.scalar("arrayMap", vec![lambda, tuples]) }
    }

    fn lambda(&mut self, params: &[String], body: &Expr, array: &Typed, wants_truth: bool) -> Result<Typed> {
        let item = if let Type::Array(item) = &array.kind { (**item).clone() } else { Column::nullable(Type::Null) };
        let depth = self.scope().lambdas.len();
        let param = format!("item_{depth}");
        let whole = Typed::new(Node::Param(param.clone()), item.kind.clone(), item.nullable);
        let bound = match (&item.kind, params) {
            (_, [name]) => vec![(name.clone(), whole)],
            (Type::Tuple(items), names) => names
                .iter()
                .zip(items)
                .enumerate()
                .map(|(at, (name, item))| {
                    (
                        name.clone(),
                        Typed::new(Node::TupleItem { of: Box::new(whole.clone()), index: at + 1 }, item.kind.clone(), item.nullable),
                    )
                })
                .collect(),
            _ => Vec::new(),
        };
        self.scope().lambdas.push(bound);
        let resolved = if wants_truth { self.condition(body, false) } else { self.expr(body) };
        self.scope().lambdas.pop();
        let body = resolved?;
        let nullable = body.nullable;
        Ok(Typed::new(Node::Lambda { params: vec![param], body: Box::new(body) }, Type::Lambda, nullable))
    }

    fn apply_lambda(&mut self, name: &'static str, lambda: Typed, array: Typed) -> Typed {
        let body = if let Node::Lambda { body, .. } = &lambda.node { body.column() } else { Column::nullable(Type::Null) };
        let nullable = array.nullable;
        let array_kind = array.kind.clone();
        let item = if let Type::Array(item) = &array_kind { (**item).clone() } else { Column::nullable(Type::Null) };
        let call = |resolver: &mut Self, name, kind: Type, nullable| Typed {
            kind,
            nullable,
            ..resolver.scalar(name, vec![lambda.clone(), array.clone()])
        };
        match name {
            "arrayMap" => call(self, name, Type::array(body), nullable),
            "arrayFilter" => call(self, name, array_kind, nullable),
            "arrayExists" | "arrayAll" => call(self, name, Type::Condition, nullable),
            "arrayCount" => {
                let kept = call(self, "arrayFilter", array_kind, nullable);
                self.scalar("length", vec![kept])
            }
            "arraySplit" | "arrayFill" => {
                let truths = call(self, "arrayMap", Type::array(Column::new(Type::Bool)), nullable);
                self.scalar(if name == "arraySplit" { "arraySplitTrue" } else { "arrayFillTrue" }, vec![array.clone(), truths])
            }
            "arrayFirst" | "arrayLast" | "arrayFirstIndex" | "arrayLastIndex" => {
                let truths = call(self, "arrayMap", Type::array(Column::new(Type::Bool)), nullable);
                match name {
                    "arrayFirstIndex" => self.scalar("indexOf", vec![truths, Typed::constant(Constant::Bool(true), Type::Bool)]),
                    "arrayLastIndex" => self.scalar("lastIndexOf", vec![truths, Typed::constant(Constant::Bool(true), Type::Bool)]),
                    _ => {
                        let picker = if name == "arrayFirst" { "arrayFirstTrue" } else { "arrayLastTrue" };
                        let found = Typed { kind: item.kind, ..self.scalar(picker, vec![array.clone(), truths]) };
                        if item.nullable { found } else { self.or_default(found) }
                    }
                }
            }
            "arraySort" | "arrayReverseSort" => {
                let keys = call(self, "arrayMap", Type::array(body), nullable);
                self.scalar(if name == "arraySort" { "arraySortBy" } else { "arrayReverseSortBy" }, vec![array.clone(), keys])
            }
            _ => {
                let mapped = call(self, "arrayMap", Type::array(body), nullable);
                self.scalar(name, vec![mapped])
            }
        }
    }
}

pub(super) fn check_count(function: &Function, name: &str, count: usize, span: Span) -> Result<()> {
    let plural = |count: usize| if count == 1 { "argument" } else { "arguments" };
    if count < function.min {
        return error(span, format!("Function '{name}' expects at least {} {}, found {count}", function.min, plural(function.min)));
    }
    if count > function.max {
        return error(span, format!("Function '{name}' expects at most {} {}, found {count}", function.max, plural(function.max)));
    }
    Ok(())
}

pub(super) fn check_params(function: &Function, params: &[Typed], span: Span) -> Result<()> {
    let fraction = |param: &Typed| {
        matches!(param.node, Node::Constant(Constant::Float(value)) if (0.0..=1.0).contains(&value))
            || matches!(param.as_int(), Some(0 | 1))
    };
    let fine = match function.name {
        "quantile" => params.len() <= 1 && params.iter().all(fraction),
        "quantiles" => !params.is_empty() && params.len() <= 100 && params.iter().all(fraction),
        "sequenceMatch" | "sequenceCount" => match params {
            [pattern] => pattern.as_text().is_some_and(|pattern| pattern.len() <= 1_000),
            _ => false,
        },
        "windowFunnel" => matches!(params, [window] if window.as_int().is_some_and(|window| window >= 0)),
        "groupArrayMovingSum" => params.len() <= 1 && params.iter().all(|param| param.as_int().is_some_and(|count| count > 0)),
        "groupArrayMovingAvg" => matches!(params, [window] if window.as_int().is_some_and(|window| window > 0)),
        "groupArray" | "groupUniqArray" | "topK" => {
            params.len() <= 1 && params.iter().all(|param| param.as_int().is_some_and(|count| (1..=100_000).contains(&count)))
        }
        _ => params.is_empty(),
    };
    if fine { Ok(()) } else { error(span, format!("Aggregation '{}' does not take these parameters", function.name)) }
}

pub(super) fn shorten(name: &str) -> String {
    name.chars().take(80).collect()
}
