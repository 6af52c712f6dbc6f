//! Text to tokens. Keywords are ordinary words here: whether `key` or `first` is a keyword depends on where it stands.

use crate::SyntaxError;

#[derive(Clone, Debug, PartialEq)]
pub enum TokenKind {
    Word(String),
    /// `` `a b` `` or `"a b"`: never a keyword.
    Quoted(String),
    String(String),
    /// `f'hi {expr}'`
    Template(Vec<TemplatePart>),
    Int(i64),
    Float(f64),
    Symbol(&'static str),
    End,
}

#[derive(Clone, Debug, PartialEq)]
pub enum TemplatePart {
    Text(String),
    /// Byte range of the expression between the braces.
    Expr(usize, usize),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    pub kind: TokenKind,
    pub start: usize,
    pub end: usize,
}

/// Longest first, so that the first match is the right one.
const SYMBOLS: &[&str] = &[
    "=~*", "!~*", "<=>", "=~", "!~", "~*", "<=", ">=", "<>", "!=", "==", "->", "::", "??", "?.", "||", "=", "<", ">", "~", "?", ":", "+",
    "-", "*", "/", "%", "(", ")", "[", "]", "{", "}", ",", ".", ";",
];

pub struct Lexer<'a> {
    text: &'a str,
    at: usize,
    tokens: Vec<Token>,
}

/// The tokens of `text[start..end]`; offsets are those of `text`.
pub fn tokenize(text: &str, start: usize, end: usize) -> Result<Vec<Token>, SyntaxError> {
    let mut lexer = Lexer { text: &text[..end], at: start, tokens: Vec::new() };
    loop {
        lexer.skip_blanks()?;
        let start = lexer.at;
        if lexer.rest().is_empty() {
            lexer.tokens.push(Token { kind: TokenKind::End, start, end: start });
            return Ok(lexer.tokens);
        }
        let kind = lexer.next_kind()?;
        lexer.tokens.push(Token { kind, start, end: lexer.at });
    }
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn error(&self, message: impl Into<String>, start: usize) -> SyntaxError {
        SyntaxError { message: message.into(), start, end: self.at.max(start + 1).min(self.text.len().max(start)) }
    }

    fn skip_blanks(&mut self) -> Result<(), SyntaxError> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
            self.at += rest.len() - trimmed.len();
            let rest = self.rest();
            if rest.starts_with("--") || rest.starts_with('#') || rest.starts_with("//") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                let Some(length) = rest.find("*/") else {
                    return Err(self.error("This comment is never closed", self.at));
                };
                self.at += length + 2;
            } else {
                return Ok(());
            }
        }
    }

    fn next_kind(&mut self) -> Result<TokenKind, SyntaxError> {
        let start = self.at;
        let mut chars = self.rest().chars();
        let first = chars.next().unwrap_or('\0');
        let second = chars.next().unwrap_or('\0');
        match first {
            '\'' => self.quoted('\'').map(TokenKind::String),
            '`' | '"' => self.quoted(first).map(TokenKind::Quoted),
            'f' | 'F' if second == '\'' => self.template(),
            _ if first.is_ascii_digit() => self.number(),
            '.' if second.is_ascii_digit() && !self.after_operand() => self.number(),
            _ if is_word_start(first) => Ok(TokenKind::Word(self.take_while(is_word_part))),
            _ => {
                let symbol = SYMBOLS.iter().find(|symbol| self.rest().starts_with(**symbol));
                let Some(mut symbol) = symbol.copied() else {
                    self.at += first.len_utf8();
                    return Err(self.error(format!("Unexpected character '{}'", first.escape_default()), start));
                };
                // `a ?.5 : 1` is a ternary.
                if symbol == "?." && self.rest()[2..].starts_with(|c: char| c.is_ascii_digit()) {
                    symbol = "?";
                }
                self.at += symbol.len();
                Ok(TokenKind::Symbol(symbol))
            }
        }
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> String {
        let rest = self.rest();
        let length = rest.find(|c| !keep(c)).unwrap_or(rest.len());
        let taken = rest[..length].to_owned();
        self.at += length;
        taken
    }

    /// Whether a dot here would be a member access.
    fn after_operand(&self) -> bool {
        match self.tokens.last() {
            Some(token) if token.end == self.at => match &token.kind {
                TokenKind::Word(_) | TokenKind::Quoted(_) | TokenKind::Int(_) => true,
                TokenKind::Symbol(symbol) => matches!(*symbol, ")" | "]"),
                _ => false,
            },
            _ => false,
        }
    }

    fn number(&mut self) -> Result<TokenKind, SyntaxError> {
        let start = self.at;
        let is_member = matches!(self.tokens.last(), Some(Token { kind: TokenKind::Symbol("." | "?."), .. }));
        if is_member {
            let digits = self.take_while(|c| c.is_ascii_digit());
            return digits.parse().map(TokenKind::Int).map_err(|_| self.error("This position is too large", start));
        }
        let rest = self.rest();
        for (prefix, radix) in [("0x", 16), ("0X", 16), ("0b", 2), ("0B", 2)] {
            if rest.starts_with(prefix) {
                self.at += 2;
                let digits = self.take_while(|c| c.is_ascii_alphanumeric());
                return i64::from_str_radix(&digits, radix)
                    .map(TokenKind::Int)
                    .map_err(|_| self.error(format!("'{prefix}{digits}' is not a number"), start));
            }
        }
        self.decimal(start)
    }

    fn decimal(&mut self, start: usize) -> Result<TokenKind, SyntaxError> {
        let mut digits = self.take_while(|c| c.is_ascii_digit());
        let mut fraction = false;
        let mut after = self.rest().chars();
        // `1.` and `1.5`, but `1..2` and `1.x` are not numbers with a fraction.
        if after.next() == Some('.') && !after.next().is_some_and(|c| is_word_start(c) && c != 'e' && c != 'E') {
            fraction = true;
            self.at += 1;
            digits.push('.');
            digits += &self.take_while(|c| c.is_ascii_digit());
        }
        let rest = self.rest();
        if rest.starts_with(['e', 'E']) {
            let sign = usize::from(rest[1..].starts_with(['+', '-']));
            if rest[1 + sign..].starts_with(|c: char| c.is_ascii_digit()) {
                fraction = true;
                digits += &rest[..1 + sign];
                self.at += 1 + sign;
                digits += &self.take_while(|c| c.is_ascii_digit());
            }
        }
        if self.rest().starts_with(is_word_start) {
            self.take_while(is_word_part);
            return Err(self.error(format!("'{}' is not a number", &self.text[start..self.at]), start));
        }
        if !fraction && let Ok(integer) = digits.parse() {
            return Ok(TokenKind::Int(integer));
        }
        digits.parse().map(TokenKind::Float).map_err(|_| self.error(format!("'{digits}' is not a number"), start))
    }

    /// A doubled quote is a quote; backslash escapes as in ClickHouse, an unknown one keeps its backslash (`'\d'` is a regex).
    fn quoted(&mut self, quote: char) -> Result<String, SyntaxError> {
        let start = self.at;
        self.at += 1;
        let mut value = String::new();
        loop {
            let mut chars = self.rest().chars();
            let Some(c) = chars.next() else {
                return Err(self.error(format!("This {quote} is never closed"), start));
            };
            self.at += c.len_utf8();
            match c {
                _ if c == quote && self.rest().starts_with(quote) => {
                    self.at += 1;
                    value.push(quote);
                }
                _ if c == quote => return Ok(value),
                '\\' => self.escape(&mut value, start)?,
                _ => value.push(c),
            }
        }
    }

    fn escape(&mut self, value: &mut String, start: usize) -> Result<(), SyntaxError> {
        let Some(c) = self.rest().chars().next() else {
            return Err(self.error("This text is never closed", start));
        };
        self.at += c.len_utf8();
        match c {
            'a' => value.push('\u{7}'),
            'b' => value.push('\u{8}'),
            'f' => value.push('\u{c}'),
            'n' => value.push('\n'),
            'r' => value.push('\r'),
            't' => value.push('\t'),
            'v' => value.push('\u{b}'),
            '0' => value.push('\0'),
            '\\' | '\'' | '"' | '`' => value.push(c),
            _ => {
                value.push('\\');
                value.push(c);
            }
        }
        Ok(())
    }

    fn template(&mut self) -> Result<TokenKind, SyntaxError> {
        let start = self.at;
        self.at += 2;
        let mut parts = Vec::new();
        let mut value = String::new();
        loop {
            let Some(c) = self.rest().chars().next() else {
                return Err(self.error("This template string is never closed", start));
            };
            self.at += c.len_utf8();
            match c {
                '\'' if self.rest().starts_with('\'') => {
                    self.at += 1;
                    value.push('\'');
                }
                '\'' => break,
                '\\' if self.rest().starts_with(['{', '}']) => {
                    value.push_str(&self.rest()[..1].to_owned());
                    self.at += 1;
                }
                '\\' => self.escape(&mut value, start)?,
                '{' => {
                    if !value.is_empty() {
                        parts.push(TemplatePart::Text(std::mem::take(&mut value)));
                    }
                    let from = self.at;
                    self.skip_template_expr(start)?;
                    parts.push(TemplatePart::Expr(from, self.at - 1));
                }
                _ => value.push(c),
            }
        }
        if !value.is_empty() {
            parts.push(TemplatePart::Text(value));
        }
        Ok(TokenKind::Template(parts))
    }

    /// Moves behind the brace that closes the expression.
    fn skip_template_expr(&mut self, start: usize) -> Result<(), SyntaxError> {
        let mut open = 1usize;
        while open > 0 {
            match self.rest().chars().next() {
                None => return Err(self.error("This template string is never closed", start)),
                Some(quote @ ('\'' | '"' | '`')) => {
                    self.quoted(quote)?;
                }
                Some(c) => {
                    self.at += c.len_utf8();
                    open = if c == '{' { open + 1 } else { open - usize::from(c == '}') };
                }
            }
        }
        Ok(())
    }
}

pub fn is_word_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || c == '$'
}

pub fn is_word_part(c: char) -> bool {
    is_word_start(c) || c.is_ascii_digit()
}
