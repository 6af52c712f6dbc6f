//! Saved insights in the metadata database.

use crate::legacy;
use anyhow::{Context, Result};
use db::{Db, Migration, Row, Value as Sql, args};
use model::{TeamId, Timestamp, UserId};
use serde_json::Value;

pub const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "insights",
    sql: "
        CREATE TABLE insights (
            id {{id}},
            team BIGINT NOT NULL,
            short_id TEXT NOT NULL,
            name TEXT,
            derived_name TEXT,
            description TEXT NOT NULL,
            query TEXT,
            filters TEXT NOT NULL,
            sort_order BIGINT,
            favorited BOOLEAN NOT NULL,
            deleted BOOLEAN NOT NULL,
            saved BOOLEAN NOT NULL,
            tags TEXT NOT NULL,
            created_at BIGINT NOT NULL,
            created_by BIGINT,
            updated_at BIGINT NOT NULL,
            last_modified_at BIGINT NOT NULL,
            last_modified_by BIGINT,
            UNIQUE (team, short_id)
        );
        CREATE INDEX insights_by_time ON insights (team, deleted, last_modified_at);
        CREATE TABLE insight_views (
            team BIGINT NOT NULL,
            insight BIGINT NOT NULL,
            viewer BIGINT NOT NULL,
            viewed_at BIGINT NOT NULL,
            PRIMARY KEY (insight, viewer)
        );
        CREATE INDEX insight_views_by_viewer ON insight_views (team, viewer, viewed_at);
    ",
}];

#[derive(Clone, Debug, PartialEq)]
pub struct Insight {
    pub id: i64,
    pub short_id: String,
    pub name: Option<String>,
    pub derived_name: Option<String>,
    pub description: String,
    pub query: Option<Value>,
    /// PostHog's older form of a query, kept as it came.
    pub filters: Value,
    pub order: Option<i64>,
    pub favorited: bool,
    pub deleted: bool,
    pub saved: bool,
    pub tags: Vec<String>,
    pub created_at: Timestamp,
    pub created_by: Option<UserId>,
    pub updated_at: Timestamp,
    pub last_modified_at: Timestamp,
    pub last_modified_by: Option<UserId>,
}

const COLUMNS: &str = "id, short_id, name, derived_name, description, query, filters, sort_order, favorited, deleted, saved, tags, \
                       created_at, created_by, updated_at, last_modified_at, last_modified_by";

fn read(row: &Row) -> Result<Insight> {
    let filters: Value = row.get("filters")?;
    let query: Option<Value> = row.get("query")?;
    Ok(Insight {
        id: row.get("id")?,
        short_id: row.get("short_id")?,
        name: row.get("name")?,
        derived_name: row.get("derived_name")?,
        description: row.get("description")?,
        query: legacy::query_of(query, &filters),
        filters,
        order: row.get("sort_order")?,
        favorited: row.get("favorited")?,
        deleted: row.get("deleted")?,
        saved: row.get("saved")?,
        tags: serde_json::from_value(row.get("tags")?)?,
        created_at: row.get("created_at")?,
        created_by: row.get("created_by")?,
        updated_at: row.get("updated_at")?,
        last_modified_at: row.get("last_modified_at")?,
        last_modified_by: row.get("last_modified_by")?,
    })
}

/// How an insight is named in a path.
#[derive(Clone, Debug)]
pub enum Name {
    Id(i64),
    ShortId(String),
}

impl Name {
    pub fn parse(text: &str) -> Name {
        text.parse().map_or_else(|_| Name::ShortId(text.to_owned()), Name::Id)
    }
}

/// Includes deleted ones.
pub async fn find(db: &Db, team: TeamId, name: &Name) -> Result<Option<Insight>> {
    let (column, value) = match name {
        Name::Id(id) => ("id", Sql::from(*id)),
        Name::ShortId(short_id) => ("short_id", Sql::from(short_id)),
    };
    let sql = format!("SELECT {COLUMNS} FROM insights WHERE team = $1 AND {column} = $2");
    db.fetch_optional(&sql, &[team.into(), value])
        .await
        .with_context(|| format!("loading an insight of project {team}"))?
        .as_ref()
        .map(read)
        .transpose()
}

/// The latest first, deleted ones included.
pub async fn all(db: &Db, team: TeamId, limit: i64) -> Result<Vec<Insight>> {
    let sql = format!("SELECT {COLUMNS} FROM insights WHERE team = $1 ORDER BY id DESC LIMIT $2");
    let rows = db.fetch_all(&sql, args![team, limit]).await.with_context(|| format!("listing insights of project {team}"))?;
    rows.iter().map(read).collect()
}

/// Stores a new insight; its `id` is filled in.
pub async fn insert(db: &Db, team: TeamId, insight: Insight) -> Result<Insight> {
    let sql = "INSERT INTO insights (team, short_id, name, derived_name, description, query, filters, sort_order, favorited, deleted, saved, tags,
                                     created_at, created_by, updated_at, last_modified_at, last_modified_by)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) RETURNING id";
    let args = [&[Sql::from(team), Sql::from(&insight.short_id)], changing(&insight).as_slice(), &creation(&insight)].concat();
    let row = db.fetch_one(sql, &args).await.with_context(|| format!("creating an insight in project {team}"))?;
    Ok(Insight { id: row.get("id")?, ..insight })
}

pub async fn update(db: &Db, team: TeamId, insight: &Insight) -> Result<()> {
    let sql =
        "UPDATE insights SET name = $3, derived_name = $4, description = $5, query = $6, filters = $7, sort_order = $8, favorited = $9,
                      deleted = $10, saved = $11, tags = $12, updated_at = $13, last_modified_at = $14, last_modified_by = $15
               WHERE team = $1 AND id = $2";
    let times = args![insight.updated_at, insight.last_modified_at, insight.last_modified_by];
    let args = [&[Sql::from(team), Sql::from(insight.id)], changing(insight).as_slice(), times].concat();
    db.execute(sql, &args).await.with_context(|| format!("saving insight {} of project {team}", insight.id))?;
    Ok(())
}

fn changing(insight: &Insight) -> Vec<Sql> {
    let tags = serde_json::json!(insight.tags);
    args![
        insight.name.clone(),
        insight.derived_name.clone(),
        &insight.description,
        insight.query.clone(),
        &insight.filters,
        insight.order,
        insight.favorited,
        insight.deleted,
        insight.saved,
        tags
    ]
    .to_vec()
}

fn creation(insight: &Insight) -> Vec<Sql> {
    args![insight.created_at, insight.created_by, insight.updated_at, insight.last_modified_at, insight.last_modified_by].to_vec()
}

/// Which insights a list shows.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    pub short_id: Option<String>,
    pub search: Option<String>,
    pub saved: Option<bool>,
    pub favorited: Option<bool>,
    pub created_by: Vec<UserId>,
    /// The kind of the inner query: `TrendsQuery`, `HogQLQuery` …
    pub kind: Option<String>,
    pub modified_after: Option<Timestamp>,
    pub modified_before: Option<Timestamp>,
    pub tag: Option<String>,
    /// One of [`ORDERS`]; `-` in front turns it around.
    pub order: Option<String>,
}

const ORDERS: &[(&str, &str)] = &[
    ("name", "LOWER(COALESCE(name, derived_name, ''))"),
    ("created_at", "created_at"),
    ("updated_at", "updated_at"),
    ("last_modified_at", "last_modified_at"),
    ("id", "id"),
    ("created_by", "created_by"),
    ("favorited", "favorited"),
];

/// One page and the number of all.
pub async fn list(db: &Db, team: TeamId, listing: &Listing, limit: usize, offset: usize) -> Result<(Vec<Insight>, usize)> {
    let (condition, mut values) = conditions(team, listing);
    let count =
        db.fetch_one(&format!("SELECT COUNT(*) AS n FROM insights WHERE {condition}"), &values).await.context("counting insights")?;
    let order = order(listing.order.as_deref());
    let next = values.len() + 1;
    values.extend([Sql::from(limit as i64), Sql::from(offset as i64)]);
    let sql = format!("SELECT {COLUMNS} FROM insights WHERE {condition} ORDER BY {order} LIMIT ${next} OFFSET ${}", next + 1);
    let rows = db.fetch_all(&sql, &values).await.with_context(|| format!("listing insights of project {team}"))?;
    Ok((rows.iter().map(read).collect::<Result<_>>()?, count.get::<i64>("n")? as usize))
}

fn order(text: Option<&str>) -> String {
    let text = text.unwrap_or("-id");
    let (name, direction) = text.strip_prefix('-').map_or((text, "ASC"), |name| (name, "DESC"));
    let column = ORDERS.iter().find(|(known, _)| *known == name).map_or("id", |(_, column)| column);
    format!("{column} {direction}, id DESC")
}

fn conditions(team: TeamId, listing: &Listing) -> (String, Vec<Sql>) {
    let mut conditions = vec!["team = $1".to_owned(), "deleted = $2".to_owned()];
    let mut values = vec![Sql::from(team), Sql::from(false)];
    let mut add = |text: &str, value: Sql| {
        values.push(value);
        conditions.push(text.replace("$n", &format!("${}", values.len())));
    };
    if let Some(short_id) = &listing.short_id {
        add("short_id = $n", short_id.into());
    }
    if let Some(search) = listing.search.as_deref().map(str::trim).filter(|search| !search.is_empty()) {
        let text =
            "LOWER(COALESCE(name, '') || ' ' || COALESCE(derived_name, '') || ' ' || description || ' ' || tags) LIKE $n ESCAPE '\\'";
        add(text, format!("%{}%", literal(&search.to_lowercase())).into());
    }
    if let Some(saved) = listing.saved {
        add("saved = $n", saved.into());
    }
    if let Some(favorited) = listing.favorited {
        add("favorited = $n", favorited.into());
    }
    if let Some(after) = listing.modified_after {
        add("last_modified_at >= $n", after.into());
    }
    if let Some(before) = listing.modified_before {
        add("last_modified_at <= $n", before.into());
    }
    if let Some(kind) = &listing.kind {
        // Written by ourselves, so that there is no white space to allow for.
        add("query LIKE $n ESCAPE '\\'", format!("%\"kind\":\"{}\"%", literal(kind)).into());
    }
    if let Some(tag) = &listing.tag {
        add("tags LIKE $n ESCAPE '\\'", format!("%{}%", literal(&Value::from(tag.as_str()).to_string())).into());
    }
    if !listing.created_by.is_empty() {
        let numbers = db::parameter_list(values.len() + 1, listing.created_by.len());
        conditions.push(format!("created_by IN ({numbers})"));
        values.extend(listing.created_by.iter().map(|user| Sql::from(*user)));
    }
    (conditions.join(" AND "), values)
}

fn literal(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

pub async fn viewed(db: &Db, team: TeamId, insight: i64, viewer: UserId, at: Timestamp) -> Result<()> {
    let sql = "INSERT INTO insight_views (team, insight, viewer, viewed_at) VALUES ($1, $2, $3, $4)
               ON CONFLICT (insight, viewer) DO UPDATE SET viewed_at = excluded.viewed_at";
    db.execute(sql, args![team, insight, viewer, at]).await.context("remembering a viewed insight")?;
    Ok(())
}

/// What a user looked at last, newest first.
pub async fn last_viewed(db: &Db, team: TeamId, viewer: UserId, limit: i64) -> Result<Vec<(Insight, Timestamp)>> {
    let columns: Vec<String> = COLUMNS.split(", ").map(|column| format!("i.{0} AS {0}", column.trim())).collect();
    let sql = format!(
        "SELECT {}, v.viewed_at AS viewed_at FROM insight_views v JOIN insights i ON i.id = v.insight
         WHERE v.team = $1 AND v.viewer = $2 AND i.team = $1 AND i.deleted = $3 ORDER BY v.viewed_at DESC LIMIT $4",
        columns.join(", ")
    );
    let rows = db.fetch_all(&sql, args![team, viewer, false, limit]).await.context("listing viewed insights")?;
    rows.iter().map(|row| Ok((read(row)?, row.get("viewed_at")?))).collect()
}
