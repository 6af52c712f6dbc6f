//! Flags on their way to another project, where cohorts, flags and group types have other numbers.

use crate::manage::dependencies;
use crate::{Flag, Flags};
use model::TeamId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use web::{ApiError, ApiResult};

/// What the numbers in some flags' filters mean, by name. Numbers that are not in here keep their meaning.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct References {
    #[serde(default)]
    pub cohorts: BTreeMap<i64, String>,
    #[serde(default)]
    pub flags: BTreeMap<i64, String>,
    #[serde(default)]
    pub group_types: BTreeMap<i64, String>,
}

/// Names of a project and their numbers there. Flags are looked up as they are made.
pub struct Place {
    pub cohorts: HashMap<String, i64>,
    pub group_types: HashMap<String, i64>,
}

impl References {
    /// Of these flags in their own project.
    pub async fn of(state: &Flags, team: TeamId, flags: &[Flag]) -> ApiResult<References> {
        let mut references = References::default();
        let cohorts: HashMap<i64, String> =
            cohorts::store::of_team(&state.db, team).await?.into_iter().map(|cohort| (cohort.id, cohort.name)).collect();
        let keys: HashMap<i64, String> =
            crate::store::of_team(&state.db, team).await?.into_iter().map(|flag| (flag.id, flag.key)).collect();
        for property in flags.iter().flat_map(|flag| dependencies::properties(&flag.filters)) {
            let (names, id, found) = match property["type"].as_str() {
                Some("cohort") => (&cohorts, dependencies::id(&property["value"]), &mut references.cohorts),
                Some("flag") => (&keys, dependencies::id(&property["key"]), &mut references.flags),
                _ => continue,
            };
            if let Some((id, name)) = id.and_then(|id| Some((id, names.get(&id)?))) {
                found.insert(id, name.clone());
            }
        }
        if flags.iter().any(|flag| flag.filters.to_string().contains("group_type_index\":")) {
            let types = people::store::group_types(&state.db, team).await?;
            references.group_types = types.into_iter().map(|kind| (i64::from(kind.index.0), kind.name.to_string())).collect();
        }
        Ok(references)
    }

    /// Keys of the flags that these filters refer to by number.
    pub fn flags_of<'a>(&'a self, filters: &Value) -> Vec<&'a str> {
        dependencies::of(filters).iter().filter_map(|id| self.flags.get(id)).map(String::as_str).collect()
    }

    /// Writes the numbers of `place` into the filters. `flags` are the flags there, by key. Fails with 400 naming what is missing.
    pub fn settle(&self, filters: &mut Value, place: &Place, flags: &HashMap<String, i64>) -> ApiResult<()> {
        self.settle_group_type(filters, "aggregation_group_type_index", place)?;
        for group in filters["groups"].as_array_mut().into_iter().flatten() {
            self.settle_group_type(group, "aggregation_group_type_index", place)?;
            for property in group["properties"].as_array_mut().into_iter().flatten() {
                match property["type"].as_str() {
                    Some("cohort") => settle(&mut property["value"], &self.cohorts, &place.cohorts, "cohort")?,
                    Some("flag") => settle(&mut property["key"], &self.flags, flags, "flag")?,
                    _ => self.settle_group_type(property, "group_type_index", place)?,
                }
            }
        }
        Ok(())
    }

    fn settle_group_type(&self, holder: &mut Value, field: &str, place: &Place) -> ApiResult<()> {
        match holder.get_mut(field) {
            Some(index) if !index.is_null() => settle(index, &self.group_types, &place.group_types, "group type"),
            _ => Ok(()),
        }
    }
}

impl Place {
    pub async fn of(state: &Flags, team: TeamId, cohorts: &[cohorts::Cohort]) -> ApiResult<Place> {
        let types = people::store::group_types(&state.db, team).await?;
        Ok(Place {
            // Of several cohorts with one name, the oldest.
            cohorts: cohorts.iter().map(|cohort| (cohort.name.clone(), cohort.id)).collect(),
            group_types: types.into_iter().map(|kind| (kind.name.to_string(), i64::from(kind.index.0))).collect(),
        })
    }
}

/// Keeps the form that the number had: flags are referred to by digits in a text.
fn settle(number: &mut Value, names: &BTreeMap<i64, String>, place: &HashMap<String, i64>, kind: &str) -> ApiResult<()> {
    let Some(name) = dependencies::id(number).and_then(|id| names.get(&id)) else { return Ok(()) };
    let Some(there) = place.get(name) else {
        return Err(ApiError::invalid(format!("The flag needs the {kind} {name:?}, which the project does not have.")).attr("filters"));
    };
    *number = if number.is_string() { there.to_string().into() } else { (*there).into() };
    Ok(())
}
