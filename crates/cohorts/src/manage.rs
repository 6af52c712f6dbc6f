//! Making and changing cohorts, for the routes and for features that make cohorts of their own.

use crate::cohort::is_circular;
use crate::criteria::Criteria;
use crate::store::NewCohort;
use crate::{Cohort, CohortsState, Wanted, calculate, members, store, wire};
use activity::Entry;
use model::{TeamId, UserId};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use teams::Team;
use uuid::Uuid;
use web::{ApiError, ApiResult};

/// The activity log's word for cohorts.
pub const SCOPE: &str = "Cohort";

const MAX_NAME_CHARS: usize = 400;
const MAX_DESCRIPTION_CHARS: usize = 10_000;
/// Persons that become a static cohort in one request.
const MAX_PERSONS: usize = 1_000_000;
/// Cohorts of one project, deleted ones aside.
const MAX_COHORTS: usize = 5_000;

impl CohortsState {
    /// Makes a cohort; one with criteria is computed in the background, one with a query is filled with the persons that the query
    /// answers now.
    pub async fn create(&self, team: &Arc<Team>, by: Option<UserId>, new: NewCohort) -> ApiResult<Cohort> {
        let others = store::of_team(&self.db, team.id).await?;
        if others.len() >= MAX_COHORTS {
            return Err(ApiError::invalid(format!("A project can have at most {MAX_COHORTS} cohorts; delete some first.")));
        }
        check_texts(&new.name, &new.description)?;
        if !new.is_static {
            check_criteria(&new.filters, None, &others)?;
        }
        let persons = match new.query.as_ref().filter(|_| new.is_static) {
            Some(query) => Some(self.persons_of(team, query).await?),
            None => None,
        };
        let mut transaction = self.db.begin().await?;
        let cohort = store::insert(&mut transaction, team.id, &new, by, self.clock.now()).await?;
        transaction.commit().await?;
        if let Some(persons) = persons {
            members::add(&self.db, &cohort, &persons).await?;
        }
        self.log(team, by, &cohort, "created", activity::changes(SCOPE, &Map::new(), &wire::logged(&cohort))).await;
        self.compute(&cohort);
        self.find_again(&cohort).await
    }

    /// A static cohort of these persons.
    pub async fn create_static(&self, team: &Arc<Team>, by: Option<UserId>, name: String, persons: &[Uuid]) -> ApiResult<Cohort> {
        let new = NewCohort { name, description: String::new(), filters: json!({}), query: None, is_static: true };
        let cohort = self.create(team, by, new).await?;
        self.add_persons(&cohort, persons).await
    }

    /// Reads the cohort, lets `edit` change it and stores it. A change of its criteria makes it computed again.
    pub async fn change(
        &self,
        team: &Arc<Team>,
        by: Option<UserId>,
        id: i64,
        edit: impl FnOnce(&mut Cohort) -> ApiResult<()>,
    ) -> ApiResult<Cohort> {
        let before = store::find(&self.db, team.id, id).await?.ok_or_else(ApiError::not_found)?;
        let mut after = before.clone();
        edit(&mut after)?;
        check_texts(&after.name, &after.description)?;
        if after.is_static != before.is_static {
            let detail = "A cohort stays static or dynamic. Duplicate it as a static cohort instead.";
            return Err(ApiError::invalid(detail).attr("is_static"));
        }
        if after.deleted && !before.deleted {
            check_unused(team, &after)?;
        }
        let comes_back = before.deleted && !after.deleted;
        let is_changed = after.filters != before.filters || after.query != before.query;
        let is_due = !after.is_static && !after.deleted && (is_changed || comes_back);
        if is_due {
            check_criteria(&after.filters, Some(id), &store::of_team(&self.db, team.id).await?)?;
        }
        if after == before {
            return Ok(before);
        }
        let mut transaction = self.db.begin().await?;
        let stored = store::update(&mut transaction, &after, is_due, self.clock.now()).await?;
        transaction.commit().await?;
        let activity = if after.deleted && !before.deleted { "deleted" } else { "updated" };
        self.log(team, by, &stored, activity, activity::changes(SCOPE, &wire::logged(&before), &wire::logged(&stored))).await;
        if is_due {
            self.compute(&stored);
        }
        Ok(stored)
    }

    /// Fails with 404 when there is no such cohort or it is deleted.
    pub async fn cohort(&self, team: TeamId, id: i64) -> ApiResult<Cohort> {
        store::find(&self.db, team, id).await?.filter(|cohort| !cohort.deleted).ok_or_else(ApiError::not_found)
    }

    pub async fn add_persons(&self, cohort: &Cohort, persons: &[Uuid]) -> ApiResult<Cohort> {
        if !cohort.is_static {
            return Err(ApiError::invalid("Persons can only be added to static cohorts."));
        }
        if persons.len() > MAX_PERSONS {
            return Err(ApiError::invalid(format!("At most {MAX_PERSONS} persons can be added at once.")));
        }
        members::add(&self.db, cohort, persons).await?;
        self.find_again(cohort).await
    }

    async fn persons_of(&self, team: &Arc<Team>, query: &Value) -> ApiResult<Vec<Uuid>> {
        let persons = (self.find)(team.clone(), Wanted::Query(query.clone())).await?;
        match persons.len() > MAX_PERSONS {
            true => Err(ApiError::invalid(format!("The query answers more than {MAX_PERSONS} persons.")).attr("query")),
            false => Ok(persons),
        }
    }

    async fn find_again(&self, cohort: &Cohort) -> ApiResult<Cohort> {
        store::find(&self.db, cohort.team, cohort.id).await?.ok_or_else(ApiError::not_found)
    }

    /// In a task of its own; if this process dies first, the cohort stays due.
    fn compute(&self, cohort: &Cohort) {
        if cohort.is_static {
            return;
        }
        let (state, team, id) = (self.clone(), cohort.team, cohort.id);
        tokio::spawn(async move {
            if let Err(error) = calculate::now(&state, team, id).await {
                tracing::error!(cohort = id, error = format!("{error:#}"), "a cohort could not be computed");
            }
        });
    }

    async fn log(&self, team: &Team, user: Option<UserId>, cohort: &Cohort, activity: &'static str, changes: Vec<Value>) {
        let (organization, item) = (team.organization, cohort.id.to_string());
        let entry = Entry { organization, team: Some(team.id), user, scope: SCOPE, activity, item, name: &cohort.name, changes };
        activity::record(&self.db, self.clock, entry).await;
    }
}

fn check_texts(name: &str, description: &str) -> ApiResult<()> {
    if name.trim().is_empty() {
        return Err(ApiError::validation("blank", "A cohort needs a name.").attr("name"));
    }
    for (text, most, attr) in [(name, MAX_NAME_CHARS, "name"), (description, MAX_DESCRIPTION_CHARS, "description")] {
        if text.chars().count() > most {
            return Err(ApiError::validation("max_length", format!("Ensure this field has no more than {most} characters.")).attr(attr));
        }
    }
    Ok(())
}

/// Can be read, names cohorts that exist, and does not depend on itself.
fn check_criteria(filters: &Value, id: Option<i64>, others: &[Cohort]) -> ApiResult<()> {
    let refused = |detail: String| ApiError::invalid(detail).attr("filters");
    let criteria = Criteria::parse(filters).map_err(refused)?;
    let named = criteria.cohorts();
    if let Some(missing) = named.iter().find(|named| !others.iter().any(|cohort| cohort.id == **named)) {
        return Err(refused(format!("There is no cohort {missing}.")));
    }
    match id.is_some_and(|id| is_circular(others, id, &named)) {
        true => Err(refused("Cohorts cannot depend on other cohorts in a loop.".to_owned())),
        false => Ok(()),
    }
}

/// Filters for internal and test users that name a cohort which is gone would let everybody pass.
fn check_unused(team: &Team, cohort: &Cohort) -> ApiResult<()> {
    let filters = team.settings.get("test_account_filters").and_then(Value::as_array);
    let names = |filter: &Value| {
        let is_cohort = filter["type"].as_str().is_some_and(|kind| kind.contains("cohort"));
        is_cohort && (filter["value"].as_i64() == Some(cohort.id) || filter["value"].as_str() == Some(&cohort.id.to_string()))
    };
    match filters.into_iter().flatten().any(names) {
        true => Err(ApiError::invalid(
            "This cohort is one of the project's filters for internal and test users. Remove it there before deleting it.",
        )),
        false => Ok(()),
    }
}
