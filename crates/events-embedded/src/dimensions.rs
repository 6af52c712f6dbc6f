//! Persons, distinct ids, overrides, groups and memberships of cohorts as tables; who is in a cohort.

use crate::columns::{Census, Owner};
use crate::overrides::TeamOverrides;
use crate::scan::schema_of;
use crate::shred::shred_properties;
use crate::unify::{data_type, objects, property};
use anyhow::{Context, Result, bail};
use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions, StringArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::datasource::MemTable;
use events::{CohortRow, Dimensions, GroupRow, PersonRow};
use model::{Properties, TeamId, Timestamp};
use parking_lot::Mutex;
use query::{ColumnSource, Table, TableUse};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;
use uuid::Uuid;

const BATCH_ROWS: usize = 8 << 10;
/// Tables kept for later selects.
const KEPT: usize = 64;

/// Rows of a table with all their columns.
struct Part {
    batch: RecordBatch,
    census: Census,
}

struct Kept {
    version: u64,
    parts: Arc<Vec<Part>>,
    used: Instant,
}

/// The members of a cohort.
pub type Members = Arc<HashSet<Uuid, ahash::RandomState>>;

struct KeptMembers {
    version: u64,
    members: Members,
    used: Instant,
}

/// Reads tables from the metadata database, and again only when they changed.
pub struct DimensionTables {
    source: Arc<dyn Dimensions>,
    kept: Mutex<HashMap<(TeamId, Table), Kept>>,
    kept_members: Mutex<HashMap<(TeamId, i64), KeptMembers>>,
}

impl DimensionTables {
    pub fn new(source: Arc<dyn Dimensions>) -> Self {
        DimensionTables { source, kept: Mutex::default(), kept_members: Mutex::default() }
    }

    pub fn forget_unused(&self, since: Instant) {
        self.kept.lock().retain(|_, kept| kept.used >= since);
        self.kept_members.lock().retain(|_, kept| kept.used >= since);
    }

    pub async fn members(&self, team: TeamId, cohort: i64) -> Result<Members> {
        let version = self.source.cohorts_version(team).await.context("asking whether cohorts have changed")?;
        if let Some(kept) = self.kept_members.lock().get_mut(&(team, cohort)).filter(|kept| kept.version == version) {
            kept.used = Instant::now();
            return Ok(kept.members.clone());
        }
        let members: Members = Arc::new(self.source.cohort_members(team, cohort).await?.into_iter().collect());
        let mut all = self.kept_members.lock();
        if all.len() >= KEPT
            && let Some(oldest) = all.iter().min_by_key(|(_, kept)| kept.used).map(|(key, _)| *key)
        {
            all.remove(&oldest);
        }
        all.insert((team, cohort), KeptMembers { version, members: members.clone(), used: Instant::now() });
        Ok(members)
    }

    pub async fn table(&self, team: TeamId, table: &TableUse, overrides: &TeamOverrides) -> Result<MemTable> {
        let parts = match table.table {
            Table::PersonOverrides => Arc::new(vec![override_part(overrides)?]),
            _ => self.parts(team, table.table).await?,
        };
        let schema = schema_of(&table.columns);
        let batches = parts.iter().map(|part| part.shape(table)).collect::<Result<Vec<_>>>()?;
        Ok(MemTable::try_new(schema, vec![batches])?)
    }

    async fn parts(&self, team: TeamId, table: Table) -> Result<Arc<Vec<Part>>> {
        let version = match table {
            Table::CohortPeople | Table::StaticCohortPeople => self.source.cohorts_version(team).await,
            _ => self.source.version(team).await,
        };
        let version = version.context("asking whether persons have changed")?;
        if let Some(kept) = self.kept.lock().get_mut(&(team, table)).filter(|kept| kept.version == version) {
            kept.used = Instant::now();
            return Ok(kept.parts.clone());
        }
        let parts = Arc::new(self.load(team, table).await?);
        let mut all = self.kept.lock();
        if all.len() >= KEPT
            && let Some(oldest) = all.iter().min_by_key(|(_, kept)| kept.used).map(|(key, _)| *key)
        {
            all.remove(&oldest);
        }
        all.insert((team, table), Kept { version, parts: parts.clone(), used: Instant::now() });
        Ok(parts)
    }

    async fn load(&self, team: TeamId, table: Table) -> Result<Vec<Part>> {
        match table {
            Table::Persons => self.source.persons(team).await?.chunks(BATCH_ROWS).map(person_part).collect(),
            Table::Groups => self.source.groups(team).await?.chunks(BATCH_ROWS).map(group_part).collect(),
            Table::PersonDistinctIds => {
                let rows = self.source.distinct_ids(team).await?;
                rows.chunks(BATCH_ROWS)
                    .map(|rows| {
                        let ids = StringArray::from_iter_values(rows.iter().map(|row| &row.distinct_id));
                        let persons = StringArray::from_iter_values(rows.iter().map(|row| row.person_id.to_string()));
                        Part::plain(vec![("distinct_id", Arc::new(ids)), ("person_id", Arc::new(persons))])
                    })
                    .collect()
            }
            Table::CohortPeople => self.source.cohort_people(team, false).await?.chunks(BATCH_ROWS).map(cohort_part).collect(),
            Table::StaticCohortPeople => self.source.cohort_people(team, true).await?.chunks(BATCH_ROWS).map(cohort_part).collect(),
            Table::Events | Table::PersonOverrides => bail!("{table:?} is not a table of the metadata database"),
        }
    }
}

fn override_part(overrides: &TeamOverrides) -> Result<Part> {
    let (ids, persons): (Vec<String>, Vec<String>) = overrides.iter().map(|(id, person)| (id.to_string(), person.to_string())).unzip();
    Part::plain(vec![("distinct_id", Arc::new(StringArray::from(ids))), ("person_id", Arc::new(StringArray::from(persons)))])
}

fn person_part(rows: &[PersonRow]) -> Result<Part> {
    let fields: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.id.to_string())))),
        ("created_at", instants(rows.iter().map(|row| row.created_at))),
        ("is_identified", Arc::new(BooleanArray::from_iter(rows.iter().map(|row| Some(row.is_identified))))),
    ];
    Part::with_properties(fields, rows.iter().map(|row| &*row.properties))
}

fn group_part(rows: &[GroupRow]) -> Result<Part> {
    let fields: Vec<(&str, ArrayRef)> = vec![
        ("index", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| i64::from(row.index))))),
        ("key", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.key)))),
        ("created_at", instants(rows.iter().map(|row| row.created_at))),
        ("updated_at", instants(rows.iter().map(|row| row.updated_at))),
    ];
    Part::with_properties(fields, rows.iter().map(|row| &*row.properties))
}

fn cohort_part(rows: &[CohortRow]) -> Result<Part> {
    Part::plain(vec![
        ("person_id", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.person_id.to_string())))),
        ("cohort_id", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.cohort_id)))),
        ("version", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.version)))),
    ])
}

fn instants(values: impl Iterator<Item = Timestamp>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter_values(values.map(|at| at.0)).with_timezone("UTC"))
}

impl Part {
    fn plain(fields: Vec<(&str, ArrayRef)>) -> Result<Part> {
        Ok(Part { batch: RecordBatch::try_from_iter(fields)?, census: Census::default() })
    }

    fn with_properties<'a>(fields: Vec<(&str, ArrayRef)>, objects: impl Iterator<Item = &'a str>) -> Result<Part> {
        let parsed: Vec<Properties> = objects.map(|text| Properties::from_json_text(text).unwrap_or_default()).collect();
        let nothing = Properties::new();
        let shredded = shred_properties(&parsed.iter().map(|properties| [properties, &nothing]).collect::<Vec<_>>());
        let mut schema: Vec<Field> = fields.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), false)).collect();
        let mut arrays: Vec<ArrayRef> = fields.into_iter().map(|(_, array)| array).collect();
        schema.push(Field::new(Owner::Event.rest_column(), DataType::Utf8, true));
        arrays.push(shredded.rests[0].clone());
        schema.extend(shredded.columns.iter().map(|column| column.field()));
        arrays.extend(shredded.arrays);
        Ok(Part { batch: RecordBatch::try_new(Arc::new(Schema::new(schema)), arrays)?, census: shredded.census })
    }

    fn shape(&self, table: &TableUse) -> Result<RecordBatch> {
        let mut arrays = Vec::new();
        for column in &table.columns {
            let array: ArrayRef = match &column.source {
                ColumnSource::Field(name) => {
                    self.batch.column_by_name(name).with_context(|| format!("{:?} has no field {name}", table.table))?.clone()
                }
                ColumnSource::Property { name, .. } => property(&self.batch, &self.census, Owner::Event, name, column.kind)?,
                ColumnSource::AllProperties(_) => Arc::new(objects(&self.batch, Owner::Event)?),
            };
            let wanted = data_type(column.kind);
            arrays.push(if *array.data_type() == wanted { array } else { cast(&array, &wanted)? });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(self.batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(schema_of(&table.columns), arrays, &options)?)
    }
}
