use super::select::CLAUSES;
use super::{Parser, Result};
use crate::ast::*;
use crate::lexer::{TemplatePart, TokenKind};

/// How tightly operators bind; a higher number binds tighter. As in PostHog's grammar, `??` binds looser than comparison.
pub(crate) mod power {
    pub const ALIAS: u8 = 1;
    pub const TERNARY: u8 = 5;
    pub const OR: u8 = 10;
    pub const AND: u8 = 20;
    pub const NOT: u8 = 30;
    pub const NULLISH: u8 = 35;
    pub const COMPARE: u8 = 40;
    pub const ADD: u8 = 50;
    pub const MULTIPLY: u8 = 60;
    pub const NEGATE: u8 = 70;
    pub const POSTFIX: u8 = 80;
}

/// Words that cannot begin an expression.
const NOT_EXPRESSIONS: &[&str] = &[
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
    "in",
    "between",
    "like",
    "ilike",
    "is",
    "by",
];

impl Parser<'_> {
    pub(super) fn expr(&mut self) -> Result<Expr> {
        self.nested(|parser| parser.binary(power::ALIAS))
    }

    pub(super) fn expr_no_alias(&mut self) -> Result<Expr> {
        self.nested(|parser| parser.binary(power::TERNARY))
    }

    fn operand(&mut self, min: u8) -> Result<Box<Expr>> {
        self.nested(|parser| parser.binary(min)).map(Box::new)
    }

    /// A lone literal, name or parenthesis, for places where operators would be ambiguous.
    pub(super) fn primary(&mut self) -> Result<Expr> {
        self.nested(|parser| parser.binary(power::POSTFIX))
    }

    fn binary(&mut self, min: u8) -> Result<Expr> {
        let start = self.start();
        let mut left = self.prefix(min)?;
        // The AND or OR that made `left` in this loop, and so may take one more term.
        let mut chain = None;
        loop {
            let before = self.at;
            left = self.extend(left, min, start, &mut chain)?;
            if self.at == before {
                return Ok(left);
            }
            left.span = self.span_from(start);
            self.grow()?;
        }
    }

    /// `left` with the next operator applied, when one follows that binds at least as tightly as `min`.
    fn extend(&mut self, left: Expr, min: u8, start: usize, chain: &mut Option<u8>) -> Result<Expr> {
        let open = chain.take();
        let kind = match self.peek().clone() {
            TokenKind::Symbol(symbol) => return self.extend_symbol(left, symbol, min, start),
            TokenKind::Word(word) => match word.to_ascii_lowercase().as_str() {
                "and" if min <= power::AND => {
                    self.next();
                    *chain = Some(power::AND);
                    return self.chain(left, power::AND, start, open == *chain);
                }
                "or" if min <= power::OR => {
                    self.next();
                    *chain = Some(power::OR);
                    return self.chain(left, power::OR, start, open == *chain);
                }
                "as" if min <= power::ALIAS => {
                    self.next();
                    let name = match self.peek().clone() {
                        TokenKind::String(name) => {
                            self.next();
                            name
                        }
                        _ => self.identifier("an alias")?,
                    };
                    ExprKind::Alias { expr: Box::new(left), name }
                }
                "is" if min <= power::COMPARE => self.is_null(left)?,
                "between" | "not" | "like" | "ilike" | "in" | "global" if min <= power::COMPARE => match self.word_comparison(left)? {
                    Ok(kind) => kind,
                    Err(left) => return Ok(left),
                },
                _ => return Ok(left),
            },
            _ => return Ok(left),
        };
        Ok(Expr { kind, span: self.span_from(start) })
    }

    /// `left AND right`; `flatten` when `left` is a chain of the same operator without parentheses.
    fn chain(&mut self, left: Expr, level: u8, start: usize, flatten: bool) -> Result<Expr> {
        let right = *self.operand(level + 1)?;
        let span = self.span_from(start);
        let kind = match (left.kind, level) {
            (ExprKind::And(mut terms), power::AND) if flatten => {
                terms.push(right);
                self.height = self.height.saturating_sub(1);
                ExprKind::And(terms)
            }
            (ExprKind::Or(mut terms), power::OR) if flatten => {
                terms.push(right);
                self.height = self.height.saturating_sub(1);
                ExprKind::Or(terms)
            }
            (kind, power::AND) => ExprKind::And(vec![Expr { kind, span: left.span }, right]),
            (kind, _) => ExprKind::Or(vec![Expr { kind, span: left.span }, right]),
        };
        Ok(Expr { kind, span })
    }

    fn extend_symbol(&mut self, left: Expr, symbol: &'static str, min: u8, start: usize) -> Result<Expr> {
        if let Some((level, op)) = arithmetic(symbol).filter(|(level, _)| *level >= min) {
            self.next();
            let right = self.operand(level + 1)?;
            return Ok(Expr { kind: ExprKind::Arithmetic(Box::new(left), op, right), span: self.span_from(start) });
        }
        if let Some(op) = comparison(symbol).filter(|_| min <= power::COMPARE) {
            self.next();
            let right = self.operand(power::COMPARE + 1)?;
            return Ok(Expr { kind: ExprKind::Compare(Box::new(left), op, right), span: self.span_from(start) });
        }
        let kind = match symbol {
            "||" if min <= power::ADD => {
                self.next();
                let right = *self.operand(power::ADD + 1)?;
                self.named_call("concat", vec![left, right])
            }
            "??" if min <= power::NULLISH => {
                self.next();
                let right = *self.operand(power::NULLISH + 1)?;
                self.named_call("ifNull", vec![left, right])
            }
            "?" if min <= power::TERNARY => {
                self.next();
                let yes = *self.operand(power::TERNARY)?;
                self.expect_symbol(":")?;
                let no = *self.operand(power::TERNARY)?;
                self.named_call("if", vec![left, yes, no])
            }
            "::" => {
                self.next();
                ExprKind::Cast { expr: Box::new(left), to: self.type_name()?, or_null: false }
            }
            "." | "?." => self.member(left)?,
            "[" => self.index(left)?,
            _ => return Ok(left),
        };
        Ok(Expr { kind, span: self.span_from(start) })
    }

    fn named_call(&self, name: &str, args: Vec<Expr>) -> ExprKind {
        ExprKind::Call(Box::new(Call { name: name.to_owned(), args, ..Call::default() }))
    }

    fn member(&mut self, of: Expr) -> Result<ExprKind> {
        self.next();
        if self.is_symbol("[") {
            return self.index(of);
        }
        let name = match self.peek().clone() {
            TokenKind::Int(position) => {
                self.next();
                position.to_string()
            }
            TokenKind::Symbol("*") => {
                self.next();
                return match of.kind {
                    ExprKind::Field(table) => Ok(ExprKind::Star(self.star(table)?)),
                    _ => Err(self.error_here("Only a table can be followed by .*")),
                };
            }
            _ => self.identifier("a name")?,
        };
        Ok(match of.kind {
            ExprKind::Field(mut path) => {
                path.push(name);
                // A path is one node however long it is.
                self.height = self.height.saturating_sub(1);
                ExprKind::Field(path)
            }
            kind => ExprKind::Access { of: Box::new(Expr { kind, span: of.span }), name },
        })
    }

    fn index(&mut self, of: Expr) -> Result<ExprKind> {
        self.expect_symbol("[")?;
        let of = Box::new(of);
        if self.take_symbol(":") {
            let to = if self.is_symbol("]") { None } else { Some(self.operand(power::TERNARY)?) };
            self.expect_symbol("]")?;
            return Ok(ExprKind::Slice { of, from: None, to });
        }
        let index = self.operand(power::TERNARY)?;
        if self.take_symbol(":") {
            let to = if self.is_symbol("]") { None } else { Some(self.operand(power::TERNARY)?) };
            self.expect_symbol("]")?;
            return Ok(ExprKind::Slice { of, from: Some(index), to });
        }
        self.expect_symbol("]")?;
        Ok(ExprKind::Index { of, index })
    }

    fn is_null(&mut self, left: Expr) -> Result<ExprKind> {
        self.next();
        let negated = self.take_word("not");
        let expr = Box::new(left);
        if self.take_word("null") {
            return Ok(ExprKind::IsNull { expr, negated });
        }
        if self.take_words(&["distinct", "from"]) {
            let right = self.operand(power::COMPARE + 1)?;
            let op = if negated { CompareOp::NullSafeEq } else { CompareOp::NullSafeNotEq };
            return Ok(ExprKind::Compare(expr, op, right));
        }
        for (word, flag) in [("true", true), ("false", false)] {
            if self.take_word(word) {
                let op = if negated { CompareOp::NullSafeNotEq } else { CompareOp::NullSafeEq };
                return Ok(ExprKind::Compare(expr, op, Box::new(Expr::constant(flag))));
            }
        }
        Err(self.expected("NULL"))
    }

    /// `[NOT] BETWEEN | LIKE | ILIKE | [GLOBAL] IN [COHORT]`; gives `left` back when none of them follows.
    fn word_comparison(&mut self, left: Expr) -> Result<std::result::Result<ExprKind, Expr>> {
        let before = self.at;
        let mut negated = self.take_word("not");
        if self.take_word("between") {
            let low = self.operand(power::COMPARE + 1)?;
            self.expect_word("and")?;
            let high = self.operand(power::COMPARE + 1)?;
            return Ok(Ok(ExprKind::Between { expr: Box::new(left), low, high, negated }));
        }
        let op = if self.take_word("like") {
            if negated { CompareOp::NotLike } else { CompareOp::Like }
        } else if self.take_word("ilike") {
            if negated { CompareOp::NotILike } else { CompareOp::ILike }
        } else {
            let global = self.take_word("global");
            negated |= global && self.take_word("not");
            if !self.take_word("in") {
                self.at = before;
                return Ok(Err(left));
            }
            match (self.take_word("cohort"), negated) {
                (false, false) => CompareOp::In,
                (false, true) => CompareOp::NotIn,
                (true, false) => CompareOp::InCohort,
                (true, true) => CompareOp::NotInCohort,
            }
        };
        let right = self.operand(power::COMPARE + 1)?;
        Ok(Ok(ExprKind::Compare(Box::new(left), op, right)))
    }

    fn prefix(&mut self, min: u8) -> Result<Expr> {
        let start = self.start();
        let kind = match self.peek().clone() {
            TokenKind::Int(value) => self.literal(Constant::Int(value)),
            TokenKind::Float(value) => self.literal(Constant::Float(value)),
            TokenKind::String(value) => self.literal(Constant::String(value)),
            TokenKind::Template(parts) => {
                self.next();
                self.template(&parts)?
            }
            TokenKind::Symbol("-") => self.negative()?,
            TokenKind::Symbol("+") => {
                self.next();
                return self.operand(power::NEGATE).map(|expr| *expr);
            }
            TokenKind::Symbol("(") => return self.parenthesis(start),
            TokenKind::Symbol("[") => {
                self.next();
                ExprKind::Array(self.list_until("]", Self::expr)?)
            }
            TokenKind::Symbol("{") => self.brace()?,
            TokenKind::Symbol("*") => {
                self.next();
                ExprKind::Star(self.star(Vec::new())?)
            }
            TokenKind::Word(word) => self.word(&word, min)?,
            TokenKind::Quoted(name) => {
                self.next();
                self.name(name)?
            }
            TokenKind::Symbol("<") => return Err(self.error_here("HogQLX tags are not supported")),
            _ => return Err(self.expected("an expression")),
        };
        Ok(Expr { kind, span: self.span_from(start) })
    }

    fn literal(&mut self, value: Constant) -> ExprKind {
        self.next();
        ExprKind::Constant(value)
    }

    fn negative(&mut self) -> Result<ExprKind> {
        self.next();
        let value = match *self.peek() {
            TokenKind::Int(value) => Constant::Int(-value),
            TokenKind::Float(value) => Constant::Float(-value),
            _ if self.is_word("inf") => Constant::Float(f64::NEG_INFINITY),
            _ => return Ok(ExprKind::Negate(self.operand(power::NEGATE)?)),
        };
        Ok(self.literal(value))
    }

    /// `(a)`, `(a, b)`, `(select …)`, `(x, y) -> …`
    fn parenthesis(&mut self, start: usize) -> Result<Expr> {
        self.next();
        // `((select …` may still be an expression, as in `((select 1) + 1)`.
        if self.at_query() && !self.is_symbol("(") {
            let query = self.query()?;
            self.expect_symbol(")")?;
            return Ok(Expr { kind: ExprKind::Subquery(Box::new(query)), span: self.span_from(start) });
        }
        if self.take_symbol(")") {
            let kind = if self.take_symbol("->") { self.lambda(Vec::new())? } else { ExprKind::Tuple(Vec::new()) };
            return Ok(Expr { kind, span: self.span_from(start) });
        }
        let mut first = self.expr()?;
        if let ExprKind::Subquery(query) = first.kind {
            let query = self.set_operations(*query)?;
            first = Expr { kind: ExprKind::Subquery(Box::new(query)), span: first.span };
        }
        let is_tuple = self.take_symbol(",");
        let mut items = vec![first];
        if is_tuple {
            items.extend(self.list_until(")", Self::expr)?);
        } else {
            self.expect_symbol(")")?;
        }
        if self.take_symbol("->") {
            let kind = self.lambda_over(items)?;
            return Ok(Expr { kind, span: self.span_from(start) });
        }
        match (is_tuple, items.pop()) {
            (false, Some(inner)) => Ok(inner),
            (_, last) => {
                items.extend(last);
                Ok(Expr { kind: ExprKind::Tuple(items), span: self.span_from(start) })
            }
        }
    }

    fn lambda_over(&mut self, params: Vec<Expr>) -> Result<ExprKind> {
        let mut names = Vec::with_capacity(params.len());
        for param in params {
            match param.kind {
                ExprKind::Field(mut path) if path.len() == 1 => names.extend(path.pop()),
                _ => return Err(self.error_here("The parameters of a lambda are plain names")),
            }
        }
        self.lambda(names)
    }

    fn lambda(&mut self, params: Vec<String>) -> Result<ExprKind> {
        Ok(ExprKind::Lambda { params, body: self.operand(power::TERNARY)? })
    }

    /// `{name}`, `{a.b}`, `{'key': value}`
    fn brace(&mut self) -> Result<ExprKind> {
        self.next();
        if self.is_symbol("}") || self.is_symbol_at(1, ":") {
            return Ok(ExprKind::Dict(self.list_until("}", |parser| {
                let key = *parser.operand(power::OR)?;
                parser.expect_symbol(":")?;
                Ok((key, *parser.operand(power::TERNARY)?))
            })?));
        }
        let mut expr = *self.operand(power::TERNARY)?;
        self.expect_symbol("}")?;
        // Names in braces are those of values, not of columns: `{a.b}`, `{now - a}`.
        expr.visit_mut(&mut |expr| {
            if let ExprKind::Field(path) = &mut expr.kind {
                expr.kind = ExprKind::Placeholder(std::mem::take(path));
            }
        });
        Ok(expr.kind)
    }

    /// Behind the opening brace.
    pub(super) fn placeholder_path(&mut self) -> Result<Vec<String>> {
        let mut path = vec![self.identifier("the name of a placeholder")?];
        while self.take_symbol(".") {
            path.push(self.identifier("the name of a placeholder")?);
        }
        self.expect_symbol("}")?;
        Ok(path)
    }

    pub(super) fn star(&mut self, table: Vec<String>) -> Result<Star> {
        let mut star = Star { table, ..Star::default() };
        if (self.is_word("exclude") || self.is_word("except")) && self.is_symbol_at(1, "(") {
            self.next();
            self.next();
            star.exclude = self.list_until(")", |parser| parser.identifier("a column"))?;
        }
        if self.is_word("replace") && self.is_symbol_at(1, "(") {
            self.next();
            self.next();
            star.replace = self.list_until(")", |parser| {
                let expr = parser.expr_no_alias()?;
                parser.expect_word("as")?;
                Ok((expr, parser.identifier("a column")?))
            })?;
        }
        Ok(star)
    }

    fn template(&mut self, parts: &[TemplatePart]) -> Result<ExprKind> {
        let mut args = Vec::with_capacity(parts.len());
        for part in parts {
            args.push(match part {
                TemplatePart::Text(text) => Expr::constant(text.as_str()),
                TemplatePart::Expr(start, end) => {
                    let mut inner = Parser::of_range(self.text, *start, *end, self.depth)?;
                    let expr = inner.expr()?;
                    inner.expect_end()?;
                    self.height = self.height.max(inner.height);
                    expr
                }
            });
        }
        Ok(if args.is_empty() { ExprKind::Constant(Constant::String(String::new())) } else { self.named_call("concat", args) })
    }

    fn word(&mut self, word: &str, min: u8) -> Result<ExprKind> {
        let lower = word.to_ascii_lowercase();
        let followed_by_text = matches!(self.peek_at(1), TokenKind::String(_));
        let called = self.is_symbol_at(1, "(");
        match lower.as_str() {
            "true" | "false" if !called => return Ok(self.literal(Constant::Bool(lower == "true"))),
            "null" if !called => return Ok(self.literal(Constant::Null)),
            "inf" | "infinity" if !called => return Ok(self.literal(Constant::Float(f64::INFINITY))),
            "nan" if !called => return Ok(self.literal(Constant::Float(f64::NAN))),
            "not" if !called || min <= power::NOT => {
                self.next();
                return Ok(ExprKind::Not(self.operand(power::NOT)?));
            }
            "case" => {
                self.next();
                return self.case();
            }
            "interval" if followed_by_text || matches!(self.peek_at(1), TokenKind::Int(_)) || called || self.is_unit_at(2) => {
                return self.interval();
            }
            "date" | "timestamp" if followed_by_text => return self.dated(&lower),
            "cast" | "try_cast" if called => return self.cast(lower == "try_cast"),
            "extract" if called && self.is_word_at(3, "from") => return self.extract(),
            "columns" if called && matches!(self.peek_at(2), TokenKind::String(_)) => return self.columns(),
            "trim" if called && ["both", "leading", "trailing"].iter().any(|side| self.is_word_at(2, side)) => return self.trim(),
            _ => {}
        }
        let reserved = NOT_EXPRESSIONS.contains(&lower.as_str()) && !called && !self.is_symbol_at(1, ".");
        if reserved || (CLAUSES.contains(&lower.as_str()) && lower != "any" && lower != "all" && !called && self.ends_expression(1)) {
            return Err(self.expected("an expression"));
        }
        self.next();
        self.name(word.to_owned())
    }

    /// `from from` and `limit 1`: a keyword where an expression should be. `limit = 1` is a column.
    fn ends_expression(&self, ahead: usize) -> bool {
        matches!(self.peek_at(ahead), TokenKind::Int(_) | TokenKind::Word(_) | TokenKind::Quoted(_))
            && !["and", "or", "as", "is", "in", "not", "like", "ilike", "between", "from", "desc", "asc", "nulls"]
                .iter()
                .any(|word| self.is_word_at(ahead, word))
    }

    /// Behind the first word of a path, a call or a lambda.
    fn name(&mut self, name: String) -> Result<ExprKind> {
        if self.take_symbol("->") {
            return self.lambda(vec![name]);
        }
        if self.is_symbol("(") {
            return self.call(name);
        }
        Ok(ExprKind::Field(vec![name]))
    }

    fn call(&mut self, name: String) -> Result<ExprKind> {
        let mut call = Call { name, ..Call::default() };
        self.next();
        self.call_args(&mut call)?;
        if self.is_symbol("(") {
            if call.distinct || !call.order_by.is_empty() {
                return Err(self.expected("no second pair of parentheses"));
            }
            self.next();
            call.params = std::mem::take(&mut call.args);
            self.call_args(&mut call)?;
        }
        if self.take_words(&["within", "group"]) {
            self.expect_symbol("(")?;
            if !self.take_words(&["order", "by"]) {
                return Err(self.expected("ORDER BY"));
            }
            call.order_by = self.separated(Self::order)?;
            self.expect_symbol(")")?;
        }
        if self.is_word("filter") && self.is_symbol_at(1, "(") {
            self.next();
            self.next();
            self.expect_word("where")?;
            call.filter = Some(self.expr()?);
            self.expect_symbol(")")?;
        }
        if self.take_word("over") {
            call.over =
                Some(if self.take_symbol("(") { Over::Spec(self.window_spec()?) } else { Over::Named(self.identifier("a window")?) });
        }
        Ok(ExprKind::Call(Box::new(call)))
    }

    /// Behind the opening parenthesis; takes the closing one.
    fn call_args(&mut self, call: &mut Call) -> Result<()> {
        call.distinct = self.is_word("distinct") && !self.is_symbol_at(1, ",") && !self.is_symbol_at(1, ")");
        if call.distinct {
            self.next();
        }
        if self.at_query_argument() {
            let start = self.start();
            let query = self.query()?;
            call.args.push(Expr { kind: ExprKind::Subquery(Box::new(query)), span: self.span_from(start) });
            return self.expect_symbol(")");
        }
        while !self.take_symbol(")") {
            call.args.push(self.expr()?);
            if self.take_words(&["order", "by"]) {
                call.order_by = self.separated(Self::order)?;
                return self.expect_symbol(")");
            }
            if !self.take_symbol(",") {
                return self.expect_symbol(")");
            }
        }
        Ok(())
    }

    /// `exists(select …)`: a query that needs no parentheses of its own.
    fn at_query_argument(&self) -> bool {
        self.is_word("select") && !self.is_symbol_at(1, ",") && !self.is_symbol_at(1, ")")
    }

    fn case(&mut self) -> Result<ExprKind> {
        let subject = if self.is_word("when") { None } else { Some(*self.operand(power::TERNARY)?) };
        let mut args = Vec::new();
        while self.take_word("when") {
            let when = *self.operand(power::TERNARY)?;
            self.expect_word("then")?;
            let then = *self.operand(power::TERNARY)?;
            args.push(match &subject {
                Some(subject) => Expr::eq(subject.clone(), when),
                None => when,
            });
            args.push(then);
        }
        if args.is_empty() {
            return Err(self.expected("WHEN"));
        }
        args.push(if self.take_word("else") { *self.operand(power::TERNARY)? } else { Expr::null() });
        self.expect_word("end")?;
        let name = if args.len() == 3 { "if" } else { "multiIf" };
        Ok(self.named_call(name, args))
    }

    fn is_unit_at(&self, ahead: usize) -> bool {
        matches!(self.peek_at(ahead - 1), TokenKind::Word(_))
            && matches!(self.peek_at(ahead), TokenKind::Word(unit) if interval_function(unit).is_some())
    }

    /// `INTERVAL 1 DAY`, `INTERVAL '1 day'`
    fn interval(&mut self) -> Result<ExprKind> {
        self.next();
        if let TokenKind::String(text) = self.peek().clone()
            && let Some((count, unit)) = text.trim().split_once(' ')
        {
            let name = count.parse::<i64>().ok().zip(interval_function(unit.trim()));
            let Some((count, name)) = name else {
                return Err(self.error_here(format!("'{text}' is not an interval")));
            };
            self.next();
            return Ok(self.named_call(name, vec![Expr::constant(count)]));
        }
        let count = *self.operand(power::ADD)?;
        let TokenKind::Word(unit) = self.peek().clone() else {
            return Err(self.expected("a unit of time"));
        };
        let Some(name) = interval_function(&unit) else {
            return Err(self.expected("a unit of time"));
        };
        self.next();
        Ok(self.named_call(name, vec![count]))
    }

    fn dated(&mut self, word: &str) -> Result<ExprKind> {
        self.next();
        let text = self.prefix(power::POSTFIX)?;
        Ok(self.named_call(if word == "date" { "toDate" } else { "toDateTime" }, vec![text]))
    }

    fn cast(&mut self, or_null: bool) -> Result<ExprKind> {
        self.next();
        self.next();
        let expr = Box::new(self.expr_no_alias()?);
        let to = if self.take_symbol(",") {
            let TokenKind::String(name) = self.peek().clone() else {
                return Err(self.expected("the name of a type as text"));
            };
            let mut inner = Parser::new(&name).map_err(|_| self.error_here(format!("'{name}' is not a type")))?;
            let read = inner.type_name().and_then(|read| inner.expect_end().map(|()| read));
            let read = read.map_err(|_| self.error_here(format!("'{name}' is not a type")))?;
            self.next();
            read
        } else {
            self.expect_word("as")?;
            self.type_name()?
        };
        self.expect_symbol(")")?;
        Ok(ExprKind::Cast { expr, to, or_null })
    }

    /// `Int64`, `Nullable(Float64)`, `Decimal(10, 2)`, `DateTime64(6, 'UTC')`, `double precision`
    fn type_name(&mut self) -> Result<String> {
        let start = self.at;
        let mut name = self.identifier("a type")?;
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            self.at = start;
            return Err(self.expected("a type"));
        }
        if self.is_word("precision") {
            self.next();
            name.push_str(" precision");
        }
        if self.take_symbol("(") {
            let args = self.nested(|parser| {
                parser.list_until(")", |parser| match parser.peek().clone() {
                    TokenKind::Int(value) => {
                        parser.next();
                        Ok(value.to_string())
                    }
                    // The name of a time zone.
                    TokenKind::String(value) if value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte)) => {
                        parser.next();
                        Ok(format!("'{value}'"))
                    }
                    _ => parser.type_name(),
                })
            })?;
            name = format!("{name}({})", args.join(", "));
        }
        Ok(name)
    }

    /// `EXTRACT(DAY FROM x)`
    fn extract(&mut self) -> Result<ExprKind> {
        self.next();
        self.next();
        let unit = self.identifier("a unit of time")?;
        let name = match unit.to_ascii_lowercase().as_str() {
            "year" => "toYear",
            "quarter" => "toQuarter",
            "month" => "toMonth",
            "week" => "toISOWeek",
            "day" => "toDayOfMonth",
            "dow" => "toDayOfWeek",
            "doy" => "toDayOfYear",
            "hour" => "toHour",
            "minute" => "toMinute",
            "second" => "toSecond",
            "epoch" => "toUnixTimestamp",
            _ => return Err(self.error_here(format!("'{unit}' is not a unit of time"))),
        };
        self.expect_word("from")?;
        let expr = self.expr()?;
        self.expect_symbol(")")?;
        Ok(self.named_call(name, vec![expr]))
    }

    fn columns(&mut self) -> Result<ExprKind> {
        self.next();
        self.next();
        let TokenKind::String(pattern) = self.next() else { return Err(self.expected("a pattern")) };
        self.expect_symbol(")")?;
        Ok(ExprKind::Columns(pattern))
    }

    /// `TRIM(BOTH 'x' FROM y)`
    fn trim(&mut self) -> Result<ExprKind> {
        self.next();
        self.next();
        let side = self.identifier("BOTH, LEADING or TRAILING")?.to_ascii_lowercase();
        let characters = self.expr()?;
        self.expect_word("from")?;
        let text = self.expr()?;
        self.expect_symbol(")")?;
        let name = match side.as_str() {
            "leading" => "trimLeft",
            "trailing" => "trimRight",
            _ => "trim",
        };
        Ok(self.named_call(name, vec![text, characters]))
    }
}

fn arithmetic(symbol: &str) -> Option<(u8, ArithmeticOp)> {
    Some(match symbol {
        "+" => (power::ADD, ArithmeticOp::Add),
        "-" => (power::ADD, ArithmeticOp::Subtract),
        "*" => (power::MULTIPLY, ArithmeticOp::Multiply),
        "/" => (power::MULTIPLY, ArithmeticOp::Divide),
        "%" => (power::MULTIPLY, ArithmeticOp::Modulo),
        _ => return None,
    })
}

fn comparison(symbol: &str) -> Option<CompareOp> {
    Some(match symbol {
        "=" | "==" => CompareOp::Eq,
        "!=" | "<>" => CompareOp::NotEq,
        "<" => CompareOp::Lt,
        "<=" => CompareOp::LtEq,
        ">" => CompareOp::Gt,
        ">=" => CompareOp::GtEq,
        "<=>" => CompareOp::NullSafeEq,
        "=~" | "~" => CompareOp::Regex,
        "!~" => CompareOp::NotRegex,
        "=~*" | "~*" => CompareOp::IRegex,
        "!~*" => CompareOp::NotIRegex,
        _ => return None,
    })
}

fn interval_function(unit: &str) -> Option<&'static str> {
    let unit = unit.to_ascii_lowercase();
    Some(match unit.strip_suffix('s').unwrap_or(&unit) {
        "second" => "toIntervalSecond",
        "minute" => "toIntervalMinute",
        "hour" => "toIntervalHour",
        "day" => "toIntervalDay",
        "week" => "toIntervalWeek",
        "month" => "toIntervalMonth",
        "quarter" => "toIntervalQuarter",
        "year" => "toIntervalYear",
        _ => return None,
    })
}
