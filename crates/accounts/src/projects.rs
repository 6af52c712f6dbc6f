//! Making and changing projects.

use crate::fields;
use crate::project_fields::{FIELDS, FIRST_TEST_ACCOUNT_FILTERS};
use crate::{AccountsState, Organization};
use anyhow::{Context, Result};
use model::OrganizationId;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use teams::{NewTeam, Team};
use web::{ApiError, ApiResult};

/// A project to make; see [`create_project`].
pub struct NewProject {
    pub organization: OrganizationId,
    pub name: String,
    /// Holds made-up data.
    pub is_demo: bool,
    /// `phc_…`; a random one when absent.
    pub api_token: Option<String>,
}

/// Makes a project with default settings. It becomes nobody's current project.
pub async fn create_project(state: &AccountsState, new: NewProject) -> Result<Arc<Team>> {
    let NewProject { organization, name, is_demo, api_token } = new;
    let team = NewTeam { is_demo, api_token, ..first_settings(organization, &name) };
    state.teams.create(team, state.clock.now()).await
}

/// What every new project begins with.
pub(crate) fn first_settings(organization: OrganizationId, name: &str) -> NewTeam {
    let mut team = NewTeam::named(organization, name);
    let filters = serde_json::from_str(FIRST_TEST_ACCOUNT_FILTERS).unwrap_or_else(|_| json!([]));
    team.settings.insert("test_account_filters".to_owned(), filters);
    team
}

/// A checked PATCH: what it sets, nothing else.
#[derive(Debug, Default)]
pub(crate) struct ProjectChange {
    name: Option<String>,
    timezone: Option<chrono_tz::Tz>,
    week_start_day: Option<u8>,
    anonymize_ips: Option<bool>,
    cookieless_mode: Option<u8>,
    settings: Map<String, Value>,
}

impl ProjectChange {
    pub fn read(body: &Map<String, Value>) -> ApiResult<ProjectChange> {
        let small = |name: &'static str, most: i64| -> ApiResult<Option<u8>> {
            // null is how older clients say "the default".
            let value = body.get(name).map(|value| if value.is_null() { json!(0) } else { value.clone() });
            let number = value.map(|value| fields::integer(&value, 0, most)).transpose();
            Ok(number.map_err(|_| choice(body, name))?.map(|number| number as u8))
        };
        let anonymize_ips = match body.get("anonymize_ips") {
            None => None,
            Some(Value::Bool(flag)) => Some(*flag),
            Some(_) => return Err(ApiError::validation("invalid", "Must be a valid boolean.").attr("anonymize_ips")),
        };
        let mut settings = fields::read(FIELDS, body)?;
        check_urls(&settings)?;
        check_filters(&settings)?;
        settings.retain(|_, value| value.to_string().len() <= 64 * 1024);
        Ok(ProjectChange {
            name: if body.contains_key("name") { Some(fields::required_text(body, "name", 200)?) } else { None },
            timezone: timezone(body)?,
            week_start_day: small("week_start_day", 1)?,
            anonymize_ips,
            cookieless_mode: small("cookieless_server_hash_mode", 2)?,
            settings,
        })
    }

    pub fn apply(self, team: &mut Team) {
        if let Some(name) = self.name {
            team.name = name;
        }
        if let Some(timezone) = self.timezone {
            team.timezone = timezone;
        }
        if let Some(day) = self.week_start_day {
            team.week_start_day = day;
        }
        if let Some(anonymize) = self.anonymize_ips {
            team.anonymize_ips = anonymize;
        }
        if let Some(mode) = self.cookieless_mode {
            team.cookieless_mode = mode;
        }
        team.settings.extend(self.settings);
    }
}

fn choice(body: &Map<String, Value>, name: &'static str) -> ApiError {
    fields::invalid_choice(body.get(name).unwrap_or(&Value::Null)).attr(name)
}

fn timezone(body: &Map<String, Value>) -> ApiResult<Option<chrono_tz::Tz>> {
    let Some(value) = body.get("timezone") else {
        return Ok(None);
    };
    let timezone = value.as_str().and_then(|name| name.parse().ok());
    timezone.map(Some).ok_or_else(|| choice(body, "timezone"))
}

/// Sites and domains are compared with what browsers send; something else in the list would never match, or match too much.
fn check_urls(settings: &Map<String, Value>) -> ApiResult<()> {
    for name in ["app_urls", "recording_domains"] {
        let urls = settings.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        for url in urls {
            if url.len() > 2_000 || url.to_ascii_lowercase().trim_start().starts_with("javascript:") || url.chars().any(char::is_control) {
                return Err(ApiError::validation("invalid", "Enter a valid URL.").attr(name));
            }
        }
    }
    Ok(())
}

fn check_filters(settings: &Map<String, Value>) -> ApiResult<()> {
    let filters = settings.get("test_account_filters").and_then(Value::as_array).into_iter().flatten();
    match filters.into_iter().all(Value::is_object) {
        true => Ok(()),
        false => Err(ApiError::validation("invalid", "Must provide a list of filters, each an object.").attr("test_account_filters")),
    }
}

/// Makes a project from a POST body, as the caller's new current project.
pub(crate) async fn create_from(state: &AccountsState, organization: &Organization, body: &Map<String, Value>) -> ApiResult<Arc<Team>> {
    let name = if body.contains_key("name") { fields::required_text(body, "name", 200)? } else { "Default project".to_owned() };
    let change = ProjectChange::read(body)?;
    let mut new = first_settings(organization.id, &name);
    if let Some(timezone) = change.timezone {
        new.timezone = timezone;
    }
    let now = state.clock.now();
    let team = state.teams.create(new, now).await?;
    let team = state.teams.update(team.id, now, |team| change.apply(team)).await?;
    Ok(team.context("the project that was just made is gone")?)
}
