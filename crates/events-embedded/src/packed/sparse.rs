//! Properties in the rest columns: those of few rows, and values of an unusual kind. A few of them become columns here, so that one
//! `null` among a million numbers does not keep packed columns from telling what the numbers are. Of all others the names are noted.

use super::write::ColumnWriter;
use crate::columns::{Census, Kind, Owner, PropertyColumn, column_name};
use crate::shred::kind_of;
use anyhow::{Context, Result};
use arrow::array::{Array, AsArray, RecordBatch};
use hashbrown::{HashMap, HashSet};
use model::Properties;
use std::sync::Arc;

/// Columns that are made out of rest columns.
const MAX_COLUMNS: usize = 128;
/// Names that are noted one by one.
const MAX_NAMES: usize = 4_000;

type Name = (Owner, Arc<str>);

pub struct Sparse {
    /// Places of the columns that a property has anyway.
    places: HashMap<Name, Vec<usize>>,
    /// Names that the planned columns leave to the rest.
    expected: HashSet<Name>,
    found: HashMap<Name, Found>,
    columns: usize,
    unlisted: bool,
}

enum Found {
    Kept(Vec<(Kind, ColumnWriter)>),
    /// Packed columns cannot tell its values.
    Hidden,
}

impl Sparse {
    pub fn new(names: &[String], census: &Census) -> Self {
        let mut places: HashMap<Name, Vec<usize>> = HashMap::new();
        for (at, name) in names.iter().enumerate() {
            if let Some(column) = PropertyColumn::parse(name) {
                places.entry((column.owner, column.name)).or_default().push(at);
            }
        }
        let expected = census.rest.keys().filter_map(|name| PropertyColumn::parse(name)).map(|column| (column.owner, column.name));
        Sparse { places, expected: expected.collect(), found: HashMap::new(), columns: 0, unlisted: false }
    }

    /// Places of the columns of each property that has several.
    pub fn several(&self) -> impl Iterator<Item = &Vec<usize>> {
        self.places.values().filter(|places| places.len() > 1)
    }

    /// `first` is the number of the batch's first row.
    pub fn add(&mut self, batch: &RecordBatch, first: usize) -> Result<()> {
        for owner in Owner::BOTH {
            let rest = batch.column_by_name(owner.rest_column()).context("rows lack the rest column")?.as_string::<i32>();
            if rest.null_count() == rest.len() {
                continue;
            }
            for row in (0..rest.len()).filter(|row| rest.is_valid(*row)) {
                let properties = Properties::from_json_text(rest.value(row)).context("reading a rest column")?;
                self.add_row(owner, &properties, batch, row, first);
            }
        }
        Ok(())
    }

    fn add_row(&mut self, owner: Owner, properties: &Properties, batch: &RecordBatch, row: usize, first: usize) {
        for (at, (name, value)) in properties.iter().enumerate() {
            let key = (owner, name.clone());
            let places = self.places.get(&key);
            // Names can repeat, in the rest or between the rest and a column: rare enough to go without.
            let twice = places.is_some_and(|places| places.iter().any(|place| batch.column(*place).is_valid(row)))
                || properties.iter().take(at).any(|(other, _)| other == name);
            let known = places.is_some() || self.expected.contains(&key);
            if !self.found.contains_key(&key) {
                if !known && self.found.len() >= MAX_NAMES {
                    self.unlisted = true;
                    continue;
                }
                self.found.insert(key.clone(), if known { Found::Kept(Vec::new()) } else { Found::Hidden });
            }
            let Some(found) = self.found.get_mut(&key) else { continue };
            let Found::Kept(columns) = found else { continue };
            let kind = kind_of(value);
            let place = columns.iter().position(|(known, _)| *known == kind);
            if twice || (place.is_none() && self.columns >= MAX_COLUMNS) {
                *found = Found::Hidden;
                continue;
            }
            let place = place.unwrap_or_else(|| {
                self.columns += 1;
                columns.push((kind, ColumnWriter::of_kind(kind)));
                columns.len() - 1
            });
            columns[place].1.add_value(first + row, value);
        }
    }

    /// Columns with their names, names of properties that remain hidden, and whether there are more of those.
    pub fn finish(self, rows: usize, taken: &[String]) -> (Vec<(String, ColumnWriter)>, Vec<String>, bool) {
        let (mut columns, mut hidden) = (Vec::new(), Vec::new());
        // In the same order each time, so that the same rows make the same file.
        let mut found: Vec<_> = self.found.into_iter().collect();
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        for ((owner, name), found) in found {
            let named = |kind| column_name(owner, kind, &name);
            match found {
                Found::Kept(kept) if kept.iter().all(|(kind, _)| !taken.contains(&named(*kind))) => {
                    columns.extend(kept.into_iter().map(|(kind, mut column)| {
                        column.pad(rows);
                        (named(kind), column)
                    }));
                }
                _ => hidden.push(hidden_name(owner, &name)),
            }
        }
        (columns, hidden, self.unlisted)
    }
}

/// How a property is called in the list of hidden ones.
pub fn hidden_name(owner: Owner, name: &str) -> String {
    column_name(owner, Kind::String, name)
}
