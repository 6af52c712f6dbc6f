//! Places in time, such as the periods of a retention, by the quarter of an hour that a moment lies in.
//!
//! Days and hours of every zone begin with a quarter, so that a small table tells the place of a row from its seconds alone.

use super::bits::Blocks;
use super::shape::Condition;
use behaviour::Periods;
use std::ops::Range;

/// Zones change by whole quarters, and their days and hours begin with one; where that was once different, nobody may rely on it.
pub const QUARTER_US: i64 = 900_000_000;
const QUARTER_SECONDS: i64 = 900;
/// Some thirty years.
const QUARTERS_MAX: i64 = 1 << 20;

/// Both ends included.
pub type TimeRange = (i64, i64);

pub struct Places {
    /// Rows at other times do not count.
    pub range: TimeRange,
    /// When the quarter of the table's first entry begins. The first and the last entry also stand for all that is before and after.
    base_seconds: i64,
    table: Vec<u16>,
    count: usize,
}

impl Places {
    /// Place 0 is before the first period, `n + 1` is period `n`, and the next one is after the last. `None` when periods begin
    /// within quarters, or the range does not go with them.
    pub fn of_periods(periods: &Periods, range: TimeRange) -> Option<Places> {
        let bounds = periods.bounds();
        let (start, end) = (*bounds.first()?, *bounds.last()?);
        if bounds.iter().any(|bound| bound % QUARTER_US != 0) {
            return None;
        }
        let (after, dropped) = (periods.len() as u16 + 1, periods.len() as u16 + 2);
        let before = match range.0 {
            i64::MIN => 0,
            first if first >= start => dropped,
            _ => return None,
        };
        let after = match range.1 {
            i64::MAX => after,
            last if last < end => dropped,
            _ => return None,
        };
        let mut walk = 0;
        let inside = |at: i64| {
            while walk + 2 < bounds.len() && bounds[walk + 1] <= at {
                walk += 1;
            }
            walk as u16 + 1
        };
        Places::new(start..end, range, dropped, (before, after), inside)
    }

    /// `place` is asked for quarters in order. Places are below `dropped`, which is where rows go that do not count.
    pub fn new(
        times: Range<i64>,
        range: TimeRange,
        dropped: u16,
        (before, after): (u16, u16),
        mut place: impl FnMut(i64) -> u16,
    ) -> Option<Places> {
        let aligned = |at: i64| at == i64::MIN || at == i64::MAX || at % QUARTER_US == 0;
        let quarters = times.start.div_euclid(QUARTER_US)..times.end.div_euclid(QUARTER_US).checked_add(1)?;
        if !aligned(range.0) || !aligned(range.1.saturating_add(1)) || quarters.end - quarters.start > QUARTERS_MAX || dropped == u16::MAX {
            return None;
        }
        let mut table = vec![before];
        table.extend(quarters.clone().map(|quarter| {
            let at = quarter * QUARTER_US;
            match at {
                at if at >= times.end => after,
                at if at < range.0 || at > range.1 => dropped,
                at => place(at),
            }
        }));
        table.push(after);
        Some(Places { range, base_seconds: (quarters.start - 1) * QUARTER_SECONDS, table, count: usize::from(dropped) + 1 })
    }

    /// The one for rows that do not count, included.
    pub fn count(&self) -> usize {
        self.count
    }

    pub fn dropped(&self) -> u32 {
        self.count as u32 - 1
    }

    pub fn of(&self, at: i64) -> u32 {
        let quarter = (at.div_euclid(1_000_000).saturating_sub(self.base_seconds)).div_euclid(QUARTER_SECONDS);
        u32::from(self.table[quarter.clamp(0, self.table.len() as i64 - 1) as usize])
    }

    /// Replaces `out` with the places of these rows.
    pub fn read(&self, seconds: &Blocks, rows: Range<usize>, out: &mut Vec<u32>) {
        const QUARTER: u32 = QUARTER_SECONDS as u32;
        seconds.offsets(rows, self.base_seconds, self.table.len() as u32 * QUARTER - 1, out);
        out.iter_mut().for_each(|offset| *offset = u32::from(self.table[(*offset / QUARTER) as usize]));
    }
}

/// The times that a condition lets through as far as it says so by itself; what else it asks remains to be asked.
pub fn time_range(condition: &Condition) -> TimeRange {
    match condition {
        Condition::Time(first, last) => (*first, *last),
        Condition::All(parts) => parts.iter().map(time_range).fold((i64::MIN, i64::MAX), |all, one| (all.0.max(one.0), all.1.min(one.1))),
        Condition::Leaf(_) | Condition::Any(_) | Condition::Not(_) => (i64::MIN, i64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::super::bits::BlockWriter;
    use super::*;
    use proptest::prelude::*;

    const DAY_US: i64 = 96 * QUARTER_US;

    fn days(from: i64, to: i64) -> Periods {
        Periods::new((from..=to).map(|day| day * DAY_US).collect())
    }

    #[test]
    fn rows_outside_of_the_periods_are_before_after_or_do_not_count() {
        let all = Places::of_periods(&days(10, 12), (i64::MIN, i64::MAX)).unwrap();
        let at = |places: &Places, day: f64| places.of((day * DAY_US as f64) as i64);
        assert_eq!([-1e4, 9.99, 10.0, 10.99, 11.0, 11.99, 12.0, 1e4].map(|day| at(&all, day)), [0, 0, 1, 1, 2, 2, 3, 3]);
        let inside = Places::of_periods(&days(10, 12), (10 * DAY_US, 12 * DAY_US - 1)).unwrap();
        assert_eq!([-1e4, 9.99, 10.0, 11.99, 12.0, 1e4].map(|day| at(&inside, day)), [4, 4, 1, 2, 4, 4]);
        let later = Places::of_periods(&days(10, 12), (11 * DAY_US - QUARTER_US, i64::MAX)).unwrap();
        assert_eq!([9.99, 10.0, 10.98, 10.999, 11.0, 12.0].map(|day| at(&later, day)), [4, 4, 4, 1, 2, 3]);
    }

    #[test]
    fn what_does_not_begin_with_a_quarter_is_left_to_others() {
        let odd = Periods::new(vec![0, DAY_US + 1]);
        assert!(Places::of_periods(&odd, (i64::MIN, i64::MAX)).is_none());
        assert!(Places::of_periods(&days(0, 2), (1, i64::MAX)).is_none());
        assert!(Places::of_periods(&days(1, 2), (0, i64::MAX)).is_none(), "rows before the periods, but not all of them");
    }

    proptest! {
        #[test]
        fn rows_have_the_places_of_their_times(seconds in prop::collection::vec(prop_oneof![-5_000i64..200_000, any::<i32>().prop_map(i64::from), any::<i64>().prop_map(|at| at / 2_000_000)], 1..700)) {
            let places = Places::of_periods(&days(0, 2), (i64::MIN, 2 * DAY_US - 1)).unwrap();
            let mut writer = BlockWriter::default();
            seconds.iter().for_each(|at| writer.push(*at));
            let encoded = writer.finish().unwrap();
            let blocks = Blocks::open(encoded.rows, &encoded.heads, encoded.bytes.into()).unwrap();
            let mut found = Vec::new();
            places.read(&blocks, 0..seconds.len(), &mut found);
            let expected: Vec<u32> = seconds.iter().map(|at| places.of(at * 1_000_000)).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
