use super::select::CLAUSES;
use super::{Parser, Result};
use crate::ast::*;
use crate::lexer::TokenKind;

impl Parser<'_> {
    pub(super) fn from(&mut self) -> Result<From> {
        // `(a JOIN b ON …) JOIN c ON …` joins in the same order without parentheses.
        let From { first, mut joins } = if self.is_symbol("(") && !self.at_query() && !self.is_word_at(1, "values") {
            self.next();
            let inner = self.nested(Self::from)?;
            self.expect_symbol(")")?;
            inner
        } else {
            From { first: self.table_ref()?, joins: Vec::new() }
        };
        while let Some(join) = self.join()? {
            joins.push(join);
            self.grow()?;
        }
        Ok(From { first, joins })
    }

    fn join(&mut self) -> Result<Option<Join>> {
        if self.take_symbol(",") {
            return Ok(Some(Join { kind: JoinKind::Cross, strictness: None, table: self.table_ref()?, constraint: None }));
        }
        if self.is_any_word(&["natural", "positional"]) {
            return Err(self.error_here("This kind of JOIN is not supported"));
        }
        let before = self.at;
        let _ = self.take_word("global");
        let mut kind = None;
        let mut strictness = None;
        while kind.is_none() || strictness.is_none() {
            if let Some(found) = self.join_strictness().filter(|_| strictness.is_none()) {
                strictness = Some(found);
            } else if let Some(found) = self.join_kind().filter(|_| kind.is_none()) {
                kind = Some(found);
            } else {
                break;
            }
        }
        if !self.take_word("join") {
            self.at = before;
            return Ok(None);
        }
        let table = self.table_ref()?;
        let constraint = self.join_constraint()?;
        Ok(Some(Join { kind: kind.unwrap_or(JoinKind::Inner), strictness, table, constraint }))
    }

    fn join_strictness(&mut self) -> Option<JoinStrictness> {
        let found = match self.peek() {
            TokenKind::Word(word) => match word.to_ascii_lowercase().as_str() {
                "any" => JoinStrictness::Any,
                "all" => JoinStrictness::All,
                "asof" => JoinStrictness::Asof,
                "semi" => JoinStrictness::Semi,
                "anti" => JoinStrictness::Anti,
                _ => return None,
            },
            _ => return None,
        };
        self.next();
        Some(found)
    }

    fn join_kind(&mut self) -> Option<JoinKind> {
        let found = match self.peek() {
            TokenKind::Word(word) => match word.to_ascii_lowercase().as_str() {
                "inner" => JoinKind::Inner,
                "left" => JoinKind::Left,
                "right" => JoinKind::Right,
                "full" => JoinKind::Full,
                "cross" => JoinKind::Cross,
                _ => return None,
            },
            _ => return None,
        };
        if self.is_word_at(1, "array") {
            return None;
        }
        self.next();
        if matches!(found, JoinKind::Left | JoinKind::Right | JoinKind::Full) {
            self.take_word("outer");
        }
        Some(found)
    }

    fn join_constraint(&mut self) -> Result<Option<JoinConstraint>> {
        if self.take_word("on") {
            return Ok(Some(JoinConstraint::On(self.expr()?)));
        }
        if !self.take_word("using") {
            return Ok(None);
        }
        let columns = if self.take_symbol("(") {
            self.list_until(")", |parser| parser.identifier("a column name"))?
        } else {
            self.separated(|parser| parser.identifier("a column name"))?
        };
        Ok(Some(JoinConstraint::Using(columns)))
    }

    fn table_ref(&mut self) -> Result<TableRef> {
        let start = self.start();
        let source = self.table_source()?;
        let mut table = TableRef::new(source);
        // `events FINAL e`, `events e FINAL` and `events e SAMPLE 0.1` are all written.
        table.is_final = self.take_word("final");
        if table.sample.is_none() {
            table.sample = self.sample()?;
        }
        let aliased = match self.peek() {
            TokenKind::Quoted(_) => true,
            TokenKind::Word(_) => self.take_word("as") || !self.is_any_word(CLAUSES),
            _ => false,
        };
        if aliased {
            table.alias = Some(self.identifier("a table alias")?);
            if self.take_symbol("(") {
                table.column_aliases = self.list_until(")", |parser| parser.identifier("a column name"))?;
            }
        }
        table.is_final |= self.take_word("final");
        if table.sample.is_none() {
            table.sample = self.sample()?;
        }
        table.span = self.span_from(start);
        Ok(table)
    }

    fn table_source(&mut self) -> Result<TableSource> {
        if self.is_symbol("(") {
            if self.is_word_at(1, "values") {
                self.next();
                self.next();
                return self.values();
            }
            if !self.at_query() {
                return Err(self.expected("a table or a subquery"));
            }
            self.next();
            let query = self.query()?;
            self.expect_symbol(")")?;
            return Ok(TableSource::Query(Box::new(query)));
        }
        if self.take_symbol("{") {
            return self.placeholder_path().map(TableSource::Placeholder);
        }
        if self.is_any_word(CLAUSES) && !self.is_symbol_at(1, ".") {
            return Err(self.expected("a table"));
        }
        let mut path = vec![self.identifier("a table")?];
        while self.take_symbol(".") {
            path.push(self.identifier("a table")?);
        }
        if !self.take_symbol("(") {
            return Ok(TableSource::Table(path));
        }
        let args = self.list_until(")", Self::expr)?;
        Ok(TableSource::Function { name: path.join("."), args })
    }

    /// `VALUES (…), (…))`, behind the opening parenthesis and the word.
    fn values(&mut self) -> Result<TableSource> {
        let rows = self.separated(|parser| {
            parser.expect_symbol("(")?;
            parser.list_until(")", Self::expr)
        })?;
        self.expect_symbol(")")?;
        Ok(TableSource::Values(rows))
    }

    fn sample(&mut self) -> Result<Option<Sample>> {
        if !self.take_word("sample") {
            return Ok(None);
        }
        let ratio = self.ratio()?;
        let offset = if self.take_word("offset") { Some(self.ratio()?) } else { None };
        Ok(Some(Sample { ratio, offset }))
    }

    fn ratio(&mut self) -> Result<f64> {
        let value = self.plain_number()?;
        Ok(if self.take_symbol("/") { value / self.plain_number()? } else { value })
    }

    fn plain_number(&mut self) -> Result<f64> {
        match *self.peek() {
            TokenKind::Int(value) => {
                self.next();
                Ok(value as f64)
            }
            TokenKind::Float(value) => {
                self.next();
                Ok(value)
            }
            _ => Err(self.expected("a number")),
        }
    }
}
