//! Retention. Bits of a row's mask: 0 the target event with its filters, 1 the return event, 2 the target event whatever its filters
//! (only [`RetentionKind::FirstEver`] looks at it). `Row::key` is the breakdown's value, `Row::number` what is summed up.

use crate::keyed::Keyed;
use crate::{Active, Calendar, EMPTY_KEY, Periods, Row};

#[derive(Clone, Debug, PartialEq)]
pub struct RetentionPlan {
    pub kind: RetentionKind,
    /// The cohorts. Rows before them matter to the kinds that ask for a first time.
    pub periods: Periods,
    /// Numbers of each cohort, the cohort's own period included.
    pub columns: usize,
    pub mode: RetentionMode,
    /// Lengths in periods. There is one column more than brackets.
    pub brackets: Option<Vec<usize>>,
    /// Return events that a period needs to count.
    pub minimum: u32,
    pub cumulative: bool,
    pub aggregation: Option<Aggregation>,
    /// Are target and return event the same? Then the sum of a cohort's own period takes the target events only.
    pub same_event: bool,
    /// The key splits actors: each is computed per actor and value.
    pub breakdown: bool,
    pub want: RetentionWant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetentionKind {
    Recurring,
    FirstTime,
    FirstEver,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetentionMode {
    Calendar,
    /// Everybody is in one cohort; columns count from the first target event. What is counted are the bounds of `ticks` that were crossed:
    /// the zone's hours, or days for weeks and months, over the whole range. `length` of them are a row or column (24, 7, 30).
    Windows {
        ticks: Periods,
        length: usize,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregation {
    Sum,
    Average,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetentionWant {
    Counts,
    /// Everybody of one cohort, with the columns they came back in.
    Actors {
        cohort: usize,
    },
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RetentionAnswer {
    /// By key; a single one without a breakdown.
    pub groups: Vec<RetentionGroup>,
    pub actors: Vec<RetentionActor>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RetentionGroup {
    pub key: u32,
    /// Cohort by cohort, column by column.
    pub counts: Vec<Vec<u64>>,
    /// With an aggregation: what it gives for each count.
    pub values: Vec<Vec<f64>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RetentionActor {
    pub actor: u32,
    pub key: u32,
    /// Columns, ascending; 0 is among them.
    pub appearances: Vec<usize>,
}

#[derive(Clone, Debug)]
pub struct Retention {
    plan: RetentionPlan,
    groups: Keyed<Cells>,
    actors: Vec<RetentionActor>,
    /// Columns that `actors` tell.
    told: usize,
    /// Reused from actor to actor.
    rows: Vec<Row>,
    found: Found,
}

/// Numbers of one value of the breakdown: cohort by cohort, in each column by column.
#[derive(Clone, Debug)]
struct Cells {
    counts: Vec<u64>,
    /// Empty without an aggregation.
    sums: Vec<f64>,
}

/// What an actor did, by period.
#[derive(Clone, Debug, Default)]
struct Found {
    targets: Vec<Target>,
    returns: Vec<Returned>,
    /// Columns of a cohort, and what is summed up in them.
    columns: Vec<(usize, f64)>,
}

#[derive(Clone, Copy, Debug)]
struct Target {
    period: usize,
    first_at: i64,
    /// Of the target events, and of what came back after the first of them in the same period.
    sum: f64,
}

#[derive(Clone, Copy, Debug)]
struct Returned {
    period: usize,
    count: u32,
    sum: f64,
}

const TARGET: u64 = 1;
const RETURN: u64 = 2;
const TARGET_UNFILTERED: u64 = 4;

/// Target and return events.
const TRACKS: &[Option<u32>] = &[Some(0), Some(1)];

impl RetentionPlan {
    pub(crate) fn calendar(&self) -> Option<Calendar<'_>> {
        let by_period = self.kind != RetentionKind::FirstEver
            && self.mode == RetentionMode::Calendar
            && self.minimum <= 1
            && self.aggregation.is_none()
            && !self.breakdown;
        by_period.then_some(Calendar { periods: &self.periods, tracks: TRACKS, number: false })
    }
}

impl Retention {
    pub fn new(plan: &RetentionPlan) -> Retention {
        Retention { plan: plan.clone(), groups: Keyed::new(), actors: Vec::new(), told: 0, rows: Vec::new(), found: Found::default() }
    }

    pub fn actor(&mut self, actor: u32, rows: &[Row]) {
        if !self.plan.breakdown {
            return self.value(actor, EMPTY_KEY, rows);
        }
        let mut sorted = std::mem::take(&mut self.rows);
        sorted.clear();
        sorted.extend_from_slice(rows);
        // Stable: rows of one value stay in order.
        sorted.sort_by_key(|row| row.key);
        for rows in sorted.chunk_by(|a, b| a.key == b.key) {
            self.value(actor, rows[0].key, rows);
        }
        self.rows = sorted;
    }

    fn value(&mut self, actor: u32, key: u32, rows: &[Row]) {
        let first = match self.plan.kind {
            RetentionKind::Recurring => None,
            RetentionKind::FirstTime | RetentionKind::FirstEver => match self.first_ever(rows) {
                Some(at) => Some(at),
                None => return,
            },
        };
        let mut found = std::mem::take(&mut self.found);
        found.targets.clear();
        found.returns.clear();
        match &self.plan.mode {
            RetentionMode::Calendar => {
                let mut periods = self.plan.periods.walk();
                found.gather(rows, self.plan.same_event, |at| periods.of(at));
                if let Some(first) = first {
                    found.targets.retain(|target| target.first_at == first);
                }
            }
            RetentionMode::Windows { ticks, length } => {
                self.gather_windows(rows, first, ticks, (*length).max(1), &mut found);
                found.targets.truncate(1);
            }
        }
        self.cohorts(actor, key, &mut found);
        self.found = found;
    }

    pub fn active(&mut self, actor: u32, active: Active) {
        let (targets, returns) = (active.track(0, TRACKS.len()), active.track(1, TRACKS.len()));
        let first_time = self.plan.kind == RetentionKind::FirstTime;
        if first_time && targets.before() {
            return;
        }
        let mut found = std::mem::take(&mut self.found);
        let count = self.plan.periods.len();
        found.targets.clear();
        let starts = targets.periods(count).take(if first_time { 1 } else { usize::MAX });
        found.targets.extend(starts.map(|period| Target { period, first_at: 0, sum: 0.0 }));
        found.returns.clear();
        if !found.targets.is_empty() {
            found.returns.extend(returns.periods(count).map(|period| Returned { period, count: 1, sum: 0.0 }));
        }
        self.cohorts(actor, EMPTY_KEY, &mut found);
        self.found = found;
    }

    fn cohorts(&mut self, actor: u32, key: u32, found: &mut Found) {
        let Some(earliest) = found.targets.first().map(|target| target.period) else { return };
        found.returns.retain(|returned| returned.count >= self.plan.minimum);
        for target in 0..found.targets.len() {
            self.cohort(actor, key, found.targets[target], earliest, found);
        }
    }

    /// When an actor did the target event for the first time, if that lies in the range.
    fn first_ever(&self, rows: &[Row]) -> Option<i64> {
        let first = |bit: u64| rows.iter().find(|row| row.mask & bit != 0).map(|row| row.at);
        let at = first(TARGET)?;
        if self.plan.kind == RetentionKind::FirstEver && first(TARGET_UNFILTERED) != Some(at) {
            return None;
        }
        self.plan.periods.of(at).map(|_| at)
    }

    /// Periods counted from the first target event on; its own is the cohort.
    fn gather_windows(&self, rows: &[Row], first: Option<i64>, ticks: &Periods, length: usize, found: &mut Found) {
        let in_range = |at: i64| self.plan.periods.of(at).is_some();
        let earliest = || rows.iter().find(|row| row.mask & TARGET != 0 && in_range(row.at)).map(|row| row.at);
        let Some(first) = first.or_else(earliest) else { return };
        let start = self.plan.periods.bounds()[0];
        let (Some(from), Some(first_tick)) = (ticks.of(start), ticks.of(first)) else { return };
        let cohort = (first_tick - from) / length;
        if cohort >= self.plan.periods.len() {
            return;
        }
        let mut ticks = ticks.walk();
        found.gather(rows, self.plan.same_event, |at| {
            let tick = if at >= first && in_range(at) { ticks.of(at)? } else { return None };
            Some(cohort + (tick - first_tick) / length)
        });
    }

    fn cohort(&mut self, actor: u32, key: u32, target: Target, earliest: usize, found: &mut Found) {
        let columns = self.plan.columns;
        found.columns.clear();
        found.columns.push((0, target.sum));
        for returned in &found.returns {
            let column = match &self.plan.brackets {
                None => returned.period.saturating_sub(target.period),
                // Brackets lie after an actor's first period, whichever the cohort.
                Some(brackets) => bracket(brackets, returned.period.saturating_sub(earliest)),
            };
            match found.columns.last_mut() {
                _ if column == 0 || column >= columns => {}
                Some(last) if last.0 == column => last.1 += returned.sum,
                _ => found.columns.push((column, returned.sum)),
            }
        }
        match self.plan.want {
            RetentionWant::Counts => self.count(key, target.period, &found.columns),
            RetentionWant::Actors { cohort } if cohort == target.period => {
                let deepest = found.columns.last().expect("the cohort's own is among them").0;
                let appearances: Vec<usize> =
                    if self.plan.cumulative { (0..=deepest).collect() } else { found.columns.iter().map(|(column, _)| *column).collect() };
                self.told += appearances.len();
                self.actors.push(RetentionActor { actor, key, appearances });
            }
            RetentionWant::Actors { .. } => {}
        }
    }

    #[inline]
    fn count(&mut self, key: u32, cohort: usize, columns: &[(usize, f64)]) {
        let start = cohort * self.plan.columns;
        let (cumulative, summing) = (self.plan.cumulative, self.plan.aggregation.is_some());
        let cells = self.cells(key);
        for (column, sum) in columns {
            cells.counts[start + column] += u64::from(!cumulative);
            if summing {
                cells.sums[start + column] += sum;
            }
        }
        if cumulative {
            let deepest = columns.last().expect("the cohort's own is among them").0;
            cells.counts[start..=start + deepest].iter_mut().for_each(|count| *count += 1);
        }
    }

    fn cells(&mut self, key: u32) -> &mut Cells {
        let cells = self.plan.periods.len() * self.plan.columns;
        let sums = if self.plan.aggregation.is_some() { cells } else { 0 };
        self.groups.of(key, || Cells { counts: vec![0; cells], sums: vec![0.0; sums] })
    }

    pub fn join(&mut self, other: Retention) {
        for (key, cells) in other.groups.into_list() {
            let mine = self.cells(key);
            mine.counts.iter_mut().zip(cells.counts).for_each(|(mine, count)| *mine += count);
            mine.sums.iter_mut().zip(cells.sums).for_each(|(mine, sum)| *mine += sum);
        }
        self.actors.extend(other.actors);
        self.told += other.told;
    }

    pub fn finish(mut self) -> RetentionAnswer {
        if !self.plan.breakdown {
            self.cells(EMPTY_KEY);
        }
        let Retention { plan, groups, mut actors, .. } = self;
        actors.sort_unstable_by_key(|actor| (actor.actor, actor.key));
        let groups = groups.into_sorted().into_iter().map(|(key, cells)| cells.group(key, &plan)).collect();
        RetentionAnswer { groups, actors }
    }

    pub fn bytes(&self) -> usize {
        let cells = self.plan.periods.len() * self.plan.columns * if self.plan.aggregation.is_some() { 16 } else { 8 };
        self.groups.len() * (cells + 96) + self.actors.capacity() * size_of::<RetentionActor>() + self.told * size_of::<usize>()
    }
}

impl Found {
    /// `period` is called with moments in order.
    fn gather(&mut self, rows: &[Row], same_event: bool, mut period: impl FnMut(i64) -> Option<usize>) {
        for row in rows.iter().filter(|row| row.mask & (TARGET | RETURN) != 0) {
            let Some(period) = period(row.at) else { continue };
            let number = if row.number.is_nan() { 0.0 } else { row.number };
            if row.mask & RETURN != 0 {
                if let Some(target) = self.targets.last_mut().filter(|target| target.period == period && target.first_at < row.at) {
                    target.sum += if same_event { 0.0 } else { number };
                }
                match self.returns.last_mut() {
                    Some(returned) if returned.period == period => {
                        returned.count += 1;
                        returned.sum += number;
                    }
                    _ => self.returns.push(Returned { period, count: 1, sum: number }),
                }
            }
            if row.mask & TARGET != 0 {
                match self.targets.last_mut() {
                    Some(target) if target.period == period => target.sum += number,
                    _ => self.targets.push(Target { period, first_at: row.at, sum: number }),
                }
            }
        }
    }
}

impl Cells {
    fn group(self, key: u32, plan: &RetentionPlan) -> RetentionGroup {
        let value = |(sum, count): (&f64, &u64)| match plan.aggregation {
            Some(Aggregation::Average) if *count > 0 => sum / *count as f64,
            _ => *sum,
        };
        let values: Vec<f64> = self.sums.iter().zip(&self.counts).map(value).collect();
        let columns = plan.columns.max(1);
        RetentionGroup {
            key,
            counts: self.counts.chunks(columns).map(<[u64]>::to_vec).collect(),
            values: values.chunks(columns).map(<[f64]>::to_vec).collect(),
        }
    }
}

/// The column of a distance; 0 when no bracket covers it.
fn bracket(lengths: &[usize], distance: usize) -> usize {
    let mut end = 0;
    let covering = lengths.iter().position(|length| {
        end += length;
        distance <= end
    });
    if distance == 0 { 0 } else { covering.map_or(0, |at| at + 1) }
}

#[cfg(test)]
mod tests;
