use super::{Parser, Result};
use crate::ast::*;
use crate::lexer::TokenKind;

/// Words that end a select list, and cannot be an alias or a column without quotes.
pub(super) const CLAUSES: &[&str] = &[
    "from",
    "where",
    "prewhere",
    "group",
    "having",
    "qualify",
    "window",
    "order",
    "limit",
    "offset",
    "union",
    "intersect",
    "except",
    "settings",
    "join",
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
    "on",
    "using",
    "final",
    "sample",
    "with",
    "format",
    "into",
    "natural",
    "positional",
];

impl Parser<'_> {
    pub(super) fn query(&mut self) -> Result<Query> {
        self.nested(|parser| {
            let start = parser.start();
            let first = parser.query_term()?;
            let query = parser.set_operations(first)?;
            // Behind a parenthesis these belong to the whole.
            if !parser.is_any_word(&["order", "limit", "offset"]) {
                return Ok(query);
            }
            let mut whole = Select::from_query(query, None).column(Expr::new(ExprKind::Star(Star::default())));
            parser.grow()?;
            parser.ordering(&mut whole)?;
            parser.limits(&mut whole)?;
            whole.span = parser.span_from(start);
            Ok(Query::Select(Box::new(whole)))
        })
    }

    /// `first UNION …`, or `first` when no set operation follows.
    pub(super) fn set_operations(&mut self, first: Query) -> Result<Query> {
        let mut rest = Vec::new();
        while let Some(operator) = self.set_operator() {
            rest.push((operator, self.query_term()?));
            self.grow()?;
        }
        Ok(if rest.is_empty() { first } else { Query::Set(Box::new(SetQuery { first, rest })) })
    }

    fn set_operator(&mut self) -> Option<SetOperator> {
        for (word, all, distinct) in [
            ("union", SetOperator::UnionAll, SetOperator::UnionDistinct),
            ("intersect", SetOperator::Intersect, SetOperator::IntersectDistinct),
            ("except", SetOperator::Except, SetOperator::ExceptDistinct),
        ] {
            if self.take_word(word) {
                if self.take_word("distinct") {
                    return Some(distinct);
                }
                let plain = !self.take_word("all") && word == "union";
                return Some(if plain { distinct } else { all });
            }
        }
        None
    }

    fn query_term(&mut self) -> Result<Query> {
        if self.take_symbol("(") {
            let query = self.query()?;
            self.expect_symbol(")")?;
            return Ok(query);
        }
        self.select().map(|select| Query::Select(Box::new(select)))
    }

    /// Whether a select starts here, perhaps behind parentheses.
    pub(super) fn at_query(&self) -> bool {
        let mut ahead = 0;
        while self.is_symbol_at(ahead, "(") {
            ahead += 1;
        }
        self.is_word_at(ahead, "select")
            || (self.is_word_at(ahead, "with") && !self.is_symbol_at(ahead + 1, ",") && !self.is_symbol_at(ahead + 1, ")"))
    }

    fn select(&mut self) -> Result<Select> {
        let start = self.start();
        let mut select = Select::default();
        if self.take_word("with") {
            select.ctes = self.ctes()?;
        }
        if !self.take_word("select") {
            return Err(self.expected("SELECT"));
        }
        select.distinct = self.take_word("distinct");
        if self.is_word("top") && matches!(self.peek_at(1), TokenKind::Int(_)) {
            self.next();
            select.limit = Some(self.primary()?);
        }
        select.columns = self.select_list()?;
        if self.take_word("from") {
            select.from = Some(self.from()?);
        }
        self.array_join(&mut select)?;
        if self.take_word("prewhere") {
            select.prewhere = Some(self.expr()?);
        }
        if self.take_word("where") {
            select.filter = Some(self.expr()?);
        }
        self.grouping(&mut select)?;
        self.ordering(&mut select)?;
        self.limits(&mut select)?;
        self.settings(&mut select)?;
        select.span = self.span_from(start);
        Ok(select)
    }

    fn ctes(&mut self) -> Result<Vec<Cte>> {
        let recursive = self.take_word("recursive");
        let ctes = self.separated(|parser| {
            let named = matches!(parser.peek(), TokenKind::Word(_) | TokenKind::Quoted(_));
            let plain = named
                && parser.is_word_at(1, "as")
                && (parser.is_symbol_at(2, "(") || parser.is_word_at(2, "materialized") || parser.is_word_at(2, "not"));
            if plain || (named && parser.has_cte_columns()) {
                return parser.cte_query(recursive);
            }
            let expr = parser.expr_no_alias()?;
            parser.expect_word("as")?;
            let name = parser.identifier("a name")?;
            Ok(Cte::Expr { name, expr })
        })?;
        Ok(ctes)
    }

    /// `name (a, b) AS (`
    fn has_cte_columns(&self) -> bool {
        let mut ahead = 2;
        if !self.is_symbol_at(1, "(") {
            return false;
        }
        while matches!(self.peek_at(ahead), TokenKind::Word(_) | TokenKind::Quoted(_)) || self.is_symbol_at(ahead, ",") {
            ahead += 1;
        }
        self.is_symbol_at(ahead, ")") && self.is_word_at(ahead + 1, "as") && self.is_symbol_at(ahead + 2, "(")
    }

    fn cte_query(&mut self, recursive: bool) -> Result<Cte> {
        let name = self.identifier("a name")?;
        let columns = if self.take_symbol("(") { self.list_until(")", |parser| parser.identifier("a column name"))? } else { Vec::new() };
        self.expect_word("as")?;
        let _ = self.take_words(&["not", "materialized"]) || self.take_word("materialized");
        self.expect_symbol("(")?;
        let query = self.query()?;
        self.expect_symbol(")")?;
        Ok(Cte::Query { name, columns, recursive, query })
    }

    fn select_list(&mut self) -> Result<Vec<Expr>> {
        let mut columns = vec![self.select_item()?];
        while self.take_symbol(",") {
            if self.ends_select_list() {
                break;
            }
            columns.push(self.select_item()?);
        }
        Ok(columns)
    }

    fn ends_select_list(&self) -> bool {
        *self.peek() == TokenKind::End
            || self.is_symbol(")")
            || self.is_symbol(";")
            || (self.is_any_word(CLAUSES) && !self.is_symbol_at(1, "(") && !self.is_symbol_at(1, "."))
    }

    fn select_item(&mut self) -> Result<Expr> {
        let start = self.start();
        let expr = self.expr()?;
        let implicit_alias = match self.peek() {
            TokenKind::Quoted(_) => true,
            TokenKind::Word(_) => !self.is_any_word(CLAUSES),
            _ => false,
        };
        if !implicit_alias || expr.alias().is_some() {
            return Ok(expr);
        }
        let name = self.identifier("a name")?;
        self.grow()?;
        Ok(Expr { kind: ExprKind::Alias { expr: Box::new(expr), name }, span: self.span_from(start) })
    }

    fn array_join(&mut self, select: &mut Select) -> Result<()> {
        let left = self.are_words(&["left", "array", "join"]);
        if left || self.are_words(&["inner", "array", "join"]) {
            self.next();
        }
        if self.take_words(&["array", "join"]) {
            let arrays = self.separated(Self::expr)?;
            select.array_join = Some(ArrayJoin { left, arrays });
        }
        Ok(())
    }

    fn grouping(&mut self, select: &mut Select) -> Result<()> {
        if self.take_words(&["group", "by"]) {
            select.group_by = self.group_by()?;
        }
        let start = self.start();
        if self.take_words(&["with", "totals"]) {
            select.totals = Some(self.span_from(start));
        }
        if self.take_word("having") {
            select.having = Some(self.expr()?);
        }
        // PostHog writes QUALIFY first, SQL the windows.
        self.qualify(select)?;
        if self.take_word("window") {
            select.windows = self.separated(|parser| {
                let name = parser.identifier("a window name")?;
                parser.expect_word("as")?;
                parser.expect_symbol("(")?;
                Ok((name, parser.window_spec()?))
            })?;
        }
        self.qualify(select)
    }

    fn qualify(&mut self, select: &mut Select) -> Result<()> {
        if select.qualify.is_none() && self.take_word("qualify") {
            select.qualify = Some(self.expr()?);
        }
        Ok(())
    }

    fn group_by(&mut self) -> Result<GroupBy> {
        if self.is_word("all") && !self.is_symbol_at(1, "(") {
            self.next();
            return Ok(GroupBy::All);
        }
        if self.take_words(&["grouping", "sets"]) {
            self.expect_symbol("(")?;
            let sets =
                self.list_until(
                    ")",
                    |parser| {
                        if parser.take_symbol("(") { parser.list_until(")", Self::expr) } else { Ok(vec![parser.expr()?]) }
                    },
                )?;
            return Ok(GroupBy::Sets(sets));
        }
        for (word, make) in [("rollup", GroupBy::Rollup as fn(Vec<Expr>) -> GroupBy), ("cube", GroupBy::Cube)] {
            if self.is_word(word) && self.is_symbol_at(1, "(") {
                self.next();
                self.next();
                return self.list_until(")", Self::expr).map(make);
            }
        }
        let mut keys = vec![self.expr()?];
        while self.take_symbol(",") && !self.ends_select_list() {
            keys.push(self.expr()?);
        }
        Ok(if self.take_words(&["with", "rollup"]) {
            GroupBy::Rollup(keys)
        } else if self.take_words(&["with", "cube"]) {
            GroupBy::Cube(keys)
        } else {
            GroupBy::Exprs(keys)
        })
    }

    fn ordering(&mut self, select: &mut Select) -> Result<()> {
        if self.take_words(&["order", "by"]) {
            select.order_by = self.separated(Self::order)?;
        }
        if self.is_word("interpolate") {
            return Err(self.error_here("INTERPOLATE is not supported"));
        }
        Ok(())
    }

    pub(super) fn order(&mut self) -> Result<Order> {
        let expr = self.expr()?;
        let descending = self.take_word("desc") || self.take_word("descending");
        if !descending {
            let _ = self.take_word("asc") || self.take_word("ascending");
        }
        let nulls_first = match self.take_word("nulls") {
            false => None,
            true if self.take_word("first") => Some(true),
            true => {
                self.expect_word("last")?;
                Some(false)
            }
        };
        if self.are_words(&["with", "fill"]) {
            return Err(self.error_here("WITH FILL is not supported"));
        }
        Ok(Order { expr, descending, nulls_first })
    }

    /// `LIMIT n BY …`, `LIMIT n [OFFSET m]`, `LIMIT n, m`, `OFFSET m`, in the orders that ClickHouse takes.
    fn limits(&mut self, select: &mut Select) -> Result<()> {
        self.offset(select)?;
        while self.take_word("limit") {
            let limit = self.expr()?;
            // As PostHog reads it: `LIMIT 5, 10` is `LIMIT 5 OFFSET 10`, unlike in ClickHouse.
            let offset = if self.take_symbol(",") || self.take_word("offset") { Some(self.expr()?) } else { None };
            if self.take_word("by") {
                if select.limit_by.is_some() {
                    return Err(self.error_here("There can be only one LIMIT BY"));
                }
                select.limit_by = Some(LimitBy { limit, offset, by: self.separated(Self::expr)? });
                continue;
            }
            if select.limit.is_some() {
                return Err(self.error_here("There can be only one LIMIT"));
            }
            select.with_ties = self.take_words(&["with", "ties"]);
            select.limit = Some(limit);
            select.offset = offset.or(select.offset.take());
        }
        self.offset(select)
    }

    fn offset(&mut self, select: &mut Select) -> Result<()> {
        if select.offset.is_none() && self.take_word("offset") {
            select.offset = Some(self.expr()?);
            let _ = self.take_word("rows") || self.take_word("row");
        }
        Ok(())
    }

    fn settings(&mut self, select: &mut Select) -> Result<()> {
        if self.take_word("settings") {
            select.settings = self.separated(|parser| {
                let name = parser.identifier("a setting")?;
                parser.expect_symbol("=")?;
                Ok((name, parser.expr()?))
            })?;
        }
        Ok(())
    }

    /// Behind the opening parenthesis; takes the closing one.
    pub(super) fn window_spec(&mut self) -> Result<WindowSpec> {
        let mut spec = WindowSpec::default();
        if self.take_words(&["partition", "by"]) {
            spec.partition_by = self.separated(Self::expr)?;
        }
        if self.take_words(&["order", "by"]) {
            spec.order_by = self.separated(Self::order)?;
        }
        for (word, unit) in [("rows", FrameUnit::Rows), ("range", FrameUnit::Range), ("groups", FrameUnit::Groups)] {
            if self.take_word(word) {
                spec.frame = Some(self.frame(unit)?);
            }
        }
        self.expect_symbol(")")?;
        Ok(spec)
    }

    fn frame(&mut self, unit: FrameUnit) -> Result<Frame> {
        if !self.take_word("between") {
            return Ok(Frame { unit, start: self.frame_bound()?, end: None });
        }
        let start = self.frame_bound()?;
        self.expect_word("and")?;
        Ok(Frame { unit, start, end: Some(self.frame_bound()?) })
    }

    fn frame_bound(&mut self) -> Result<FrameBound> {
        if self.take_words(&["current", "row"]) {
            return Ok(FrameBound::CurrentRow);
        }
        if self.take_word("unbounded") {
            if self.take_word("preceding") {
                return Ok(FrameBound::UnboundedPreceding);
            }
            self.expect_word("following")?;
            return Ok(FrameBound::UnboundedFollowing);
        }
        let rows = Box::new(self.primary()?);
        if self.take_word("preceding") {
            return Ok(FrameBound::Preceding(rows));
        }
        self.expect_word("following")?;
        Ok(FrameBound::Following(rows))
    }
}
