use super::finish::Clauses;
use super::scope::{ArrayJoined, Meaning, Scope, ScopeSource, unresolved};
use super::{MAX_COLUMNS, Resolver, Result, error};
use crate::ast::*;
use crate::schema::Virtual;
use crate::typed::*;
use std::collections::{HashMap, HashSet};

impl Resolver<'_> {
    pub(super) fn query(&mut self, query: &Query) -> Result<TypedQuery> {
        match query {
            Query::Select(select) => {
                let span = select.span;
                self.deeper(span, |resolver| resolver.select(select)).map(|select| TypedQuery::Select(Box::new(select)))
            }
            Query::Set(set) => self.deeper(Span::default(), |resolver| resolver.set(set)),
        }
    }

    fn set(&mut self, set: &SetQuery) -> Result<TypedQuery> {
        let before = self.ctes.len();
        // `WITH a AS (…) SELECT … UNION ALL SELECT … FROM a`: the first branch's names hold for all.
        if let Query::Select(first) = &set.first {
            self.ctes.extend(first.ctes.iter().cloned());
        }
        let first = self.query(&set.first)?;
        let width = first.columns().len();
        let mut rest = Vec::with_capacity(set.rest.len());
        for (operator, query) in &set.rest {
            let query = self.query(query)?;
            if query.columns().len() != width {
                return error(Span::default(), "Every branch of a UNION must select the same number of columns");
            }
            rest.push((*operator, query));
        }
        self.ctes.truncate(before);
        let mut typed = TypedQuery::Set { first: Box::new(first), rest };
        let columns: Vec<Column> = typed.columns().into_iter().map(|(_, column)| column).collect();
        self.align_branches(&mut typed, &columns);
        Ok(typed)
    }

    fn align_branches(&mut self, query: &mut TypedQuery, columns: &[Column]) {
        match query {
            TypedQuery::Select(select) => {
                for ((_, expr), column) in select.columns.iter_mut().zip(columns) {
                    if expr.kind != column.kind {
                        let inner = std::mem::replace(expr, Typed::int(0));
                        *expr = self.convert(inner, &column.kind);
                    }
                }
            }
            TypedQuery::Set { first, rest } => {
                self.align_branches(first, columns);
                rest.iter_mut().for_each(|(_, query)| self.align_branches(query, columns));
            }
        }
    }

    fn select(&mut self, select: &Select) -> Result<TypedSelect> {
        if !select.settings.is_empty() {
            return error(select.span, "SETTINGS are not allowed");
        }
        if let Some(span) = select.totals {
            return error(span, "WITH TOTALS is not supported. GROUP BY ROLLUP (…) gives the total as a row of its own");
        }
        if select.with_ties && (select.order_by.is_empty() || select.limit_by.is_some()) {
            return error(select.span, "LIMIT … WITH TIES needs an ORDER BY, and cannot stand beside LIMIT BY");
        }
        let before = self.ctes.len();
        self.check_ctes(&select.ctes, select.span)?;
        self.ctes.extend(select.ctes.iter().cloned());
        self.scopes.push(Scope::default());
        let resolved = self.select_in_scope(select);
        self.scopes.pop();
        self.ctes.truncate(before);
        resolved
    }

    fn check_ctes(&self, ctes: &[Cte], span: Span) -> Result<()> {
        for cte in ctes {
            match cte {
                Cte::Query { recursive: true, name, query, .. } if mentions(query, name) => {
                    return error(span, "WITH RECURSIVE is not supported");
                }
                Cte::Query { name, .. } | Cte::Expr { name, .. } => check_alias(name, span)?,
            }
        }
        Ok(())
    }

    fn select_in_scope(&mut self, select: &Select) -> Result<TypedSelect> {
        let mut terms = Vec::new();
        if let Some(from) = &select.from {
            self.from(from, &mut terms)?;
        }
        let mut aliases = Vec::new();
        for column in &select.columns {
            collect_aliases(column, &mut aliases)?;
        }
        self.scope().windows = select.windows.clone();
        if let Some(array_join) = &select.array_join {
            self.array_join(array_join)?;
        }
        self.scope().aliases = aliases;
        let ColumnList { columns, names, .. } = self.columns(select)?;
        self.scope().aliases_before = usize::MAX;
        for condition in select.prewhere.iter().chain(&select.filter) {
            let term = self.condition(condition, true)?;
            if term.has_aggregate() {
                return error(condition.span, "Aggregate functions are not allowed in WHERE; use HAVING");
            }
            terms.push(term);
        }
        let group_by = self.group_by(&select.group_by, &columns)?;
        let having = select.having.as_ref().map(|having| self.condition(having, true)).transpose()?;
        let qualify = select.qualify.as_ref().map(|qualify| self.condition(qualify, true)).transpose()?;
        let order_by = self.order_by(&select.order_by, Some(&columns))?;
        let limit_by = select.limit_by.as_ref().map(|limit_by| self.limit_by(limit_by, &columns)).transpose()?;
        let limit = select.limit.as_ref().map(|limit| self.row_count(limit)).transpose()?;
        let offset = select.offset.as_ref().map(|offset| self.row_count(offset)).transpose()?.unwrap_or(0);
        let typed = TypedSelect {
            columns,
            names,
            distinct: select.distinct,
            from: Vec::new(),
            filter: None,
            group_by,
            having,
            qualify,
            order_by,
            limit,
            offset,
        };
        self.finish(typed, Clauses { terms, limit_by, with_ties: select.with_ties })
    }

    fn columns(&mut self, select: &Select) -> Result<ColumnList> {
        let mut columns = ColumnList::default();
        let mut aliases_before = 0;
        for expr in &select.columns {
            self.scope().aliases_before = aliases_before;
            match &expr.kind {
                ExprKind::Star(star) => self.star(star, expr.span, &mut columns)?,
                ExprKind::Columns(pattern) => self.matching_columns(pattern, expr.span, &mut columns)?,
                _ => {
                    let typed = self.column(expr)?;
                    columns.push(column_name(expr).unwrap_or_default(), typed);
                }
            }
            let mut names = Vec::new();
            collect_aliases(expr, &mut names)?;
            aliases_before += names.len();
            if columns.columns.len() > MAX_COLUMNS {
                return error(expr.span, format!("The query selects more than {MAX_COLUMNS} columns"));
            }
        }
        if columns.columns.is_empty() {
            return error(select.span, "There is nothing to select");
        }
        Ok(columns)
    }

    fn column(&mut self, expr: &Expr) -> Result<Typed> {
        let typed = match &expr.kind {
            // Inside its own definition, an alias means the column of that name.
            ExprKind::Alias { expr: inner, name } => {
                self.scope().expanding.push(name.clone());
                let resolved = self.expr(inner);
                self.scope().expanding.pop();
                resolved?
            }
            _ => self.expr(expr)?,
        };
        match typed.kind {
            Type::Lambda => error(expr.span, "A lambda can only be the argument of a function"),
            Type::Interval(_) => error(expr.span, "An interval can only be added to a date"),
            _ => Ok(typed),
        }
    }

    fn star(&mut self, star: &Star, span: Span, columns: &mut ColumnList) -> Result<()> {
        let mut any = false;
        for at in 0..self.scope().sources.len() {
            let source = &self.scope().sources[at];
            let wanted = match star.table.as_slice() {
                [] => true,
                [alias] => source.alias == *alias,
                _ => return error(span, format!("Unable to resolve field: {}.*", star.table.join("."))),
            };
            if !wanted || source.lazy.is_some() {
                continue;
            }
            any = true;
            for name in field_names(source) {
                if star.exclude.contains(&name) {
                    continue;
                }
                let typed = match star.replace.iter().find(|(_, replaced)| *replaced == name) {
                    Some((expr, _)) => self.expr(expr)?,
                    None => self.in_source(at, &[name.clone()], span)?.ok_or_else(|| unresolved(&[name.clone()], span))?,
                };
                columns.push(name, typed);
            }
        }
        if any {
            Ok(())
        } else {
            error(
                span,
                if star.table.is_empty() {
                    "* needs a FROM".to_owned()
                } else {
                    format!("Unable to resolve field: {}.*", star.table.join("."))
                },
            )
        }
    }

    fn matching_columns(&mut self, pattern: &str, span: Span, columns: &mut ColumnList) -> Result<()> {
        let pattern =
            regex::RegexBuilder::new(pattern).size_limit(1 << 20).build().map_err(|problem| super::failure(span, problem.to_string()))?;
        let before = columns.columns.len();
        let mut all = ColumnList::default();
        self.star(&Star::default(), span, &mut all)?;
        for (name, (_, typed)) in all.names.into_iter().zip(all.columns) {
            if pattern.is_match(&name) {
                columns.push(name, typed);
            }
        }
        if columns.columns.len() == before { error(span, "No column matches the pattern") } else { Ok(()) }
    }

    fn array_join(&mut self, array_join: &ArrayJoin) -> Result<()> {
        self.scope().keep_empty_arrays = array_join.left;
        for expr in &array_join.arrays {
            let (inner, alias) = match &expr.kind {
                ExprKind::Alias { expr, name } => (&**expr, Some(name.clone())),
                ExprKind::Field(path) => (expr, path.last().cloned()),
                _ => (expr, None),
            };
            let array = self.expr(inner)?;
            let array = self.to_array(array, expr.span)?;
            self.add_array_join(array, alias);
        }
        Ok(())
    }

    pub(super) fn add_array_join(&mut self, array: Typed, alias: Option<String>) -> usize {
        let joins = &mut self.scope().array_joins;
        if let Some(at) = joins.iter().position(|known| known.array == array && (alias.is_none() || known.alias == alias)) {
            return at;
        }
        let name = format!("item_{}", joins.len());
        joins.push(ArrayJoined { alias, name, array });
        joins.len() - 1
    }

    fn group_by(&mut self, group_by: &GroupBy, columns: &[(String, Typed)]) -> Result<TypedGroupBy> {
        Ok(match group_by {
            GroupBy::None => TypedGroupBy::None,
            GroupBy::All => {
                TypedGroupBy::Keys(columns.iter().filter(|(_, expr)| !expr.has_aggregate()).map(|(_, expr)| expr.clone()).collect())
            }
            GroupBy::Exprs(keys) => TypedGroupBy::Keys(self.keys(keys, columns)?),
            GroupBy::Rollup(keys) => TypedGroupBy::Rollup(self.keys(keys, columns)?),
            GroupBy::Cube(keys) => TypedGroupBy::Cube(self.keys(keys, columns)?),
            GroupBy::Sets(sets) => TypedGroupBy::Sets(sets.iter().map(|keys| self.keys(keys, columns)).collect::<Result<_>>()?),
        })
    }

    fn keys(&mut self, keys: &[Expr], columns: &[(String, Typed)]) -> Result<Vec<Typed>> {
        let mut typed = Vec::with_capacity(keys.len());
        for key in keys {
            let key_typed = self.positional(key, Some(columns))?;
            if key_typed.has_aggregate() {
                return error(key.span, "Aggregate functions are not allowed in GROUP BY");
            }
            typed.push(key_typed);
        }
        Ok(typed)
    }

    /// `ORDER BY 1` means the first column.
    fn positional(&mut self, expr: &Expr, columns: Option<&[(String, Typed)]>) -> Result<Typed> {
        if let (ExprKind::Constant(Constant::Int(position)), Some(columns)) = (&expr.kind, columns) {
            return match usize::try_from(*position).ok().and_then(|position| columns.get(position.checked_sub(1)?)) {
                Some((_, column)) => Ok(column.clone()),
                None => error(expr.span, format!("There is no column {position}")),
            };
        }
        self.expr(expr)
    }

    pub(super) fn order_by(&mut self, order_by: &[Order], columns: Option<&[(String, Typed)]>) -> Result<Vec<TypedOrder>> {
        let mut typed = Vec::with_capacity(order_by.len());
        for order in order_by {
            let expr = self.positional(&order.expr, columns)?;
            typed.push(TypedOrder { expr, descending: order.descending, nulls_first: order.nulls_first.unwrap_or(false) });
        }
        Ok(typed)
    }

    fn limit_by(&mut self, limit_by: &LimitBy, columns: &[(String, Typed)]) -> Result<(u64, u64, Vec<Typed>)> {
        let limit = self.row_count(&limit_by.limit)?;
        let offset = limit_by.offset.as_ref().map(|offset| self.row_count(offset)).transpose()?.unwrap_or(0);
        let by = limit_by.by.iter().map(|key| self.positional(key, Some(columns))).collect::<Result<_>>()?;
        Ok((limit, offset, by))
    }

    fn row_count(&mut self, expr: &Expr) -> Result<u64> {
        match expr.kind {
            ExprKind::Constant(Constant::Int(rows)) if rows >= 0 => Ok(rows as u64),
            ExprKind::Constant(Constant::Float(rows)) if rows >= 0.0 && rows.fract() == 0.0 && rows < 9e15 => Ok(rows as u64),
            _ => error(expr.span, "LIMIT and OFFSET must be whole numbers"),
        }
    }

    fn from(&mut self, from: &From, terms: &mut Vec<Typed>) -> Result<()> {
        self.table_ref(&from.first, terms)?;
        for join in &from.joins {
            self.join(join, terms)?;
        }
        Ok(())
    }

    fn join(&mut self, join: &Join, terms: &mut Vec<Typed>) -> Result<()> {
        let before = self.scope().sources.len();
        let at = self.table_ref(&join.table, terms)?;
        let kind = match (join.strictness, join.kind) {
            (None | Some(JoinStrictness::All), kind) => TypedJoinKind::Plain(kind),
            (Some(JoinStrictness::Any), JoinKind::Left) => TypedJoinKind::LeftAny,
            (Some(JoinStrictness::Any), _) => return error(join.table.span, "Of ANY joins only LEFT ANY JOIN is supported"),
            (Some(JoinStrictness::Asof), _) => {
                return error(join.table.span, "ASOF JOIN is not supported. A LEFT JOIN and argMax by time over its rows answer the same");
            }
            (Some(JoinStrictness::Semi), JoinKind::Inner | JoinKind::Left) => TypedJoinKind::Semi,
            (Some(JoinStrictness::Anti), JoinKind::Inner | JoinKind::Left) => TypedJoinKind::Anti,
            _ => return error(join.table.span, "This kind of JOIN is not supported"),
        };
        if matches!(join.kind, JoinKind::Left | JoinKind::Full) {
            self.scope().sources[at].nullable = true;
        }
        if matches!(join.kind, JoinKind::Right | JoinKind::Full) {
            self.scope().sources[..before].iter_mut().for_each(|source| source.nullable = true);
        }
        let on = match &join.constraint {
            None if join.kind == JoinKind::Cross => None,
            None => return error(join.table.span, "A JOIN needs ON or USING; CROSS JOIN takes every pair"),
            Some(JoinConstraint::On(condition)) => {
                self.scope().in_join = true;
                let on = self.condition(condition, true);
                self.scope().in_join = false;
                Some(on?)
            }
            Some(JoinConstraint::Using(columns)) => Some(self.using(at, before, columns, join.table.span)?),
        };
        let source = &mut self.scope().sources[at];
        source.join.kind = kind;
        source.join.on = on;
        Ok(())
    }

    fn using(&mut self, at: usize, before: usize, columns: &[String], span: Span) -> Result<Typed> {
        let mut terms = Vec::with_capacity(columns.len());
        for column in columns {
            let path = [column.clone()];
            let right = self.in_source(at, &path, span)?.ok_or_else(|| unresolved(&path, span))?;
            let mut left = None;
            for earlier in (0..before).rev() {
                left = self.in_source(earlier, &path, span)?;
                if left.is_some() {
                    break;
                }
            }
            let left = left.ok_or_else(|| unresolved(&path, span))?;
            terms.push(super::scope::equal(left, right));
        }
        Ok(if terms.len() == 1 { terms.remove(0) } else { Typed::new(Node::And(terms), Type::Condition, true) })
    }

    fn table_ref(&mut self, table: &TableRef, terms: &mut Vec<Typed>) -> Result<usize> {
        if let Some(alias) = &table.alias {
            check_alias(alias, table.span)?;
        }
        let at = match &table.source {
            TableSource::Table(path) => self.named_table(path, table)?,
            TableSource::Query(query) => {
                let query = self.query(query)?;
                self.add_query(query, table.alias.clone().unwrap_or_default(), &table.column_aliases, table.span)?
            }
            TableSource::Function { name, args } => self.table_function(name, args, table)?,
            TableSource::Values(rows) => self.values(rows, table)?,
            TableSource::Placeholder(path) => return error(table.span, format!("Unresolved placeholder: {{{}}}", path.join("."))),
        };
        if let Some(sample) = table.sample {
            let key = self.in_source(at, &["distinct_id".to_owned()], table.span)?;
            let Some(key) = key else { return error(table.span, "Only events can be sampled") };
            let key = self.scalar("sampleKey", vec![key]);
            let low = sample.offset.unwrap_or(0.0);
            let float = |value: f64| Typed::constant(Constant::Float(value), Type::Float);
            let compare =
                |op, bound: f64| Typed::new(Node::Compare(Box::new(key.clone()), op, Box::new(float(bound))), Type::Condition, false);
            terms.push(compare(CompareOp::GtEq, low));
            terms.push(compare(CompareOp::Lt, low + sample.ratio));
        }
        Ok(at)
    }

    fn named_table(&mut self, path: &[String], table: &TableRef) -> Result<usize> {
        let name = path.join(".");
        let alias = table.alias.clone().unwrap_or_else(|| name.clone());
        if self.scope().sources.iter().any(|source| source.alias == alias && source.lazy.is_none()) {
            return error(table.span, format!("Already have joined a table called \"{alias}\". Can't redefine."));
        }
        let cte = self.ctes.iter().rposition(|cte| matches!(cte, Cte::Query { name: known, .. } if *known == name));
        if let Some(at) = cte
            && let Cte::Query { query, columns, .. } = self.ctes[at].clone()
        {
            let hidden = self.ctes.split_off(at);
            let resolved = self.query(&query);
            self.ctes.extend(hidden);
            let columns = if table.column_aliases.is_empty() { &columns } else { &table.column_aliases };
            return self.add_query(resolved?, alias, columns, table.span);
        }
        match Virtual::find(path) {
            Some(found) => self.add_virtual(found, alias, table.span),
            None => error(table.span, format!("Unknown table `{name}`.")),
        }
    }

    fn add_query(&mut self, query: TypedQuery, alias: String, names: &[String], span: Span) -> Result<usize> {
        let columns = query.columns();
        if names.len() > columns.len() {
            return error(span, "There are more column names than columns");
        }
        let meaning = Meaning::Columns(
            columns
                .into_iter()
                .enumerate()
                .map(|(at, (name, column))| (names.get(at).cloned().unwrap_or_else(|| name.clone()), name, column))
                .collect(),
        );
        let name = self.source_name("query");
        Ok(self.add_source(alias, meaning, Source::Query(query), name))
    }

    fn add_source(&mut self, alias: String, meaning: Meaning, source: Source, name: String) -> usize {
        let join = TypedJoin { kind: TypedJoinKind::Plain(JoinKind::Inner), source, name, on: None };
        let sources = &mut self.scope().sources;
        sources.push(ScopeSource { alias, meaning, join, nullable: false, lazy: None });
        sources.len() - 1
    }

    fn table_function(&mut self, name: &str, args: &[Expr], table: &TableRef) -> Result<usize> {
        let bounds: Vec<i64> = args
            .iter()
            .filter_map(|arg| if let ExprKind::Constant(Constant::Int(bound)) = arg.kind { Some(bound) } else { None })
            .collect();
        let (from, count) = match (name, bounds.as_slice()) {
            ("numbers", [count]) => (0, *count),
            ("numbers", [from, count]) => (*from, *count),
            ("generateSeries" | "generate_series", [from, to]) => (*from, to.saturating_sub(*from).saturating_add(1)),
            ("numbers" | "generateSeries" | "generate_series", _) => return error(table.span, format!("{name} takes whole numbers")),
            _ => return error(table.span, format!("Unknown table function `{name}`.")),
        };
        if bounds.len() != args.len() || count < 0 {
            return error(table.span, format!("{name} takes whole numbers"));
        }
        let column = if name == "numbers" { "number" } else { "generate_series" };
        let user_name = table.column_aliases.first().cloned().unwrap_or_else(|| column.to_owned());
        let meaning = Meaning::Columns(vec![(user_name, "number".to_owned(), Column::new(UINT64))]);
        let alias = table.alias.clone().unwrap_or_default();
        let generated = self.source_name("numbers");
        Ok(self.add_source(alias, meaning, Source::Numbers { from, count }, generated))
    }

    fn values(&mut self, rows: &[Vec<Expr>], table: &TableRef) -> Result<usize> {
        let width = rows.first().map_or(0, Vec::len);
        let mut typed_rows = Vec::with_capacity(rows.len());
        for row in rows {
            if row.len() != width || width == 0 {
                return error(table.span, "Every row of VALUES must have the same number of columns");
            }
            typed_rows.push(row.iter().map(|expr| self.expr(expr)).collect::<Result<Vec<_>>>()?);
        }
        let mut columns: Vec<Column> = vec![Column::nullable(Type::Null); width];
        for row in &typed_rows {
            for (column, value) in columns.iter_mut().zip(row) {
                column.kind = column.kind.common(&value.kind);
            }
        }
        for row in &mut typed_rows {
            for (column, value) in columns.iter().zip(row) {
                let inner = std::mem::replace(value, Typed::int(0));
                *value = self.convert(inner, &column.kind);
            }
        }
        let names: Vec<String> = (0..width).map(|at| format!("col{}", at + 1)).collect();
        let known = names
            .iter()
            .zip(columns)
            .enumerate()
            .map(|(at, (name, column))| (table.column_aliases.get(at).unwrap_or(name).clone(), name.clone(), column));
        let meaning = Meaning::Columns(known.collect());
        let generated = self.source_name("values");
        Ok(self.add_source(
            table.alias.clone().unwrap_or_default(),
            meaning,
            Source::Values { columns: names, rows: typed_rows },
            generated,
        ))
    }
}

fn field_names(source: &ScopeSource) -> Vec<String> {
    match &source.meaning {
        Meaning::Stored { table, .. } => table.visible().into_iter().map(str::to_owned).collect(),
        Meaning::Sessions(_) => Virtual::Sessions.visible().into_iter().map(str::to_owned).collect(),
        Meaning::Columns(columns) => columns.iter().map(|(name, _, _)| name.clone()).collect(),
    }
}

/// What PostHog calls the column of this expression; `None` for `*`.
pub fn column_name(expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Alias { name, .. } => Some(name.clone()),
        ExprKind::Field(path) => path.last().cloned(),
        ExprKind::Star(_) | ExprKind::Columns(_) => None,
        _ => Some(expr.to_string()),
    }
}

/// The select list: names as the query gives them, and made unique for SQL.
#[derive(Default)]
struct ColumnList {
    columns: Vec<(String, Typed)>,
    names: Vec<String>,
    taken: HashSet<String>,
    /// How often a name was asked for.
    repeats: HashMap<String, usize>,
}

impl ColumnList {
    fn push(&mut self, name: String, typed: Typed) {
        let mut unique = name.clone();
        while self.taken.contains(&unique) {
            let repeats = self.repeats.entry(name.clone()).or_default();
            *repeats += 1;
            unique = format!("{name}_{repeats}");
        }
        self.taken.insert(unique.clone());
        self.columns.push((unique, typed));
        self.names.push(name);
    }
}

fn check_alias(name: &str, span: Span) -> Result<()> {
    if ["team_id", "true", "false", "null"].iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
        return error(span, format!("Cannot use '{name}' as an alias. It is a reserved keyword."));
    }
    Ok(())
}

fn collect_aliases(expr: &Expr, aliases: &mut Vec<(String, Expr)>) -> Result<()> {
    let mut problem = Ok(());
    // The visitor walks mutable trees; a select list is small.
    expr.clone().visit_shallow(&mut |expr| {
        if let ExprKind::Alias { expr: inner, name } = &expr.kind {
            match check_alias(name, expr.span) {
                Ok(()) if !aliases.iter().any(|(known, _)| known == name) => aliases.push((name.clone(), (**inner).clone())),
                Ok(()) => {}
                Err(found) => problem = Err(found),
            }
        }
    });
    problem
}

fn mentions(query: &Query, name: &str) -> bool {
    query.to_string().contains(name)
}
