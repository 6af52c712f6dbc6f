//! A cohort as it is stored and edited.

use crate::criteria::Criteria;
use model::{TeamId, Timestamp, UserId};
use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
pub struct Cohort {
    pub id: i64,
    pub team: TeamId,
    pub name: String,
    pub description: String,
    /// `{"properties": {"type": "OR", "values": […]}}`; empty for static cohorts.
    pub filters: Value,
    /// The insight that defined it.
    pub query: Option<Value>,
    pub is_static: bool,
    pub deleted: bool,
    /// The membership that counts; rows of other versions are being written or about to go.
    pub version: i64,
    pub pending_version: i64,
    pub count: Option<i64>,
    pub is_calculating: bool,
    pub last_calculation: Option<Timestamp>,
    pub errors_calculating: i64,
    pub last_error_message: Option<String>,
    pub created_by: Option<UserId>,
    pub created_at: Timestamp,
}

impl Cohort {
    /// Whether somebody's properties do not tell if they belong to it: it is a list, what a query answers, or about what persons
    /// did. Cohorts that its criteria name are not looked into; see [`reachable`].
    pub fn needs_membership(&self) -> bool {
        self.is_static || self.is_analytical() || self.is_behavioral()
    }

    /// Computed by its query: it has no criteria.
    pub fn is_analytical(&self) -> bool {
        !self.is_static && self.query.is_some() && self.filters.get("properties").is_none()
    }

    /// About what persons did.
    pub fn is_behavioral(&self) -> bool {
        // Criteria that cannot be read are not told from properties either.
        !self.is_static && Criteria::parse(&self.filters).map_or(true, |criteria| criteria.is_behavioral())
    }

    /// The cohorts that its criteria name.
    pub fn references(&self) -> Vec<i64> {
        if self.is_static { Vec::new() } else { Criteria::parse(&self.filters).map_or_else(|_| Vec::new(), |criteria| criteria.cohorts()) }
    }
}

/// The cohort and those that its criteria name, directly or through others; each once, those named before those that name them.
/// Cohorts that do not exist are left out. With cohorts that name each other in a circle, the order among those means nothing.
pub fn reachable(cohorts: &[Cohort], id: i64) -> Vec<&Cohort> {
    let (mut found, mut seen) = (Vec::new(), Vec::new());
    // `true`: everything that it names has been looked at.
    let mut open = vec![(id, false)];
    while let Some((id, is_done)) = open.pop() {
        let Some(cohort) = cohorts.iter().find(|cohort| cohort.id == id) else { continue };
        if is_done {
            found.push(cohort);
        } else if !seen.contains(&id) {
            seen.push(id);
            open.push((id, true));
            open.extend(cohort.references().into_iter().map(|named| (named, false)));
        }
    }
    found
}

/// Would these criteria make the cohort depend on itself? `references` are those that its new criteria name.
pub fn is_circular(cohorts: &[Cohort], id: i64, references: &[i64]) -> bool {
    references.iter().any(|named| *named == id || reachable(cohorts, *named).iter().any(|cohort| cohort.id == id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    pub fn cohort(id: i64, values: Value) -> Cohort {
        Cohort {
            id,
            team: TeamId(1),
            name: format!("cohort {id}"),
            description: String::new(),
            filters: json!({"properties": {"type": "OR", "values": values}}),
            query: None,
            is_static: false,
            deleted: false,
            version: 0,
            pending_version: 0,
            count: None,
            is_calculating: false,
            last_calculation: None,
            errors_calculating: 0,
            last_error_message: None,
            created_by: None,
            created_at: Timestamp(0),
        }
    }

    fn naming(id: i64, others: &[i64]) -> Cohort {
        cohort(id, others.iter().map(|other| json!({"type": "cohort", "key": "id", "value": other})).collect())
    }

    #[test]
    fn named_cohorts_come_first_and_circles_are_found() {
        let all = [naming(1, &[2, 3]), naming(2, &[3]), naming(3, &[]), naming(4, &[1, 99])];
        let order: Vec<i64> = reachable(&all, 4).iter().map(|cohort| cohort.id).collect();
        assert_eq!(order, [3, 2, 1, 4]);
        assert!(is_circular(&all, 3, &[4]) && is_circular(&all, 3, &[3]) && is_circular(&all, 3, &[7, 2]));
        assert!(!is_circular(&all, 4, &[1, 2, 3]) && !is_circular(&all, 3, &[99]));
        let circle = [naming(1, &[2]), naming(2, &[1])];
        assert_eq!(reachable(&circle, 1).len(), 2);
    }

    #[test]
    fn behaviour_and_lists_need_a_membership_and_properties_do_not() {
        let by_property = cohort(1, json!([{"type": "person", "key": "plan", "value": "pro", "operator": "exact"}]));
        assert!(!by_property.needs_membership());
        assert!(Cohort { is_static: true, ..by_property.clone() }.needs_membership());
        let asked = Cohort { filters: json!({}), query: Some(json!({"kind": "ActorsQuery"})), ..by_property.clone() };
        assert!(asked.needs_membership() && asked.is_analytical() && !asked.is_behavioral());
        let leaf = json!({"type": "behavioral", "value": "performed_event", "key": "A", "event_type": "events",
            "time_value": 30, "time_interval": "day"});
        let nested = cohort(1, json!([{"type": "AND", "values": [leaf]}]));
        assert!(nested.needs_membership() && nested.is_behavioral());
    }
}
