//! The nouns that every crate shares: ids, time, the clock, event properties, and the record that capture hands to ingest.
//!
//! Pure: no I/O, no ambient clock, no ambient randomness. Nothing here knows HTTP, SQL or a storage format except
//! [`captured`], whose encoding is versioned because records outlive the process that wrote them.

pub mod captured;
mod clock;
mod ids;
mod person;
mod properties;
mod time;

pub use captured::CapturedEvent;
pub use clock::Clock;
pub use ids::{GroupTypeIndex, OrganizationId, TeamId, UserId};
pub use person::{PERSON_NAMESPACE, PersonMode, person_uuid};
pub use properties::{Properties, PropertyValue};
pub use time::Timestamp;
