//! Constructors for trees that features write themselves.

use super::*;

impl Expr {
    pub fn new(kind: ExprKind) -> Expr {
        Expr { kind, span: Span::default() }
    }

    pub fn field<S: Into<String>>(path: impl IntoIterator<Item = S>) -> Expr {
        Expr::new(ExprKind::Field(path.into_iter().map(Into::into).collect()))
    }

    pub fn constant(value: impl Into<Constant>) -> Expr {
        Expr::new(ExprKind::Constant(value.into()))
    }

    pub fn null() -> Expr {
        Expr::constant(Constant::Null)
    }

    pub fn star() -> Expr {
        Expr::new(ExprKind::Star(Star::default()))
    }

    pub fn call(name: &str, args: impl IntoIterator<Item = Expr>) -> Expr {
        Expr::new(ExprKind::Call(Box::new(Call { name: name.to_owned(), args: args.into_iter().collect(), ..Call::default() })))
    }

    /// `name(params)(args)`, as in `quantile(0.9)(x)`.
    pub fn parametric(name: &str, params: impl IntoIterator<Item = Expr>, args: impl IntoIterator<Item = Expr>) -> Expr {
        Expr::new(ExprKind::Call(Box::new(Call {
            name: name.to_owned(),
            params: params.into_iter().collect(),
            args: args.into_iter().collect(),
            ..Call::default()
        })))
    }

    /// `count(DISTINCT x)`
    pub fn count_distinct(expr: Expr) -> Expr {
        Expr::new(ExprKind::Call(Box::new(Call { name: "count".to_owned(), args: vec![expr], distinct: true, ..Call::default() })))
    }

    /// All of the terms; `true` when there are none.
    pub fn and(terms: impl IntoIterator<Item = Expr>) -> Expr {
        let mut terms: Vec<Expr> = terms.into_iter().collect();
        match terms.len() {
            0 => Expr::constant(true),
            1 => terms.remove(0),
            _ => Expr::new(ExprKind::And(terms)),
        }
    }

    /// Any of the terms; `false` when there are none.
    pub fn or(terms: impl IntoIterator<Item = Expr>) -> Expr {
        let mut terms: Vec<Expr> = terms.into_iter().collect();
        match terms.len() {
            0 => Expr::constant(false),
            1 => terms.remove(0),
            _ => Expr::new(ExprKind::Or(terms)),
        }
    }

    pub fn not(expr: Expr) -> Expr {
        Expr::new(ExprKind::Not(Box::new(expr)))
    }

    pub fn compare(op: CompareOp, left: Expr, right: Expr) -> Expr {
        Expr::new(ExprKind::Compare(Box::new(left), op, Box::new(right)))
    }

    pub fn eq(left: Expr, right: Expr) -> Expr {
        Expr::compare(CompareOp::Eq, left, right)
    }

    /// `left IN (values…)`
    pub fn is_in(left: Expr, values: impl IntoIterator<Item = Expr>) -> Expr {
        Expr::compare(CompareOp::In, left, Expr::tuple(values))
    }

    pub fn arithmetic(op: ArithmeticOp, left: Expr, right: Expr) -> Expr {
        Expr::new(ExprKind::Arithmetic(Box::new(left), op, Box::new(right)))
    }

    pub fn between(expr: Expr, low: Expr, high: Expr) -> Expr {
        Expr::new(ExprKind::Between { expr: Box::new(expr), low: Box::new(low), high: Box::new(high), negated: false })
    }

    pub fn is_null(expr: Expr) -> Expr {
        Expr::new(ExprKind::IsNull { expr: Box::new(expr), negated: false })
    }

    pub fn is_not_null(expr: Expr) -> Expr {
        Expr::new(ExprKind::IsNull { expr: Box::new(expr), negated: true })
    }

    pub fn tuple(items: impl IntoIterator<Item = Expr>) -> Expr {
        Expr::new(ExprKind::Tuple(items.into_iter().collect()))
    }

    pub fn array(items: impl IntoIterator<Item = Expr>) -> Expr {
        Expr::new(ExprKind::Array(items.into_iter().collect()))
    }

    pub fn lambda<S: Into<String>>(params: impl IntoIterator<Item = S>, body: Expr) -> Expr {
        Expr::new(ExprKind::Lambda { params: params.into_iter().map(Into::into).collect(), body: Box::new(body) })
    }

    pub fn subquery(query: impl Into<Query>) -> Expr {
        Expr::new(ExprKind::Subquery(Box::new(query.into())))
    }

    pub fn aliased(self, name: &str) -> Expr {
        Expr::new(ExprKind::Alias { expr: Box::new(self), name: name.to_owned() })
    }

    pub fn ascending(self) -> Order {
        Order { expr: self, descending: false, nulls_first: None }
    }

    pub fn descending(self) -> Order {
        Order { expr: self, descending: true, nulls_first: None }
    }

    /// The name that a select list gives this expression, when it has one of its own.
    pub fn alias(&self) -> Option<&str> {
        match &self.kind {
            ExprKind::Alias { name, .. } => Some(name),
            _ => None,
        }
    }
}

impl Select {
    pub fn from_table(name: &str) -> Select {
        Select { from: Some(From::table(name)), ..Select::default() }
    }

    pub fn from_query(query: impl Into<Query>, alias: Option<&str>) -> Select {
        let table = TableRef { alias: alias.map(str::to_owned), ..TableRef::new(TableSource::Query(Box::new(query.into()))) };
        Select { from: Some(From { first: table, joins: Vec::new() }), ..Select::default() }
    }

    pub fn column(mut self, expr: Expr) -> Select {
        self.columns.push(expr);
        self
    }

    /// Adds a condition to those already there.
    pub fn and_where(mut self, condition: Expr) -> Select {
        self.filter = Some(match self.filter.take() {
            None => condition,
            Some(Expr { kind: ExprKind::And(mut terms), span }) => {
                terms.push(condition);
                Expr { kind: ExprKind::And(terms), span }
            }
            Some(first) => Expr::and([first, condition]),
        });
        self
    }

    pub fn group_by(mut self, keys: impl IntoIterator<Item = Expr>) -> Select {
        self.group_by = GroupBy::Exprs(keys.into_iter().collect());
        self
    }

    pub fn order_by(mut self, order: impl IntoIterator<Item = Order>) -> Select {
        self.order_by = order.into_iter().collect();
        self
    }

    pub fn limit(mut self, rows: i64) -> Select {
        self.limit = Some(Expr::constant(rows));
        self
    }

    pub fn offset(mut self, rows: i64) -> Select {
        self.offset = Some(Expr::constant(rows));
        self
    }
}

impl From {
    pub fn table(name: &str) -> From {
        From { first: TableRef::new(TableSource::Table(name.split('.').map(str::to_owned).collect())), joins: Vec::new() }
    }
}

impl TableRef {
    pub fn new(source: TableSource) -> TableRef {
        TableRef { source, alias: None, column_aliases: Vec::new(), is_final: false, sample: None, span: Span::default() }
    }
}

impl Query {
    pub fn union_all(queries: impl IntoIterator<Item = Query>) -> Option<Query> {
        let mut queries = queries.into_iter();
        let first = queries.next()?;
        let rest: Vec<_> = queries.map(|query| (SetOperator::UnionAll, query)).collect();
        Some(if rest.is_empty() { first } else { Query::Set(Box::new(SetQuery { first, rest })) })
    }
}

impl std::convert::From<Select> for Query {
    fn from(select: Select) -> Query {
        Query::Select(Box::new(select))
    }
}

macro_rules! constant_from {
    ($($from:ty => |$value:ident| $make:expr;)*) => {
        $(impl std::convert::From<$from> for Constant {
            fn from($value: $from) -> Constant {
                $make
            }
        })*
    };
}

constant_from! {
    bool => |value| Constant::Bool(value);
    i64 => |value| Constant::Int(value);
    i32 => |value| Constant::Int(value.into());
    u32 => |value| Constant::Int(value.into());
    f64 => |value| Constant::Float(value);
    &str => |value| Constant::String(value.to_owned());
    &String => |value| Constant::String(value.clone());
    String => |value| Constant::String(value);
    Timestamp => |value| Constant::Timestamp(value);
    uuid::Uuid => |value| Constant::String(value.to_string());
}

impl<T: Into<Constant>> std::convert::From<Option<T>> for Constant {
    fn from(value: Option<T>) -> Constant {
        value.map_or(Constant::Null, Into::into)
    }
}

impl std::convert::From<&serde_json::Value> for Constant {
    /// Arrays and objects become their JSON text.
    fn from(value: &serde_json::Value) -> Constant {
        match value {
            serde_json::Value::Null => Constant::Null,
            serde_json::Value::Bool(flag) => Constant::Bool(*flag),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(integer) => Constant::Int(integer),
                None => Constant::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            serde_json::Value::String(text) => Constant::String(text.clone()),
            nested => Constant::String(nested.to_string()),
        }
    }
}
