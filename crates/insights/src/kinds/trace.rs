//! One trace of a language model, with all of its events.

pub use super::traces::one as run;
