//! Regular expressions of conditions.

use std::sync::OnceLock;

/// Steps that a pattern with look-around or back-references may take.
const MAX_BACKTRACKS: usize = 10_000;
/// Each of those steps may look at all of the text, so longer texts match no such pattern.
const MAX_BACKTRACKED_BYTES: usize = 4 * 1024;
/// Of one compiled pattern, in memory.
const MAX_COMPILED_BYTES: usize = 2 * 1024 * 1024;

/// Compiled when it is first compared or [warmed](Self::warm): a project may have very many.
#[derive(Debug)]
pub struct Pattern {
    source: Box<str>,
    /// `None` inside: it is no pattern.
    compiled: OnceLock<Option<Compiled>>,
}

#[derive(Debug)]
enum Compiled {
    /// Linear in the text.
    Plain(regex::Regex),
    Backtracking(Box<fancy_regex::Regex>),
}

impl Pattern {
    pub fn new(source: &str) -> Self {
        Self { source: source.into(), compiled: OnceLock::new() }
    }

    /// Whether it is a pattern at all.
    pub fn warm(&self) -> bool {
        self.compiled().is_some()
    }

    /// `None` when it cannot be told: it is no pattern, or would take too long.
    pub fn is_match(&self, text: &str) -> Option<bool> {
        match self.compiled()? {
            Compiled::Plain(pattern) => Some(pattern.is_match(text)),
            Compiled::Backtracking(_) if text.len() > MAX_BACKTRACKED_BYTES => None,
            Compiled::Backtracking(pattern) => pattern.is_match(text).ok(),
        }
    }

    /// How long a comparison may take, in units of some nanoseconds.
    pub fn cost(&self, text: &str) -> u64 {
        match self.compiled.get() {
            None => 30_000 + 100 * self.source.len() as u64 + text.len() as u64,
            Some(None) => 1,
            Some(Some(Compiled::Plain(_))) => 10 + text.len() as u64,
            Some(Some(Compiled::Backtracking(_))) => 1_000 + 500 * text.len().min(MAX_BACKTRACKED_BYTES) as u64,
        }
    }

    fn compiled(&self) -> Option<&Compiled> {
        self.compiled.get_or_init(|| compile(&self.source)).as_ref()
    }
}

fn compile(source: &str) -> Option<Compiled> {
    let plain = regex::RegexBuilder::new(source).size_limit(MAX_COMPILED_BYTES).dfa_size_limit(MAX_COMPILED_BYTES).build();
    match plain {
        Ok(plain) => Some(Compiled::Plain(plain)),
        Err(regex::Error::CompiledTooBig(_)) => None,
        Err(_) => fancy_regex::RegexBuilder::new(source)
            .backtrack_limit(MAX_BACKTRACKS)
            .delegate_size_limit(MAX_COMPILED_BYTES)
            .delegate_dfa_size_limit(MAX_COMPILED_BYTES)
            .build()
            .ok()
            .map(|pattern| Compiled::Backtracking(Box::new(pattern))),
    }
}
