//! The names a project uses: events, their properties and the type of each, and what ingestion had to complain about.
//!
//! Invariants:
//! 1. Names are learned while events are ingested, in the transaction of their batch; once a name is known, seeing it again
//!    costs no SQL.
//! 2. The first value that has a type decides a property's type; later values never change it. A person may, through the API.
//! 3. A project has at most [`MAX_EVENTS`], [`MAX_PROPERTIES`] and [`MAX_PAIRS`] names; what is refused beyond is counted, and
//!    the events are stored all the same.
//!
//! Reading order: [`kinds`] (pure) → [`observe`] (what a batch teaches) → `routes`.

pub mod kinds;
pub mod observe;
mod routes;
mod schema;
mod store;
pub mod warnings;
mod wire;

pub use observe::{Definitions, MAX_EVENTS, MAX_PAIRS, MAX_PROPERTIES, Named, Observed, Refused};
pub use routes::{DefinitionsState, routes};
pub use schema::MIGRATIONS;
pub use store::property_types;

/// What a property belongs to. The numbers are PostHog's and are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    Event,
    Person,
    Group(model::GroupTypeIndex),
    Session,
}

impl Owner {
    pub fn code(self) -> i64 {
        match self {
            Owner::Event => 1,
            Owner::Person => 2,
            Owner::Group(_) => 3,
            Owner::Session => 4,
        }
    }

    /// -1 for everything but groups.
    pub fn group_type_index(self) -> i64 {
        match self {
            Owner::Group(index) => i64::from(index.0),
            _ => -1,
        }
    }
}
