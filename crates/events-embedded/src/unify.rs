//! Stored columns into the columns that a select asks for.

use crate::columns::{self, Census, Kind, Owner, column_name};
use crate::overrides::TeamOverrides;
use crate::shred::{number_text, push_json_text};
use anyhow::{Context, Result, bail};
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, FixedSizeBinaryArray, Float64Array, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int32Type};
use hashbrown::HashSet;
use model::{Properties, PropertyValue, Timestamp};
use query::{ColumnKind, ColumnSource, ColumnUse, PropertyOwner};
use std::sync::Arc;
use uuid::Uuid;

pub fn data_type(kind: ColumnKind) -> DataType {
    match kind {
        ColumnKind::Text | ColumnKind::Uuid => DataType::Utf8,
        ColumnKind::Number => DataType::Float64,
        ColumnKind::Boolean => DataType::Boolean,
        ColumnKind::Timestamp => columns::instant(),
        ColumnKind::Int => DataType::Int64,
    }
}

/// How persons are settled in some rows: overrides that their `person_id` lacks, and persons whose rows are gone.
#[derive(Clone, Default)]
pub struct PersonView {
    pub overrides: Option<TeamOverrides>,
    pub erased: Option<Arc<HashSet<Uuid>>>,
}

/// What a column of an events select comes from.
enum Origin<'a> {
    Stored(&'static str),
    Person,
    Property(Owner, &'a str),
    All(Owner),
}

fn origin(column: &ColumnUse) -> Result<Origin<'_>> {
    let owner = |of: PropertyOwner| match of {
        PropertyOwner::Event => Ok(Owner::Event),
        PropertyOwner::Person => Ok(Owner::Person),
        PropertyOwner::Group => bail!("events hold no group properties"),
    };
    Ok(match &column.source {
        ColumnSource::Property { of, name } => Origin::Property(owner(*of)?, name),
        ColumnSource::AllProperties(of) => Origin::All(owner(*of)?),
        ColumnSource::Field("person_id") => Origin::Person,
        ColumnSource::Field("person_id_stored") => Origin::Stored(columns::PERSON_ID),
        ColumnSource::Field(name) if name.starts_with('$') => Origin::Property(Owner::Event, name),
        ColumnSource::Field(name) => {
            let known = columns::fixed_fields().iter().any(|field| field.name() == name) && !name.ends_with(".rest");
            if !known {
                bail!("events have no field {name}");
            }
            Origin::Stored(name)
        }
    })
}

/// Names of the stored columns that `wanted` is made from, among those that exist.
pub fn needed_columns(wanted: &[ColumnUse], exists: &dyn Fn(&str) -> bool, census: &Census, view: &PersonView) -> Result<HashSet<String>> {
    let mut needed = HashSet::new();
    let mut person = view.erased.is_some();
    for column in wanted {
        match origin(column)? {
            Origin::Stored(name) => {
                needed.insert(name.to_owned());
            }
            Origin::Person => person = true,
            Origin::Property(owner, name) => {
                needed.extend(Kind::ALL.into_iter().map(|kind| column_name(owner, kind, name)).filter(|name| exists(name)));
                if census.rest_may_hold(owner, name) {
                    needed.insert(owner.rest_column().to_owned());
                }
            }
            Origin::All(owner) => {
                needed.extend(census.columns.keys().filter(|name| is_of(name, owner) && exists(name)).cloned());
                needed.insert(owner.rest_column().to_owned());
            }
        }
    }
    if person {
        needed.insert(columns::PERSON_ID.to_owned());
        if view.overrides.is_some() {
            needed.insert(columns::DISTINCT_ID.to_owned());
        }
    }
    Ok(needed)
}

fn is_of(column: &str, owner: Owner) -> bool {
    columns::PropertyColumn::parse(column).is_some_and(|column| column.owner == owner)
}

/// The wanted columns of a batch of stored rows.
pub fn unify(batch: &RecordBatch, census: &Census, view: &PersonView, wanted: &[ColumnUse]) -> Result<Vec<ArrayRef>> {
    wanted.iter().map(|column| unify_one(batch, census, view, column).with_context(|| format!("column {}", column.name))).collect()
}

fn unify_one(batch: &RecordBatch, census: &Census, view: &PersonView, column: &ColumnUse) -> Result<ArrayRef> {
    let array = match origin(column)? {
        Origin::Stored(name) => readable(stored(batch, name)?)?,
        Origin::Person => uuid_texts(&persons(batch, view)?),
        Origin::Property(owner, name) => return property(batch, census, owner, name, column.kind),
        Origin::All(owner) => Arc::new(objects(batch, owner)?),
    };
    let wanted = data_type(column.kind);
    Ok(if *array.data_type() == wanted { array } else { cast(&array, &wanted)? })
}

fn stored<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef> {
    batch.column_by_name(name).with_context(|| format!("rows lack {name}"))
}

/// Ids as text; dictionaries as plain texts; anything else as it is.
fn readable(array: &ArrayRef) -> Result<ArrayRef> {
    Ok(match array.data_type() {
        DataType::FixedSizeBinary(_) => uuid_texts(array.as_fixed_size_binary()),
        DataType::Dictionary(..) => cast(array, &DataType::Utf8)?,
        _ => array.clone(),
    })
}

fn uuid_texts(ids: &FixedSizeBinaryArray) -> ArrayRef {
    let mut texts = StringBuilder::with_capacity(ids.len(), ids.len() * 36);
    let mut buffer = Uuid::encode_buffer();
    for id in ids.iter() {
        let id = id.and_then(|bytes| Uuid::from_slice(bytes).ok()).unwrap_or_default();
        texts.append_value(id.hyphenated().encode_lower(&mut buffer));
    }
    Arc::new(texts.finish())
}

/// Person ids with the overrides applied.
pub fn persons(batch: &RecordBatch, view: &PersonView) -> Result<FixedSizeBinaryArray> {
    let stored_ids = stored(batch, columns::PERSON_ID)?.as_fixed_size_binary();
    let Some(overrides) = &view.overrides else { return Ok(stored_ids.clone()) };
    let distinct_ids = stored(batch, columns::DISTINCT_ID)?.as_dictionary::<Int32Type>();
    let names = distinct_ids.values().as_string::<i32>();
    let moved: Vec<Option<Uuid>> = names.iter().map(|name| overrides.person(name.unwrap_or_default())).collect();
    if moved.iter().all(Option::is_none) {
        return Ok(stored_ids.clone());
    }
    let mut bytes = Vec::with_capacity(batch.num_rows() * 16);
    for (row, key) in distinct_ids.keys().values().iter().enumerate() {
        match moved[*key as usize] {
            Some(person) => bytes.extend_from_slice(person.as_bytes()),
            None => bytes.extend_from_slice(stored_ids.value(row)),
        }
    }
    Ok(FixedSizeBinaryArray::try_new(16, bytes.into(), None)?)
}

/// Which rows are not erased; `None` when all stay.
pub fn not_erased(batch: &RecordBatch, view: &PersonView) -> Result<Option<BooleanArray>> {
    let Some(erased) = &view.erased else { return Ok(None) };
    let ids = persons(batch, view)?;
    let keep: BooleanArray =
        ids.iter().map(|id| Some(!id.and_then(|id| Uuid::from_slice(id).ok()).is_some_and(|id| erased.contains(&id)))).collect();
    Ok((keep.false_count() > 0).then_some(keep))
}

/// One property in each of its stored forms.
struct Forms<'a> {
    strings: Option<&'a ArrayRef>,
    numbers: Option<&'a ArrayRef>,
    booleans: Option<&'a ArrayRef>,
    json: Option<&'a ArrayRef>,
    rest: Option<Vec<Option<PropertyValue>>>,
}

/// One property of every row, as the kind that is asked for.
pub fn property(batch: &RecordBatch, census: &Census, owner: Owner, name: &str, kind: ColumnKind) -> Result<ArrayRef> {
    let form = |kind| batch.column_by_name(&column_name(owner, kind, name));
    let rest = if census.rest_may_hold(owner, name) { Some(rest_values(batch, owner, name)?) } else { None };
    let forms =
        Forms { strings: form(Kind::String), numbers: form(Kind::Number), booleans: form(Kind::Boolean), json: form(Kind::Json), rest };
    let rows = batch.num_rows();
    Ok(match kind {
        ColumnKind::Text | ColumnKind::Uuid => forms.texts(rows)?,
        ColumnKind::Number => forms.floats(rows)?,
        ColumnKind::Boolean => forms.flags(rows),
        ColumnKind::Int => cast(&forms.floats(rows)?, &DataType::Int64)?,
        ColumnKind::Timestamp => instants(forms.texts(rows)?.as_string::<i32>()),
    })
}

fn rest_values(batch: &RecordBatch, owner: Owner, name: &str) -> Result<Vec<Option<PropertyValue>>> {
    let rest = stored(batch, owner.rest_column())?.as_string::<i32>();
    let mut quoted = String::new();
    push_json_text(&mut quoted, name);
    let finder = memchr::memmem::Finder::new(&quoted);
    rest.iter()
        .map(|object| match object {
            Some(object) if finder.find(object.as_bytes()).is_some() => {
                let properties = Properties::from_json_text(object).context("reading a rest column")?;
                Ok(properties.get(name).cloned())
            }
            _ => Ok(None),
        })
        .collect()
}

impl Forms<'_> {
    fn texts(&self, rows: usize) -> Result<ArrayRef> {
        if self.numbers.is_none() && self.booleans.is_none() && self.json.is_none() && self.rest.is_none() {
            return Ok(match self.strings {
                Some(strings) => cast(strings, &DataType::Utf8)?,
                None => new_null_array(&DataType::Utf8, rows),
            });
        }
        let strings = self.strings.map(|array| texts_of(array));
        let mut out = StringBuilder::new();
        for row in 0..rows {
            if let Some(text) = strings.and_then(|(keys, names)| keys.is_valid(row).then(|| names.value(keys.value(row) as usize))) {
                out.append_value(text);
            } else if let Some(number) = self.number(row) {
                out.append_value(number_text(number));
            } else if let Some(flag) = self.flag(row) {
                out.append_value(if flag { "true" } else { "false" });
            } else {
                out.append_option(self.json(row).or_else(|| self.rest(row).and_then(PropertyValue::to_text).map(|text| text.to_string())));
            }
        }
        Ok(Arc::new(out.finish()))
    }

    fn floats(&self, rows: usize) -> Result<ArrayRef> {
        if let (Some(numbers), None, None, None) = (self.numbers, self.strings, self.json, &self.rest) {
            return Ok(numbers.clone());
        }
        let parsed: Option<(_, Vec<Option<f64>>)> = self.strings.map(|array| {
            let (keys, names) = texts_of(array);
            (keys, names.iter().map(|name| name.and_then(parse_number)).collect())
        });
        let values = (0..rows).map(|row| {
            let text =
                || parsed.as_ref().and_then(|(keys, values)| if keys.is_valid(row) { values[keys.value(row) as usize] } else { None });
            let json = || self.json(row).and_then(|json| parse_number(&json));
            self.number(row).or_else(text).or_else(json).or_else(|| self.rest(row).and_then(number_of))
        });
        Ok(Arc::new(Float64Array::from_iter(values)))
    }

    fn flags(&self, rows: usize) -> ArrayRef {
        let parsed: Option<(_, Vec<Option<bool>>)> = self.strings.map(|array| {
            let (keys, names) = texts_of(array);
            (keys, names.iter().map(|name| name.and_then(|name| name.parse().ok())).collect())
        });
        let values = (0..rows).map(|row| {
            let text =
                || parsed.as_ref().and_then(|(keys, values)| if keys.is_valid(row) { values[keys.value(row) as usize] } else { None });
            let rest = || match self.rest(row) {
                Some(PropertyValue::Bool(flag)) => Some(*flag),
                Some(PropertyValue::String(text)) => text.parse().ok(),
                _ => None,
            };
            self.flag(row).or_else(text).or_else(rest)
        });
        Arc::new(BooleanArray::from_iter(values))
    }

    fn number(&self, row: usize) -> Option<f64> {
        let numbers = self.numbers?.as_primitive::<Float64Type>();
        numbers.is_valid(row).then(|| numbers.value(row))
    }

    fn flag(&self, row: usize) -> Option<bool> {
        let booleans = self.booleans?.as_boolean();
        booleans.is_valid(row).then(|| booleans.value(row))
    }

    fn json(&self, row: usize) -> Option<String> {
        let json = self.json?.as_string::<i32>();
        (json.is_valid(row) && json.value(row) != "null").then(|| json.value(row).to_owned())
    }

    fn rest(&self, row: usize) -> Option<&PropertyValue> {
        self.rest.as_ref()?[row].as_ref()
    }
}

type Texts<'a> = (&'a arrow::array::Int32Array, &'a StringArray);

fn texts_of(array: &ArrayRef) -> Texts<'_> {
    let array = array.as_dictionary::<Int32Type>();
    (array.keys(), array.values().as_string::<i32>())
}

fn parse_number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

fn number_of(value: &PropertyValue) -> Option<f64> {
    match value {
        PropertyValue::Int(number) => Some(*number as f64),
        PropertyValue::Float(number) => Some(*number),
        PropertyValue::String(text) => parse_number(text),
        _ => None,
    }
}

fn instants(texts: &StringArray) -> ArrayRef {
    let values = texts.iter().map(|text| text.and_then(Timestamp::parse_rfc3339).map(|at| at.0));
    Arc::new(TimestampMicrosecondArray::from_iter(values).with_timezone("UTC"))
}

/// Each row's properties as one JSON object.
pub fn objects(batch: &RecordBatch, owner: Owner) -> Result<StringArray> {
    let mut members: Vec<Member> = Vec::new();
    for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        if let Some(column) = columns::PropertyColumn::parse(field.name()).filter(|column| column.owner == owner) {
            members.push(Member::new(&column, array));
        }
    }
    let rest = stored(batch, owner.rest_column())?.as_string::<i32>();
    let mut out = StringBuilder::new();
    let mut object = String::new();
    for row in 0..batch.num_rows() {
        object.clear();
        for member in &members {
            member.write(row, &mut object);
        }
        if rest.is_valid(row) {
            object.push(',');
            object.push_str(&rest.value(row)[1..rest.value(row).len() - 1]);
        }
        object.push('}');
        match object.starts_with(',') {
            true => object.replace_range(..1, "{"),
            false => object.insert(0, '{'),
        }
        out.append_value(&object);
    }
    Ok(out.finish())
}

/// One property column on its way into objects.
struct Member<'a> {
    array: &'a ArrayRef,
    kind: Kind,
    /// `,"name":`
    lead: String,
    /// A string column's values, quoted.
    quoted: Vec<String>,
}

impl<'a> Member<'a> {
    fn new(column: &columns::PropertyColumn, array: &'a ArrayRef) -> Self {
        let mut lead = ",".to_owned();
        push_json_text(&mut lead, &column.name);
        lead.push(':');
        let quoted = match column.kind {
            Kind::String => {
                let quote = |text: Option<&str>| {
                    let mut quoted = String::new();
                    push_json_text(&mut quoted, text.unwrap_or_default());
                    quoted
                };
                texts_of(array).1.iter().map(quote).collect()
            }
            _ => Vec::new(),
        };
        Member { array, kind: column.kind, lead, quoted }
    }

    fn write(&self, row: usize, object: &mut String) {
        if self.array.is_null(row) {
            return;
        }
        object.push_str(&self.lead);
        match self.kind {
            Kind::String => object.push_str(&self.quoted[texts_of(self.array).0.value(row) as usize]),
            Kind::Number => object.push_str(&number_text(self.array.as_primitive::<Float64Type>().value(row))),
            Kind::Boolean => object.push_str(if self.array.as_boolean().value(row) { "true" } else { "false" }),
            Kind::Json => object.push_str(self.array.as_string::<i32>().value(row)),
        }
    }
}
