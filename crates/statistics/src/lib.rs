//! The statistics of experiments: from sums per variant to effects, intervals and verdicts.
//!
//! Pure numbers in, numbers out.
