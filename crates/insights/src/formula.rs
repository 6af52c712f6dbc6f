//! Formulas over series: `A / B * 100`.

/// Parsed once, evaluated per bucket.
#[derive(Clone, Debug, PartialEq)]
pub enum Formula {
    Number(f64),
    /// 0 is series A.
    Series(usize),
    Negate(Box<Formula>),
    Binary(Operator, Box<Formula>, Box<Formula>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
}

const MAX_LENGTH: usize = 4_000;
const MAX_DEPTH: usize = 64;

impl Formula {
    /// `series` is how many letters exist.
    pub fn parse(text: &str, series: usize) -> Result<Formula, String> {
        if text.len() > MAX_LENGTH {
            return Err(format!("A formula can have at most {MAX_LENGTH} characters"));
        }
        let mut parser = Parser { rest: text.trim_start(), text, series, depth: 0 };
        let formula = parser.sum()?;
        if !parser.rest.is_empty() {
            return Err(parser.unexpected());
        }
        Ok(formula)
    }

    /// Division and modulo by zero give 0, and so does anything that is not a finite number.
    pub fn evaluate(&self, values: &[f64]) -> f64 {
        let result = match self {
            Formula::Number(number) => *number,
            Formula::Series(index) => values.get(*index).copied().unwrap_or(0.0),
            Formula::Negate(inner) => -inner.evaluate(values),
            Formula::Binary(operator, left, right) => operator.apply(left.evaluate(values), right.evaluate(values)),
        };
        if result.is_finite() { result } else { 0.0 }
    }
}

impl Operator {
    fn apply(self, left: f64, right: f64) -> f64 {
        match self {
            Operator::Add => left + right,
            Operator::Subtract => left - right,
            Operator::Multiply => left * right,
            Operator::Divide | Operator::Modulo if right == 0.0 => 0.0,
            Operator::Divide => left / right,
            Operator::Modulo => left - right * (left / right).floor(),
            Operator::Power => left.powf(right),
        }
    }
}

fn series_index(letters: &str) -> Option<usize> {
    let mut index = 0usize;
    for letter in letters.bytes() {
        let digit = letter.to_ascii_uppercase().checked_sub(b'A').filter(|digit| *digit < 26)?;
        index = index.checked_mul(26)?.checked_add(usize::from(digit) + 1)?;
    }
    index.checked_sub(1)
}

struct Parser<'a> {
    rest: &'a str,
    text: &'a str,
    series: usize,
    depth: usize,
}

impl Parser<'_> {
    fn unexpected(&self) -> String {
        match self.rest.chars().next() {
            Some(found) => format!("Unexpected \"{found}\" at position {} of the formula", self.text.len() - self.rest.len()),
            None => "The formula ends too early".to_owned(),
        }
    }

    fn eat(&mut self, symbol: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(symbol) else { return false };
        self.rest = rest.trim_start();
        true
    }

    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        if self.depth == MAX_DEPTH {
            return Err("The formula is nested too deeply".to_owned());
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn sum(&mut self) -> Result<Formula, String> {
        let mut left = self.product()?;
        loop {
            let operator = if self.eat("+") {
                Operator::Add
            } else if self.eat("-") {
                Operator::Subtract
            } else {
                return Ok(left);
            };
            left = Formula::Binary(operator, Box::new(left), Box::new(self.product()?));
        }
    }

    fn product(&mut self) -> Result<Formula, String> {
        let mut left = self.signed()?;
        loop {
            let operator = if !self.rest.starts_with("**") && self.eat("*") {
                Operator::Multiply
            } else if self.eat("/") {
                Operator::Divide
            } else if self.eat("%") {
                Operator::Modulo
            } else {
                return Ok(left);
            };
            left = Formula::Binary(operator, Box::new(left), Box::new(self.signed()?));
        }
    }

    fn signed(&mut self) -> Result<Formula, String> {
        if self.eat("-") {
            return Ok(Formula::Negate(Box::new(self.deeper(Self::signed)?)));
        }
        if self.eat("+") {
            return self.deeper(Self::signed);
        }
        let base = self.operand()?;
        if self.eat("**") {
            let exponent = self.deeper(Self::signed)?;
            return Ok(Formula::Binary(Operator::Power, Box::new(base), Box::new(exponent)));
        }
        Ok(base)
    }

    fn operand(&mut self) -> Result<Formula, String> {
        if self.eat("(") {
            let inner = self.deeper(Self::sum)?;
            return if self.eat(")") { Ok(inner) } else { Err(self.unexpected()) };
        }
        let length = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(self.rest.len());
        let word = &self.rest[..length];
        let parsed = if word.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            Formula::Number(word.parse().map_err(|_| self.unexpected())?)
        } else {
            match series_index(word) {
                Some(index) if index < self.series => Formula::Series(index),
                Some(_) => return Err(format!("The formula names series {word}, but there are only {}", self.series)),
                None => return Err(self.unexpected()),
            }
        };
        self.rest = self.rest[length..].trim_start();
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str, values: &[f64]) -> f64 {
        Formula::parse(text, values.len()).unwrap().evaluate(values)
    }

    #[test]
    fn the_usual_precedence_holds() {
        assert_eq!(value("A / B * 100", &[3.0, 2.0]), 150.0);
        assert_eq!(value("a + b * 2", &[1.0, 4.0]), 9.0);
        assert_eq!(value("(A+B)*-2", &[1.0, 2.0]), -6.0);
        assert_eq!(value("2 ** 3 ** 2", &[]), 512.0);
        assert_eq!(value("-2**2", &[]), -4.0);
        assert_eq!(value("A - B - 1", &[10.0, 3.0]), 6.0);
    }

    #[test]
    fn division_and_modulo_by_zero_are_zero() {
        assert_eq!(value("A/B", &[1.0, 0.0]), 0.0);
        assert_eq!(value("A%B", &[1.0, 0.0]), 0.0);
        assert_eq!(value("1/(A/B)", &[1.0, 0.0]), 0.0);
        assert_eq!(value("-7 % 3", &[]), 2.0);
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(Formula::parse("A + ", 1).unwrap_err(), "The formula ends too early");
        assert_eq!(Formula::parse("A + C", 2).unwrap_err(), "The formula names series C, but there are only 2");
        assert_eq!(Formula::parse("A ; B", 2).unwrap_err(), "Unexpected \";\" at position 2 of the formula");
        assert!(Formula::parse(&"(".repeat(1_000), 1).is_err());
        assert!(Formula::parse(&"-".repeat(1_000), 1).is_err());
    }

    #[test]
    fn letters_go_on_after_z() {
        assert_eq!((series_index("z"), series_index("aa"), series_index("a1")), (Some(25), Some(26), None));
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_a_formula(text in "[A-Ca-c0-9.+*/%() -]{0,60}|\\PC{0,40}", a in proptest::num::f64::ANY, b in proptest::num::f64::ANY) {
            if let Ok(formula) = Formula::parse(&text, 2) {
                assert!(formula.evaluate(&[a, b]).is_finite() || a.is_nan() || b.is_nan());
            }
        }
    }
}
