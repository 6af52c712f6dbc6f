//! One project's flags, compiled and printed.

use super::Served;
use crate::evaluate::Definitions;
use crate::local::Local;
use crate::payload::REDACTED;
use crate::wire::Printed;
use crate::{Flag, Flags, store};
use anyhow::Result;
use cohorts::Cohort;
use futures::try_join;
use model::TeamId;
use serde_json::Value;
use std::borrow::Cow;
use std::sync::Arc;

/// Made once for each change of a project's flags, cohorts, group types or time zone.
pub struct Project {
    /// In the order of their keys, without deleted ones.
    pub flags: Vec<Flag>,
    pub definitions: Definitions,
    pub(crate) printed: Printed,
    pub(crate) local: Local,
    /// Keys of the flags that remember what an anonymous visitor saw.
    pub(crate) continuous: Vec<String>,
    /// Some condition may depend on where the client is.
    pub(crate) uses_places: bool,
    /// In memory, about.
    pub(super) bytes: u32,
    stamp: Stamp,
}

/// While this is equal, nothing that an answer is made of has changed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stamp {
    flags: i64,
    cohorts: i64,
    group_types: Vec<(u8, String)>,
    timezone: chrono_tz::Tz,
}

/// Compiled conditions, printed fragments and the record itself take about this many times the text of the filters.
const BYTES_PER_TEXT: usize = 6;

/// Reads counters, and the flags only if `known` is no longer right. `None` when the project does not exist.
pub(super) async fn read(flags: &Flags, id: TeamId, known: Option<&Served>) -> Result<Option<Served>> {
    let db = &flags.db;
    // Counters are read before the flags: if a change comes in between, the next comparison finds it.
    let (team, flag_version, cohort_version, group_types, has_surveys) = try_join!(
        flags.teams.read_by_id(id),
        store::version(db, id),
        cohorts::store::version(db, id),
        people::store::group_types(db, id),
        (flags.has_surveys)(id),
    )?;
    let Some(team) = team else { return Ok(None) };
    let group_types = group_types.into_iter().map(|kind| (kind.index.0, kind.name.to_string())).collect();
    let stamp = Stamp { flags: flag_version, cohorts: cohort_version, group_types, timezone: team.timezone };
    let project = match known {
        Some(known) if known.project.stamp == stamp => known.project.clone(),
        _ => {
            let (flags, cohorts) = try_join!(store::of_team(db, id), cohorts::store::of_team(db, id))?;
            // Ten thousand flags take a while.
            Arc::new(tokio::task::spawn_blocking(move || Project::new(flags, &cohorts, stamp)).await?)
        }
    };
    Ok(Some(Served { team, project, has_surveys, is_stale: false }))
}

impl Project {
    fn new(mut flags: Vec<Flag>, cohorts: &[Cohort], stamp: Stamp) -> Self {
        // Databases order text each in its own way.
        flags.sort_by(|a, b| a.key.cmp(&b.key));
        let definitions = Definitions::compile(&redacted(&flags), cohorts, &stamp.group_types, stamp.timezone);
        let local = Local::print(&flags, cohorts, &stamp.group_types);
        let texts =
            || flags.iter().map(|flag| &flag.filters).chain(cohorts.iter().map(|cohort| &cohort.filters)).map(|json| json.to_string());
        let bytes = local.body.len() + texts().map(|text| text.len() * BYTES_PER_TEXT).sum::<usize>();
        Self {
            printed: Printed::new(definitions.described()),
            local,
            continuous: definitions.continuous().map(str::to_owned).collect(),
            uses_places: texts().any(|text| text.contains("$geoip_")),
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
            definitions,
            flags,
            stamp,
        }
    }

    /// SDKs need not ask for flags when there is nothing that could be answered.
    pub fn has_active_flags(&self) -> bool {
        self.flags.iter().any(|flag| flag.active)
    }
}

/// Encrypted payloads are opened for the endpoint of remote config alone.
fn redacted(flags: &[Flag]) -> Cow<'_, [Flag]> {
    if !flags.iter().any(|flag| flag.has_encrypted_payloads) {
        return Cow::Borrowed(flags);
    }
    let mut flags = flags.to_vec();
    for flag in flags.iter_mut().filter(|flag| flag.has_encrypted_payloads) {
        let payloads = flag.filters.get_mut("payloads").and_then(Value::as_object_mut);
        payloads.into_iter().flat_map(|payloads| payloads.values_mut()).for_each(|payload| *payload = REDACTED.into());
    }
    Cow::Owned(flags)
}
