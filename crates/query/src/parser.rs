//! Tokens to tree: recursive descent, operators by binding power.
//!
//! `self.height` is how deep the tree built so far is. It grows with nesting and with every operator of a chain, so a tree that
//! parses is never deeper than [`MAX_DEPTH`], and everything that later walks it by recursion is bounded by that.

use crate::SyntaxError;
use crate::ast::{Expr, Query, Span};
use crate::lexer::{Token, TokenKind, tokenize};

mod expr;
mod from;
mod select;

pub(crate) use expr::power;

/// Deepest nesting of expressions and selects together.
pub const MAX_DEPTH: usize = 128;
const MAX_TEXT_BYTES: usize = 1 << 20;

type Result<T> = std::result::Result<T, SyntaxError>;

/// A select or a set operation. Text is at most 1 MiB, nesting at most 128 deep.
pub fn parse(text: &str) -> Result<Query> {
    let mut parser = Parser::new(text)?;
    let query = parser.query()?;
    parser.take_symbol(";");
    parser.expect_end()?;
    Ok(query)
}

/// One expression, as in a filter or a breakdown.
pub fn parse_expr(text: &str) -> Result<Expr> {
    let mut parser = Parser::new(text)?;
    let expr = parser.expr()?;
    parser.expect_end()?;
    Ok(expr)
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    height: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(SyntaxError { message: "The query is longer than 1 MiB".to_owned(), start: 0, end: text.len() });
        }
        Self::of_range(text, 0, text.len(), 0)
    }

    fn of_range(text: &'a str, start: usize, end: usize, depth: usize) -> Result<Self> {
        Ok(Parser { text, tokens: tokenize(text, start, end)?, at: 0, depth, height: 0 })
    }

    fn peek(&self) -> &TokenKind {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> &TokenKind {
        let last = self.tokens.len() - 1;
        &self.tokens[(self.at + ahead).min(last)].kind
    }

    fn start(&self) -> usize {
        self.tokens[self.at].start
    }

    fn span_from(&self, start: usize) -> Span {
        let end = if self.at == 0 { start } else { self.tokens[self.at - 1].end };
        Span { start: start as u32, end: end.max(start) as u32 }
    }

    fn next(&mut self) -> TokenKind {
        let kind = self.peek().clone();
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
        kind
    }

    fn error_here(&self, message: impl Into<String>) -> SyntaxError {
        let token = &self.tokens[self.at];
        SyntaxError { message: message.into(), start: token.start, end: token.end }
    }

    fn expected(&self, what: &str) -> SyntaxError {
        let token = &self.tokens[self.at];
        let found = match &token.kind {
            TokenKind::End => "the end of the query".to_owned(),
            _ => format!("'{}'", shorten(&self.text[token.start..token.end])),
        };
        self.error_here(format!("Syntax error: expected {what} but found {found}"))
    }

    fn expect_end(&self) -> Result<()> {
        if *self.peek() == TokenKind::End { Ok(()) } else { Err(self.expected("the end of the query")) }
    }

    fn is_symbol(&self, symbol: &str) -> bool {
        matches!(self.peek(), TokenKind::Symbol(found) if *found == symbol)
    }

    fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = self.is_symbol(symbol);
        if found {
            self.next();
        }
        found
    }

    fn expect_symbol(&mut self, symbol: &str) -> Result<()> {
        if self.take_symbol(symbol) { Ok(()) } else { Err(self.expected(&format!("'{symbol}'"))) }
    }

    fn is_word_at(&self, ahead: usize, word: &str) -> bool {
        matches!(self.peek_at(ahead), TokenKind::Word(found) if found.eq_ignore_ascii_case(word))
    }

    fn is_symbol_at(&self, ahead: usize, symbol: &str) -> bool {
        matches!(self.peek_at(ahead), TokenKind::Symbol(found) if *found == symbol)
    }

    fn is_word(&self, word: &str) -> bool {
        self.is_word_at(0, word)
    }

    fn is_any_word(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is_word(word))
    }

    /// Whether the next tokens are these words.
    fn are_words(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(ahead, word)| self.is_word_at(ahead, word))
    }

    fn take_word(&mut self, word: &str) -> bool {
        self.take_words(&[word])
    }

    fn take_words(&mut self, words: &[&str]) -> bool {
        let found = self.are_words(words);
        if found {
            words.iter().for_each(|_| drop(self.next()));
        }
        found
    }

    fn expect_word(&mut self, word: &str) -> Result<()> {
        if self.take_word(word) { Ok(()) } else { Err(self.expected(word)) }
    }

    /// Any word, quoted or not, keyword or not.
    fn identifier(&mut self, what: &str) -> Result<String> {
        match self.peek() {
            TokenKind::Word(_) | TokenKind::Quoted(_) => match self.next() {
                TokenKind::Word(name) | TokenKind::Quoted(name) => Ok(name),
                _ => unreachable!("the token was looked at"),
            },
            _ => Err(self.expected(what)),
        }
    }

    /// Runs `parse` one level deeper. Afterwards `height` covers what it built.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_DEPTH {
            return Err(self.too_deep());
        }
        let outer = std::mem::take(&mut self.height);
        self.depth += 1;
        let parsed = crate::on_enough_stack(|| parse(self));
        self.depth -= 1;
        self.height = outer.max(self.height + 1);
        if self.height > MAX_DEPTH {
            return Err(self.too_deep());
        }
        parsed
    }

    /// One more operator on top of what is there.
    fn grow(&mut self) -> Result<()> {
        self.height += 1;
        if self.height > MAX_DEPTH { Err(self.too_deep()) } else { Ok(()) }
    }

    fn too_deep(&self) -> SyntaxError {
        self.error_here(format!("The query is nested more than {MAX_DEPTH} levels deep"))
    }

    fn separated<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.take_symbol(",") {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// Items up to `close`, which is taken; a trailing comma is allowed.
    fn list_until<T>(&mut self, close: &str, mut item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = Vec::new();
        while !self.take_symbol(close) {
            items.push(item(self)?);
            if !self.take_symbol(",") {
                self.expect_symbol(close)?;
                break;
            }
        }
        Ok(items)
    }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
