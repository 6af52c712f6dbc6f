//! A query's expressions over the packed columns of one segment: looked up by code where one dictionary decides, settled once per
//! event where that does, and evaluated row by row otherwise.

use super::numbering::Changes;
use super::read::{Basics, Packed, Personal, Property, Run};
use super::shape::{Condition, FALSE, Leaf, Source, TRUE, source, truths};
use crate::unify::data_type;
use anyhow::{Context, Result, bail};
use arrow::array::{Array, ArrayRef, StringArray, TimestampMicrosecondArray, UInt32Array};
use arrow::compute::{cast, take};
use hashbrown::HashMap;
use query::ColumnUse;
use std::ops::Range;
use std::sync::Arc;

/// One column of the table, in one segment.
pub enum Bound {
    /// No expression looks at it.
    Unused,
    Event,
    Time,
    Created(Created),
    Property(Arc<Property>),
}

/// When persons came into being.
pub struct Created {
    personal: Personal,
    values: ArrayRef,
}

/// A segment that takes part in a query.
pub struct Part<'q> {
    pub basics: Arc<Basics>,
    columns: Vec<Bound>,
    uses: &'q [ColumnUse],
    /// The team's numbers by the segment's own.
    pub map: Arc<Vec<u32>>,
    pub changes: Arc<Changes>,
    pub runs: Vec<RunPlan<'q>>,
}

/// What to do with the rows of one event.
pub struct RunPlan<'q> {
    pub event: Arc<str>,
    pub rows: Range<usize>,
    pub filter: Test<'q>,
    pub masks: Vec<(u32, Test<'q>)>,
    /// Parts of the key.
    pub texts: Vec<Output<'q, u32>>,
    pub number: Option<Output<'q, f64>>,
}

/// A condition in one run.
pub enum Test<'q> {
    Known(u8),
    Table(usize, Arc<Vec<u8>>),
    Time(i64, i64),
    Rows(&'q Leaf),
    All(Vec<Test<'q>>),
    Any(Vec<Test<'q>>),
    Not(Box<Test<'q>>),
}

/// An expression in one run.
#[derive(Clone)]
pub enum Output<'q, T> {
    Known(T),
    /// By the code of this column.
    Table(usize, Arc<Vec<T>>),
    Rows(&'q Leaf),
}

/// What a query asks of each row.
pub struct Wanted {
    pub columns: Vec<ColumnUse>,
    pub filter: Condition,
    /// With their bits.
    pub masks: Vec<(u32, Condition)>,
    pub texts: Vec<Leaf>,
    pub number: Option<Leaf>,
    /// Evaluated row by row, by whoever wants them.
    pub arrays: Vec<Leaf>,
}

/// The work of binding one segment.
struct Binder<'q, 'a> {
    basics: &'a Basics,
    columns: &'a [Bound],
    events: ArrayRef,
    /// By leaf and, where the event matters, its run.
    truths: HashMap<(usize, usize), Output<'q, u8>>,
    by_event: HashMap<usize, Arc<Vec<u8>>>,
}

impl<'q> Part<'q> {
    /// `None` when packed columns cannot tell.
    pub fn bind(
        packed: &Packed,
        wanted: &'q Wanted,
        map: Arc<Vec<u32>>,
        changes: Arc<Changes>,
        reading: &dyn Fn(usize, &ArrayRef) -> Result<Vec<u32>>,
        numbers: &dyn Fn(&ArrayRef) -> Result<Vec<f64>>,
    ) -> Result<Option<Part<'q>>> {
        let basics = packed.basics()?;
        let used = wanted.used_columns();
        let mut columns = Vec::with_capacity(wanted.columns.len());
        for (at, column) in wanted.columns.iter().enumerate() {
            let Some(bound) = (if used[at] { bind_column(packed, column)? } else { Some(Bound::Unused) }) else { return Ok(None) };
            columns.push(bound);
        }
        let names: Vec<&str> = packed.runs().iter().map(|run| &*run.event).collect();
        let mut binder = Binder {
            basics: &basics,
            columns: &columns,
            events: Arc::new(StringArray::from(names)),
            truths: HashMap::new(),
            by_event: HashMap::new(),
        };
        let mut texts = Tables::default();
        let mut doubles = Tables::default();
        let mut runs = Vec::new();
        for (number, run) in packed.runs().iter().enumerate() {
            let filter = binder.test(&wanted.filter, number, run)?;
            if matches!(filter, Test::Known(truth) if truth != TRUE) {
                continue;
            }
            let masks = wanted.masks.iter().map(|(bit, mask)| Ok((*bit, binder.test(mask, number, run)?))).collect::<Result<_>>()?;
            let parts = wanted.texts.iter().enumerate();
            let parts = parts.map(|(part, leaf)| texts.output(&binder, leaf, number, run, &|array| reading(part, array)));
            let parts = parts.collect::<Result<_>>()?;
            let double = wanted.number.as_ref().map(|leaf| doubles.output(&binder, leaf, number, run, numbers)).transpose()?;
            runs.push(RunPlan { event: run.event.clone(), rows: run.rows.clone(), filter, masks, texts: parts, number: double });
        }
        Ok(Some(Part { basics, columns, uses: &wanted.columns, map, changes, runs }))
    }
}

fn bind_column(packed: &Packed, column: &ColumnUse) -> Result<Option<Bound>> {
    Ok(match source(column) {
        Source::Event => Some(Bound::Event),
        Source::Time => Some(Bound::Time),
        Source::Created => {
            let (personal, values) = packed.created()?;
            let mut all = Vec::new();
            values.longs(0..values.rows(), &mut all);
            let values: ArrayRef = Arc::new(TimestampMicrosecondArray::from(all).with_timezone("UTC"));
            let kind = data_type(column.kind);
            let values = if *values.data_type() == kind { values } else { cast(&values, &kind)? };
            Some(Bound::Created(Created { personal, values }))
        }
        Source::Fixed(name) => packed.fixed(name, column.kind)?.map(Arc::new).map(Bound::Property),
        Source::Property(owner, name) => packed.property(owner, name, column.kind)?.map(Bound::Property),
        Source::Person | Source::Elsewhere => None,
    })
}

impl Wanted {
    fn used_columns(&self) -> Vec<bool> {
        let mut used = vec![false; self.columns.len()];
        let mut mark = |leaf: &Leaf| leaf.columns.iter().for_each(|at| used[*at] = true);
        self.filter.leaves(&mut mark);
        self.masks.iter().for_each(|(_, mask)| mask.leaves(&mut mark));
        self.texts.iter().chain(&self.number).chain(&self.arrays).for_each(&mut mark);
        used
    }
}

impl Condition {
    fn leaves<'c>(&'c self, each: &mut dyn FnMut(&'c Leaf)) {
        match self {
            Condition::Leaf(leaf) => each(leaf),
            Condition::Time(..) => {}
            Condition::All(parts) | Condition::Any(parts) => parts.iter().for_each(|part| part.leaves(each)),
            Condition::Not(part) => part.leaves(each),
        }
    }
}

impl<'q> Binder<'q, '_> {
    fn is_event(&self, column: usize) -> bool {
        matches!(self.columns[column], Bound::Event)
    }

    fn test(&mut self, condition: &'q Condition, number: usize, run: &Run) -> Result<Test<'q>> {
        Ok(match condition {
            Condition::Leaf(leaf) => match self.truth(leaf, number, run)? {
                Output::Known(truth) => Test::Known(truth),
                Output::Table(column, table) => Test::Table(column, table),
                Output::Rows(leaf) => Test::Rows(leaf),
            },
            Condition::Time(first, last) => {
                let (least, most) = self.basics.seconds_between(&run.rows);
                let inside = *first <= least.saturating_mul(1_000_000) && most.saturating_mul(1_000_000).saturating_add(999_999) <= *last;
                let outside = most < first.div_euclid(1_000_000) || least > last.div_euclid(1_000_000);
                // Saturated bounds say nothing.
                match (inside && most < i64::MAX / 2_000_000 && least > i64::MIN / 2_000_000, outside) {
                    (true, _) => Test::Known(TRUE),
                    (_, true) => Test::Known(FALSE),
                    _ => Test::Time(*first, *last),
                }
            }
            Condition::All(parts) => {
                let mut left = Vec::new();
                for part in parts {
                    match self.test(part, number, run)? {
                        Test::Known(FALSE) => return Ok(Test::Known(FALSE)),
                        Test::Known(TRUE) => {}
                        test => left.push(test),
                    }
                }
                one_of(left, TRUE, Test::All)
            }
            Condition::Any(parts) => {
                let mut left = Vec::new();
                for part in parts {
                    match self.test(part, number, run)? {
                        Test::Known(TRUE) => return Ok(Test::Known(TRUE)),
                        Test::Known(FALSE) => {}
                        test => left.push(test),
                    }
                }
                one_of(left, FALSE, Test::Any)
            }
            Condition::Not(part) => match self.test(part, number, run)? {
                Test::Known(truth) => Test::Known(TRUE - truth),
                test => Test::Not(Box::new(test)),
            },
        })
    }

    fn truth(&mut self, leaf: &'q Leaf, number: usize, run: &Run) -> Result<Output<'q, u8>> {
        if leaf.columns.iter().all(|column| self.is_event(*column)) {
            // All events at once: there may be thousands.
            if !self.by_event.contains_key(&leaf.id) {
                let arrays = leaf.columns.iter().map(|_| self.events.clone()).collect();
                self.by_event.insert(leaf.id, Arc::new(leaf.truths(arrays, self.events.len())?));
            }
            return Ok(Output::Known(self.by_event[&leaf.id][number]));
        }
        let event_matters = leaf.columns.iter().any(|column| self.is_event(*column));
        let key = (leaf.id, if event_matters { number } else { usize::MAX });
        if let Some(known) = self.truths.get(&key) {
            return Ok(known.clone());
        }
        let output = self.output(leaf, number, run, &|array| truths(array))?;
        self.truths.insert(key, output.clone());
        Ok(output)
    }

    fn output<T>(&self, leaf: &'q Leaf, number: usize, run: &Run, read: &dyn Fn(&ArrayRef) -> Result<Vec<T>>) -> Result<Output<'q, T>> {
        let others: Vec<usize> = leaf.columns.iter().copied().filter(|column| !self.is_event(*column)).collect();
        let event_matters = others.len() < leaf.columns.len();
        match others[..] {
            [] => {
                let arrays = leaf.columns.iter().map(|_| self.events.slice(number, 1)).collect();
                let value = read(&leaf.evaluate(arrays, 1)?)?.pop().context("an expression without a value")?;
                Ok(Output::Known(value))
            }
            [only] => {
                let dictionary = match &self.columns[only] {
                    Bound::Property(property) if !property.is_plain() => &property.dictionary,
                    Bound::Created(created) => &created.values,
                    _ => return Ok(Output::Rows(leaf)),
                };
                let entries = dictionary.len();
                if event_matters && entries > run.rows.len() {
                    return Ok(Output::Rows(leaf));
                }
                let spread = |column: &usize| if *column == only { Ok(dictionary.clone()) } else { self.repeated(number, entries) };
                let arrays = leaf.columns.iter().map(spread).collect::<Result<_>>()?;
                Ok(Output::Table(only, Arc::new(read(&leaf.evaluate(arrays, entries)?)?)))
            }
            _ => Ok(Output::Rows(leaf)),
        }
    }

    fn repeated(&self, number: usize, rows: usize) -> Result<ArrayRef> {
        Ok(take(&self.events, &UInt32Array::from(vec![number as u32; rows]), None)?)
    }
}

fn one_of<'q>(mut tests: Vec<Test<'q>>, empty: u8, several: fn(Vec<Test<'q>>) -> Test<'q>) -> Test<'q> {
    match tests.len() {
        0 => Test::Known(empty),
        1 => tests.remove(0),
        _ => several(tests),
    }
}

/// Outputs that do not depend on the event are the same in every run.
struct Tables<'q, T>(HashMap<usize, Output<'q, T>>);

impl<T> Default for Tables<'_, T> {
    fn default() -> Self {
        Tables(HashMap::new())
    }
}

impl<'q, T: Clone> Tables<'q, T> {
    fn output(
        &mut self,
        binder: &Binder<'q, '_>,
        leaf: &'q Leaf,
        number: usize,
        run: &Run,
        read: &dyn Fn(&ArrayRef) -> Result<Vec<T>>,
    ) -> Result<Output<'q, T>> {
        if leaf.columns.iter().any(|column| binder.is_event(*column)) {
            return binder.output(leaf, number, run, read);
        }
        if let Some(known) = self.0.get(&leaf.id) {
            return Ok(known.clone());
        }
        let output = binder.output(leaf, number, run, read)?;
        self.0.insert(leaf.id, output.clone());
        Ok(output)
    }
}

/// Rows of a run, decoded as far as somebody asks.
pub struct Chunk<'p, 'q> {
    part: &'p Part<'q>,
    event: &'p str,
    pub rows: Range<usize>,
    /// Empty until they are read, as times are.
    pub persons: Vec<u32>,
    pub times: Vec<i64>,
    /// By column.
    codes: Vec<Option<Vec<u32>>>,
    scratch: Vec<u32>,
}

impl<'p, 'q> Chunk<'p, 'q> {
    pub fn new(part: &'p Part<'q>, run: &'p RunPlan<'q>, rows: Range<usize>) -> Self {
        Chunk::of_persons(part, run, rows, Vec::new())
    }

    /// With the persons of all rows, or none.
    pub fn of_persons(part: &'p Part<'q>, run: &'p RunPlan<'q>, rows: Range<usize>, persons: Vec<u32>) -> Self {
        let codes = vec![None; part.columns.len()];
        Chunk { part, event: &run.event, persons, times: Vec::new(), codes, scratch: Vec::new(), rows }
    }

    /// Fills in `persons`.
    pub fn read_persons(&mut self) {
        if self.persons.is_empty() {
            self.part.basics.person.codes(self.rows.clone(), &mut self.persons);
        }
    }

    /// Fills in `times`.
    pub fn read_times(&mut self) {
        if self.times.is_empty() {
            self.part.basics.times(self.rows.clone(), &mut self.scratch, &mut self.times);
        }
    }

    fn codes(&mut self, column: usize) -> Result<&[u32]> {
        if self.codes[column].is_none() {
            let mut codes = Vec::with_capacity(self.rows.len());
            let part = self.part;
            match &part.columns[column] {
                Bound::Property(property) => property.codes(self.rows.clone(), &mut self.scratch, &mut codes),
                Bound::Created(created) => {
                    self.read_persons();
                    created.personal.places(self.rows.clone(), &self.persons, &mut codes);
                }
                _ => bail!("a table of a column without codes"),
            }
            self.codes[column] = Some(codes);
        }
        self.codes[column].as_deref().context("was just decoded")
    }

    /// Replaces each row's truth with that of the test.
    pub fn truths(&mut self, test: &Test) -> Result<Vec<u8>> {
        Ok(match test {
            Test::Known(truth) => vec![*truth; self.rows.len()],
            Test::Table(column, table) => self.codes(*column)?.iter().map(|code| table[*code as usize]).collect(),
            Test::Time(first, last) => {
                self.read_times();
                self.times.iter().map(|at| if (*first <= *at) & (*at <= *last) { TRUE } else { FALSE }).collect()
            }
            Test::Rows(leaf) => leaf.truths(self.arrays(leaf)?, self.rows.len())?,
            Test::All(parts) => self.fold(parts, u8::min)?,
            Test::Any(parts) => self.fold(parts, u8::max)?,
            Test::Not(part) => self.truths(part)?.into_iter().map(|truth| TRUE - truth).collect(),
        })
    }

    fn fold(&mut self, parts: &[Test], join: fn(u8, u8) -> u8) -> Result<Vec<u8>> {
        let Some((first, others)) = parts.split_first() else { bail!("a condition without parts") };
        let mut all = self.truths(first)?;
        for part in others {
            let own = self.truths(part)?;
            all.iter_mut().zip(own).for_each(|(all, own)| *all = join(*all, own));
        }
        Ok(all)
    }

    pub fn values<T: Copy>(&mut self, output: &Output<T>, read: &dyn Fn(&ArrayRef) -> Result<Vec<T>>) -> Result<Vec<T>> {
        Ok(match output {
            Output::Known(value) => vec![*value; self.rows.len()],
            Output::Table(column, table) => self.codes(*column)?.iter().map(|code| table[*code as usize]).collect(),
            Output::Rows(leaf) => read(&leaf.evaluate(self.arrays(leaf)?, self.rows.len())?)?,
        })
    }

    fn arrays(&mut self, leaf: &Leaf) -> Result<Vec<ArrayRef>> {
        leaf.columns.iter().map(|column| self.array(*column)).collect()
    }

    fn array(&mut self, column: usize) -> Result<ArrayRef> {
        let part = self.part;
        let kind = data_type(part.uses[column].kind);
        let array: ArrayRef = match &part.columns[column] {
            Bound::Event => Arc::new(StringArray::from_iter_values(std::iter::repeat_n(self.event, self.rows.len()))),
            Bound::Time => {
                self.read_times();
                Arc::new(TimestampMicrosecondArray::from(self.times.clone()).with_timezone("UTC"))
            }
            Bound::Created(created) => take(&created.values, &UInt32Array::from(self.codes(column)?.to_vec()), None)?,
            Bound::Property(property) if property.is_plain() => Arc::new(property.numbers(self.rows.clone())),
            Bound::Property(property) => property.gather(self.codes(column)?)?,
            Bound::Unused => bail!("a column that nobody asked for"),
        };
        Ok(if *array.data_type() == kind { array } else { cast(&array, &kind)? })
    }
}
