//! What a client may write into a survey. Everything is checked before anything is stored, and what is refused is named.

pub mod conditions;
mod fields;
pub mod questions;

pub use fields::{Fields, instant};
