//! Who and what was seen together with a person or a group: those that share events.

use crate::Group;
use crate::store::{self, Profile};
use anyhow::{Context, Result};
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use db::Db;
use events::{Budget, EventStore, Select};
use model::{GroupTypeIndex, TeamId, Timestamp};
use query::ast::{self, CompareOp, Expr};
use query::{Context as QueryContext, LimitRule};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// Older events do not count.
const DAYS: i64 = 90;
/// Of each kind.
const MAX_SHOWN: u64 = 100;
const DEADLINE: Duration = Duration::from_secs(20);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    Person(Uuid),
    Group(GroupTypeIndex, String),
}

pub async fn persons(db: &Db, events: &dyn EventStore, team: TeamId, subject: &Subject, now: Timestamp) -> Result<Vec<Profile>> {
    if matches!(subject, Subject::Person(_)) {
        return Ok(Vec::new());
    }
    let found = seen_with(events, team, subject, Expr::call("toString", [Expr::field(["person_id"])]), now).await?;
    let uuids: Vec<Uuid> = found.iter().filter_map(|text| Uuid::parse_str(text).ok()).collect();
    store::profiles_of_uuids(db, team, &uuids).await
}

/// Groups of every type but the subject's own.
pub async fn groups(db: &Db, events: &dyn EventStore, team: TeamId, subject: &Subject, now: Timestamp) -> Result<Vec<Group>> {
    let mut related = Vec::new();
    for kind in store::group_types(db, team).await? {
        if matches!(subject, Subject::Group(index, _) if *index == kind.index) {
            continue;
        }
        let keys = seen_with(events, team, subject, group_field(kind.index), now).await?;
        let keys: Vec<Arc<str>> = keys.into_iter().filter(|key| !key.is_empty()).map(Arc::from).collect();
        related.extend(store::groups(db, team, kind.index, &keys).await?);
    }
    Ok(related)
}

fn group_field(index: GroupTypeIndex) -> Expr {
    Expr::field([format!("$group_{}", index.0)])
}

/// Distinct values of `wanted` on the subject's events.
async fn seen_with(events: &dyn EventStore, team: TeamId, subject: &Subject, wanted: Expr, now: Timestamp) -> Result<Vec<String>> {
    let mut query = query::parse("SELECT DISTINCT {wanted} AS found FROM events WHERE {is_subject} AND {is_recent}")
        .context("the query for related actors is a constant")?;
    let is_subject = match subject {
        Subject::Person(uuid) => Expr::eq(Expr::field(["person_id"]), Expr::constant(ast::Constant::String(uuid.to_string()))),
        Subject::Group(index, key) => Expr::eq(group_field(*index), Expr::constant(ast::Constant::String(key.clone()))),
    };
    let since = Expr::constant(ast::Constant::Timestamp(now.plus_seconds(-DAYS * 86_400)));
    let is_recent = Expr::compare(CompareOp::Gt, Expr::field(["timestamp"]), since);
    let values = [("wanted", wanted), ("is_subject", is_subject), ("is_recent", is_recent)];
    ast::substitute(&mut query, &values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<HashMap<_, _>>());
    let limit = LimitRule { default: Some(MAX_SHOWN), ..LimitRule::NONE };
    let query = query::resolve(query, &QueryContext { limit, ..QueryContext::new(team, now) })?;
    let selected = events.select(Select { query, budget: Budget { deadline: DEADLINE, ..Budget::default() }, cancel: None }).await?;
    Ok(selected.batches.iter().flat_map(texts).collect())
}

/// The first column, whichever of Arrow's text forms it has.
fn texts(batch: &RecordBatch) -> Vec<String> {
    let Some(column) = batch.columns().first() else { return Vec::new() };
    let owned = |text: Option<&str>| text.map(str::to_owned);
    if let Some(texts) = column.as_string_opt::<i32>() {
        return texts.iter().filter_map(owned).collect();
    }
    if let Some(texts) = column.as_string_view_opt() {
        return texts.iter().filter_map(owned).collect();
    }
    column.as_string_opt::<i64>().map(|texts| texts.iter().filter_map(owned).collect()).unwrap_or_default()
}
