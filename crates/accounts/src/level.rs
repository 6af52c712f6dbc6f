use web::{ApiError, ApiResult};

/// What a member may do in an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    Member = 1,
    Admin = 8,
    Owner = 15,
}

impl Level {
    pub fn from_code(code: i64) -> Option<Level> {
        [Level::Member, Level::Admin, Level::Owner].into_iter().find(|level| i64::from(*level as u8) == code)
    }

    /// As clients send it.
    pub(crate) fn parse(code: i64) -> ApiResult<Level> {
        Level::from_code(code)
            .ok_or_else(|| ApiError::validation("invalid_choice", format!("\"{code}\" is not a valid choice.")).attr("level"))
    }

    pub(crate) fn require(self, least: Level) -> ApiResult<()> {
        if self >= least { Ok(()) } else { Err(ApiError::forbidden("Your organization access level is insufficient.")) }
    }
}

impl From<Level> for db::Value {
    fn from(level: Level) -> db::Value {
        db::Value::from(level as u8)
    }
}

impl db::FromValue for Level {
    fn from_value(value: db::Value) -> anyhow::Result<Self> {
        let code = i64::from_value(value)?;
        Level::from_code(code).ok_or_else(|| anyhow::anyhow!("{code} is no membership level"))
    }
}

/// May a member of level `actor` give the member of level `target` (another person) the level `new`?
/// `Ok(true)` means that the actor hands ownership over and becomes an admin.
pub(crate) fn may_change(actor: Level, target: Level, new: Level) -> ApiResult<bool> {
    let refuse = |detail: &'static str| Err(ApiError::forbidden(detail));
    if actor < Level::Admin {
        return refuse("You can only edit others if you are an admin.");
    }
    if target > actor {
        return refuse("You can only edit others with level lower or equal to you.");
    }
    if new == Level::Owner {
        return match actor {
            Level::Owner => Ok(true),
            _ => refuse("You can only make another member owner if you're this organization's owner."),
        };
    }
    match new > actor {
        true => refuse("You can only change access level of others to lower or equal to your current one."),
        false => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::Level::{Admin, Member, Owner};
    use super::may_change;

    #[test]
    fn nobody_lifts_anyone_above_themselves() {
        assert!(may_change(Member, Member, Admin).is_err());
        assert!(may_change(Admin, Member, Owner).is_err());
        assert!(may_change(Admin, Owner, Member).is_err());
        assert!(!may_change(Admin, Member, Admin).unwrap());
        assert!(!may_change(Owner, Admin, Member).unwrap());
        assert!(may_change(Owner, Member, Owner).unwrap());
    }
}
