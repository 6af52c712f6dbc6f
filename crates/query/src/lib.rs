//! placeholder
/// A query whose names, types and project rules are settled; ready for a store to print and run.
#[derive(Clone, Debug)]
pub struct Resolved;
