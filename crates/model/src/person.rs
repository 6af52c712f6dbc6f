use crate::TeamId;
use uuid::Uuid;

/// Namespace of person ids, as PostHog uses it, so that ids agree after a migration.
pub const PERSON_NAMESPACE: Uuid = Uuid::from_u128(0x932979b4_65c3_4424_8467_0b66ec27bc22);

/// The id that a person gets, and that a personless event carries, for this distinct id: UUIDv5 of `"<team>:<distinct id>"`.
pub fn person_uuid(team: TeamId, distinct_id: &str) -> Uuid {
    let mut name = team.0.to_string();
    name.push(':');
    name.push_str(distinct_id);
    Uuid::new_v5(&PERSON_NAMESPACE, name.as_bytes())
}

/// How person processing treated an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum PersonMode {
    Full = 0,
    Propertyless = 1,
    /// Sent as personless although the id already had a person: the SDK's state is stale.
    ForceUpgrade = 2,
}

impl PersonMode {
    pub const ALL: [PersonMode; 3] = [PersonMode::Full, PersonMode::Propertyless, PersonMode::ForceUpgrade];

    pub fn as_str(self) -> &'static str {
        match self {
            PersonMode::Full => "full",
            PersonMode::Propertyless => "propertyless",
            PersonMode::ForceUpgrade => "force_upgrade",
        }
    }

    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn person_ids_depend_on_team_and_distinct_id_only() {
        let id = person_uuid(TeamId(1), "u1");
        assert_eq!(id, person_uuid(TeamId(1), "u1"));
        assert_ne!(id, person_uuid(TeamId(2), "u1"));
        assert_eq!(id.get_version_num(), 5);
    }
}
