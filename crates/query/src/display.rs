//! Trees back to HogQL text. What is printed parses to the same tree.

use crate::ast::*;
use crate::lexer::{is_word_part, is_word_start};
use crate::parser::power;
use std::fmt::{self, Display, Formatter, Write};

/// Words that must be quoted to be a name at the start of an expression or behind `AS`.
const QUOTED_WORDS: &[&str] = &[
    "select",
    "from",
    "where",
    "prewhere",
    "having",
    "qualify",
    "union",
    "intersect",
    "except",
    "settings",
    "join",
    "on",
    "using",
    "and",
    "or",
    "as",
    "when",
    "then",
    "else",
    "end",
    "in",
    "between",
    "like",
    "ilike",
    "is",
    "by",
    "group",
    "window",
    "order",
    "limit",
    "offset",
    "inner",
    "left",
    "right",
    "full",
    "cross",
    "asof",
    "semi",
    "anti",
    "any",
    "all",
    "global",
    "array",
    "final",
    "sample",
    "with",
    "format",
    "into",
    "natural",
    "positional",
    "true",
    "false",
    "null",
    "inf",
    "infinity",
    "nan",
    "not",
    "case",
    "interval",
    "distinct",
    "date",
    "timestamp",
    "top",
    "desc",
    "asc",
    "descending",
    "ascending",
    "nulls",
    "columns",
    "over",
    "filter",
    "within",
    "f",
    "values",
    "extract",
    "cast",
    "try_cast",
    "trim",
    "precision",
    "exclude",
    "replace",
];

fn name(name: &str, f: &mut Formatter<'_>) -> fmt::Result {
    let plain =
        name.starts_with(is_word_start) && name.chars().all(is_word_part) && !QUOTED_WORDS.contains(&name.to_ascii_lowercase().as_str());
    if plain {
        return f.write_str(name);
    }
    f.write_char('`')?;
    escape(name, '`', f)?;
    f.write_char('`')
}

/// A name as it has to be written in a query.
pub fn quoted(plain: &str) -> String {
    struct Name<'a>(&'a str);
    impl fmt::Display for Name<'_> {
        fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
            name(self.0, f)
        }
    }
    Name(plain).to_string()
}

fn escape(text: &str, quote: char, f: &mut Formatter<'_>) -> fmt::Result {
    for c in text.chars() {
        match c {
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\t' => f.write_str("\\t")?,
            '\r' => f.write_str("\\r")?,
            '\0' => f.write_str("\\0")?,
            _ if c == quote => write!(f, "\\{c}")?,
            _ => f.write_char(c)?,
        }
    }
    Ok(())
}

fn string(text: &str, f: &mut Formatter<'_>) -> fmt::Result {
    f.write_char('\'')?;
    escape(text, '\'', f)?;
    f.write_char('\'')
}

fn path(parts: &[String], f: &mut Formatter<'_>) -> fmt::Result {
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            f.write_char('.')?;
        }
        let is_position = at > 0
            && !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && part.parse::<i64>().is_ok_and(|n| n.to_string() == *part);
        if is_position { f.write_str(part)? } else { name(part, f)? }
    }
    Ok(())
}

fn placeholder(parts: &[String], f: &mut Formatter<'_>) -> fmt::Result {
    f.write_char('{')?;
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            f.write_char('.')?;
        }
        name(part, f)?;
    }
    f.write_char('}')
}

fn list<T>(items: &[T], f: &mut Formatter<'_>, mut item: impl FnMut(&T, &mut Formatter<'_>) -> fmt::Result) -> fmt::Result {
    for (at, one) in items.iter().enumerate() {
        if at > 0 {
            f.write_str(", ")?;
        }
        item(one, f)?;
    }
    Ok(())
}

fn exprs(items: &[Expr], f: &mut Formatter<'_>) -> fmt::Result {
    list(items, f, |expr, f| expr.fmt(f))
}

fn clause(keyword: &str, expr: &Option<Expr>, f: &mut Formatter<'_>) -> fmt::Result {
    match expr {
        Some(expr) => write!(f, " {keyword} {expr}"),
        None => Ok(()),
    }
}

impl Display for Query {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Query::Select(select) => select.fmt(f),
            Query::Set(set) => {
                branch(&set.first, f)?;
                for (operator, query) in &set.rest {
                    let words = match operator {
                        SetOperator::UnionAll => "UNION ALL",
                        SetOperator::UnionDistinct => "UNION DISTINCT",
                        SetOperator::Intersect => "INTERSECT",
                        SetOperator::IntersectDistinct => "INTERSECT DISTINCT",
                        SetOperator::Except => "EXCEPT",
                        SetOperator::ExceptDistinct => "EXCEPT DISTINCT",
                    };
                    write!(f, " {words} ")?;
                    branch(query, f)?;
                }
                Ok(())
            }
        }
    }
}

fn branch(query: &Query, f: &mut Formatter<'_>) -> fmt::Result {
    match query {
        Query::Select(select) => select.fmt(f),
        Query::Set(_) => write!(f, "({query})"),
    }
}

impl Display for Select {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.ctes.is_empty() {
            let recursive = self.ctes.iter().any(|cte| matches!(cte, Cte::Query { recursive: true, .. }));
            f.write_str(if recursive { "WITH RECURSIVE " } else { "WITH " })?;
            list(&self.ctes, f, |cte, f| cte.fmt(f))?;
            f.write_char(' ')?;
        }
        f.write_str(if self.distinct { "SELECT DISTINCT " } else { "SELECT " })?;
        exprs(&self.columns, f)?;
        if let Some(from) = &self.from {
            write!(f, " FROM {from}")?;
        }
        if let Some(array_join) = &self.array_join {
            f.write_str(if array_join.left { " LEFT ARRAY JOIN " } else { " ARRAY JOIN " })?;
            exprs(&array_join.arrays, f)?;
        }
        clause("PREWHERE", &self.prewhere, f)?;
        clause("WHERE", &self.filter, f)?;
        self.group_by.fmt(f)?;
        f.write_str(if self.totals.is_some() { " WITH TOTALS" } else { "" })?;
        clause("HAVING", &self.having, f)?;
        if !self.windows.is_empty() {
            f.write_str(" WINDOW ")?;
            list(&self.windows, f, |(alias, window), f| {
                name(alias, f)?;
                write!(f, " AS ({window})")
            })?;
        }
        clause("QUALIFY", &self.qualify, f)?;
        orders(" ORDER BY ", &self.order_by, f)?;
        if let Some(limit_by) = &self.limit_by {
            write!(f, " LIMIT {}", limit_by.limit)?;
            clause("OFFSET", &limit_by.offset, f)?;
            f.write_str(" BY ")?;
            exprs(&limit_by.by, f)?;
        }
        clause("LIMIT", &self.limit, f)?;
        if self.limit.is_some() {
            clause("OFFSET", &self.offset, f)?;
            if self.with_ties {
                f.write_str(" WITH TIES")?;
            }
        } else {
            clause("OFFSET", &self.offset, f)?;
        }
        if self.settings.is_empty() {
            return Ok(());
        }
        f.write_str(" SETTINGS ")?;
        list(&self.settings, f, |(setting, value), f| {
            name(setting, f)?;
            write!(f, " = {value}")
        })
    }
}

fn orders(before: &str, order_by: &[Order], f: &mut Formatter<'_>) -> fmt::Result {
    if order_by.is_empty() {
        return Ok(());
    }
    f.write_str(before)?;
    list(order_by, f, |order, f| {
        order.expr.fmt(f)?;
        f.write_str(if order.descending { " DESC" } else { "" })?;
        f.write_str(match order.nulls_first {
            None => "",
            Some(true) => " NULLS FIRST",
            Some(false) => " NULLS LAST",
        })
    })
}

impl Display for Cte {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Cte::Query { name: alias, columns, query, .. } => {
                name(alias, f)?;
                if !columns.is_empty() {
                    f.write_str(" (")?;
                    list(columns, f, |column, f| name(column, f))?;
                    f.write_char(')')?;
                }
                write!(f, " AS ({query})")
            }
            Cte::Expr { name: alias, expr } => {
                operand(expr, power::TERNARY, f)?;
                f.write_str(" AS ")?;
                name(alias, f)
            }
        }
    }
}

impl Display for From {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.first.fmt(f)?;
        for join in &self.joins {
            let strictness = match join.strictness {
                None => "",
                Some(JoinStrictness::Any) => " ANY",
                Some(JoinStrictness::All) => " ALL",
                Some(JoinStrictness::Asof) => " ASOF",
                Some(JoinStrictness::Semi) => " SEMI",
                Some(JoinStrictness::Anti) => " ANTI",
            };
            let kind = match join.kind {
                JoinKind::Inner => " INNER",
                JoinKind::Left => " LEFT",
                JoinKind::Right => " RIGHT",
                JoinKind::Full => " FULL",
                JoinKind::Cross => " CROSS",
            };
            write!(f, "{kind}{strictness} JOIN {}", join.table)?;
            match &join.constraint {
                None => {}
                Some(JoinConstraint::On(condition)) => write!(f, " ON {condition}")?,
                Some(JoinConstraint::Using(columns)) => {
                    f.write_str(" USING (")?;
                    list(columns, f, |column, f| name(column, f))?;
                    f.write_char(')')?;
                }
            }
        }
        Ok(())
    }
}

impl Display for TableRef {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.source {
            TableSource::Table(parts) => path(parts, f)?,
            TableSource::Function { name: function, args } => {
                let parts: Vec<String> = function.split('.').map(str::to_owned).collect();
                path(&parts, f)?;
                f.write_char('(')?;
                exprs(args, f)?;
                f.write_char(')')?;
            }
            TableSource::Query(query) => write!(f, "({query})")?,
            TableSource::Values(rows) => {
                f.write_str("(VALUES ")?;
                list(rows, f, |row, f| {
                    f.write_char('(')?;
                    exprs(row, f)?;
                    f.write_char(')')
                })?;
                f.write_char(')')?;
            }
            TableSource::Placeholder(parts) => placeholder(parts, f)?,
        }
        if let Some(alias) = &self.alias {
            f.write_str(" AS ")?;
            name(alias, f)?;
        }
        if !self.column_aliases.is_empty() {
            f.write_str(" (")?;
            list(&self.column_aliases, f, |column, f| name(column, f))?;
            f.write_char(')')?;
        }
        if self.is_final {
            f.write_str(" FINAL")?;
        }
        if let Some(sample) = &self.sample {
            write!(f, " SAMPLE {}", sample.ratio)?;
            if let Some(offset) = sample.offset {
                write!(f, " OFFSET {offset}")?;
            }
        }
        Ok(())
    }
}

impl Display for GroupBy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            GroupBy::None => Ok(()),
            GroupBy::All => f.write_str(" GROUP BY ALL"),
            GroupBy::Exprs(keys) => {
                f.write_str(" GROUP BY ")?;
                exprs(keys, f)
            }
            GroupBy::Rollup(keys) | GroupBy::Cube(keys) => {
                f.write_str(if matches!(self, GroupBy::Rollup(_)) { " GROUP BY ROLLUP(" } else { " GROUP BY CUBE(" })?;
                exprs(keys, f)?;
                f.write_char(')')
            }
            GroupBy::Sets(sets) => {
                f.write_str(" GROUP BY GROUPING SETS (")?;
                list(sets, f, |keys, f| {
                    f.write_char('(')?;
                    exprs(keys, f)?;
                    f.write_char(')')
                })?;
                f.write_char(')')
            }
        }
    }
}

impl Display for WindowSpec {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut space = "";
        if !self.partition_by.is_empty() {
            f.write_str("PARTITION BY ")?;
            exprs(&self.partition_by, f)?;
            space = " ";
        }
        if !self.order_by.is_empty() {
            f.write_str(space)?;
            orders("ORDER BY ", &self.order_by, f)?;
            space = " ";
        }
        let Some(frame) = &self.frame else { return Ok(()) };
        f.write_str(space)?;
        f.write_str(match frame.unit {
            FrameUnit::Rows => "ROWS ",
            FrameUnit::Range => "RANGE ",
            FrameUnit::Groups => "GROUPS ",
        })?;
        match &frame.end {
            Some(end) => write!(f, "BETWEEN {} AND {end}", frame.start),
            None => frame.start.fmt(f),
        }
    }
}

impl Display for FrameBound {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            FrameBound::UnboundedPreceding => f.write_str("UNBOUNDED PRECEDING"),
            FrameBound::Preceding(rows) => {
                operand(rows, power::POSTFIX, f)?;
                f.write_str(" PRECEDING")
            }
            FrameBound::CurrentRow => f.write_str("CURRENT ROW"),
            FrameBound::Following(rows) => {
                operand(rows, power::POSTFIX, f)?;
                f.write_str(" FOLLOWING")
            }
            FrameBound::UnboundedFollowing => f.write_str("UNBOUNDED FOLLOWING"),
        }
    }
}

/// `expr`, in parentheses when it binds more loosely than its place needs.
fn operand(expr: &Expr, min: u8, f: &mut Formatter<'_>) -> fmt::Result {
    if binding(expr) < min { write!(f, "({expr})") } else { expr.fmt(f) }
}

fn binding(expr: &Expr) -> u8 {
    match &expr.kind {
        ExprKind::Alias { .. } => power::ALIAS,
        ExprKind::Lambda { .. } => power::ALIAS,
        ExprKind::Or(_) => power::OR,
        ExprKind::And(_) => power::AND,
        ExprKind::Not(_) => power::NOT,
        ExprKind::Compare(..) | ExprKind::Between { .. } | ExprKind::IsNull { .. } => power::COMPARE,
        ExprKind::Arithmetic(_, op, _) => arithmetic(*op).0,
        ExprKind::Negate(_) => power::NEGATE,
        ExprKind::Constant(Constant::Int(value)) if *value < 0 => power::NEGATE,
        ExprKind::Constant(Constant::Float(value)) if value.is_sign_negative() => power::NEGATE,
        _ => u8::MAX,
    }
}

fn arithmetic(op: ArithmeticOp) -> (u8, &'static str) {
    match op {
        ArithmeticOp::Add => (power::ADD, "+"),
        ArithmeticOp::Subtract => (power::ADD, "-"),
        ArithmeticOp::Multiply => (power::MULTIPLY, "*"),
        ArithmeticOp::Divide => (power::MULTIPLY, "/"),
        ArithmeticOp::Modulo => (power::MULTIPLY, "%"),
    }
}

impl Display for CompareOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CompareOp::Eq => "=",
            CompareOp::NotEq => "!=",
            CompareOp::Lt => "<",
            CompareOp::LtEq => "<=",
            CompareOp::Gt => ">",
            CompareOp::GtEq => ">=",
            CompareOp::Like => "LIKE",
            CompareOp::NotLike => "NOT LIKE",
            CompareOp::ILike => "ILIKE",
            CompareOp::NotILike => "NOT ILIKE",
            CompareOp::In => "IN",
            CompareOp::NotIn => "NOT IN",
            CompareOp::InCohort => "IN COHORT",
            CompareOp::NotInCohort => "NOT IN COHORT",
            CompareOp::Regex => "=~",
            CompareOp::NotRegex => "!~",
            CompareOp::IRegex => "=~*",
            CompareOp::NotIRegex => "!~*",
            CompareOp::NullSafeEq => "<=>",
            CompareOp::NullSafeNotEq => "IS DISTINCT FROM",
        })
    }
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        crate::on_enough_stack(|| kind(&self.kind, f))
    }
}

fn kind(kind: &ExprKind, f: &mut Formatter<'_>) -> fmt::Result {
    match kind {
        ExprKind::Constant(constant) => constant.fmt(f),
        ExprKind::Field(parts) => path(parts, f),
        ExprKind::Star(star) => star.fmt(f),
        ExprKind::Columns(pattern) => {
            f.write_str("COLUMNS(")?;
            string(pattern, f)?;
            f.write_char(')')
        }
        ExprKind::Call(call) => call.fmt(f),
        ExprKind::And(terms) => chain(terms, " AND ", power::AND, f),
        ExprKind::Or(terms) => chain(terms, " OR ", power::OR, f),
        ExprKind::Not(inner) => {
            f.write_str("NOT ")?;
            operand(inner, power::NOT, f)
        }
        ExprKind::Negate(inner) => {
            // `-5`, `-5[1]` and `--` mean something else.
            if matches!(inner.kind, ExprKind::Field(_) | ExprKind::Call(_)) { write!(f, "-{inner}") } else { write!(f, "-({inner})") }
        }
        ExprKind::Arithmetic(left, op, right) => {
            let (level, symbol) = arithmetic(*op);
            operand(left, level, f)?;
            write!(f, " {symbol} ")?;
            operand(right, level + 1, f)
        }
        ExprKind::Compare(left, op, right) => {
            operand(left, power::COMPARE, f)?;
            write!(f, " {op} ")?;
            operand(right, power::COMPARE + 1, f)
        }
        ExprKind::Between { expr, low, high, negated } => {
            operand(expr, power::COMPARE, f)?;
            f.write_str(if *negated { " NOT BETWEEN " } else { " BETWEEN " })?;
            operand(low, power::COMPARE + 1, f)?;
            f.write_str(" AND ")?;
            operand(high, power::COMPARE + 1, f)
        }
        ExprKind::IsNull { expr, negated } => {
            operand(expr, power::COMPARE, f)?;
            f.write_str(if *negated { " IS NOT NULL" } else { " IS NULL" })
        }
        ExprKind::Cast { expr, to, or_null } => {
            f.write_str(if *or_null { "TRY_CAST(" } else { "CAST(" })?;
            operand(expr, power::TERNARY, f)?;
            write!(f, " AS {to})")
        }
        ExprKind::Array(items) => bracketed("[", items, "]", f),
        ExprKind::Tuple(items) => bracketed("(", items, if items.len() == 1 { ",)" } else { ")" }, f),
        ExprKind::Dict(pairs) => {
            f.write_char('{')?;
            list(pairs, f, |(key, value), f| {
                operand(key, power::OR, f)?;
                f.write_str(": ")?;
                operand(value, power::TERNARY, f)
            })?;
            f.write_char('}')
        }
        ExprKind::Index { of, index } => {
            operand(of, power::POSTFIX, f)?;
            f.write_char('[')?;
            operand(index, power::TERNARY, f)?;
            f.write_char(']')
        }
        ExprKind::Slice { of, from, to } => {
            operand(of, power::POSTFIX, f)?;
            f.write_char('[')?;
            if let Some(from) = from {
                operand(from, power::TERNARY, f)?;
            }
            f.write_char(':')?;
            if let Some(to) = to {
                operand(to, power::TERNARY, f)?;
            }
            f.write_char(']')
        }
        ExprKind::Access { of, name: member } => access(of, member, f),
        ExprKind::Lambda { params, body } => {
            f.write_char('(')?;
            list(params, f, |param, f| name(param, f))?;
            f.write_str(") -> ")?;
            operand(body, power::TERNARY, f)
        }
        ExprKind::Subquery(query) => write!(f, "({query})"),
        ExprKind::Alias { expr, name: alias } => {
            operand(expr, power::TERNARY, f)?;
            f.write_str(" AS ")?;
            name(alias, f)
        }
        ExprKind::Placeholder(parts) => placeholder(parts, f),
    }
}

fn access(of: &Expr, member: &str, f: &mut Formatter<'_>) -> fmt::Result {
    // A number followed by a dot would read as a fraction.
    if matches!(of.kind, ExprKind::Constant(_)) {
        write!(f, "({of})")?
    } else {
        operand(of, power::POSTFIX, f)?
    }
    f.write_char('.')?;
    if member.parse::<i64>().is_ok_and(|position| position.to_string() == member && position >= 0) {
        f.write_str(member)
    } else {
        name(member, f)
    }
}

/// Terms of the same kind keep their parentheses, so that nesting survives.
fn chain(terms: &[Expr], between: &str, level: u8, f: &mut Formatter<'_>) -> fmt::Result {
    for (at, term) in terms.iter().enumerate() {
        if at > 0 {
            f.write_str(between)?;
        }
        operand(term, level + 1, f)?;
    }
    Ok(())
}

fn bracketed(open: &str, items: &[Expr], close: &str, f: &mut Formatter<'_>) -> fmt::Result {
    f.write_str(open)?;
    exprs(items, f)?;
    f.write_str(close)
}

impl Display for Star {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.table.is_empty() {
            path(&self.table, f)?;
            f.write_char('.')?;
        }
        f.write_char('*')?;
        if !self.exclude.is_empty() {
            f.write_str(" EXCLUDE(")?;
            list(&self.exclude, f, |column, f| name(column, f))?;
            f.write_char(')')?;
        }
        if !self.replace.is_empty() {
            f.write_str(" REPLACE(")?;
            list(&self.replace, f, |(expr, alias), f| {
                operand(expr, power::TERNARY, f)?;
                f.write_str(" AS ")?;
                name(alias, f)
            })?;
            f.write_char(')')?;
        }
        Ok(())
    }
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        name(&self.name, f)?;
        if !self.params.is_empty() {
            bracketed("(", &self.params, ")", f)?;
        }
        f.write_str(if self.distinct { "(DISTINCT " } else { "(" })?;
        exprs(&self.args, f)?;
        f.write_char(')')?;
        if !self.order_by.is_empty() {
            orders(" WITHIN GROUP (ORDER BY ", &self.order_by, f)?;
            f.write_char(')')?;
        }
        if let Some(filter) = &self.filter {
            write!(f, " FILTER (WHERE {filter})")?;
        }
        match &self.over {
            None => Ok(()),
            Some(Over::Named(window)) => {
                f.write_str(" OVER ")?;
                name(window, f)
            }
            Some(Over::Spec(spec)) => write!(f, " OVER ({spec})"),
        }
    }
}

impl Display for Constant {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Constant::Null => f.write_str("NULL"),
            Constant::Bool(flag) => write!(f, "{flag}"),
            Constant::Int(value) => write!(f, "{value}"),
            Constant::Float(value) if value.is_nan() => f.write_str("nan"),
            Constant::Float(value) if value.is_infinite() => f.write_str(if *value > 0.0 { "inf" } else { "-inf" }),
            Constant::Float(value) => write!(f, "{value:?}"),
            Constant::String(text) => string(text, f),
            Constant::Timestamp(at) => {
                let text = at.to_utc().map(|at| at.format("%Y-%m-%d %H:%M:%S%.6f").to_string()).unwrap_or_default();
                write!(f, "toDateTime64('{text}', 6, 'UTC')")
            }
        }
    }
}
