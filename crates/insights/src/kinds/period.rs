//! A date range and its buckets.

use crate::dates::{DateRange, Interval, ParsedDate, Span, day_text, iso, label_text, parse_date};
use crate::failure::Failure;
use crate::run::Run;
use chrono::{DateTime, TimeDelta};
use chrono_tz::Tz;
use serde_json::{Value, json};

pub struct Period {
    pub span: Span,
    /// Rows count from here on.
    pub lower: DateTime<Tz>,
    /// Starts of the buckets.
    pub axis: Vec<DateTime<Tz>>,
}

/// `exact`: nothing is rounded.
pub async fn settle(run: &Run, range: Option<&DateRange>, interval: Interval, exact: bool) -> Result<Span, Failure> {
    let range = range.cloned().unwrap_or_default();
    let since_ever = range.date_from.as_deref() == Some("all");
    let first = if since_ever { run.first_event().await? } else { None };
    Ok(Span::settle(&range, interval, exact, first, &run.calendar))
}

impl Period {
    pub fn of(span: Span, run: &Run) -> Result<Period, Failure> {
        let axis = span.axis(&run.calendar).ok_or_else(|| {
            Failure::invalid(format!("The date range has too many {}s to show. Choose a longer interval.", span.interval.as_str()))
        })?;
        if axis.is_empty() {
            return Err(Failure::invalid("The date range ends before it begins."));
        }
        Ok(Period { lower: span.lower(&run.calendar), axis, span })
    }

    pub fn interval(&self) -> Interval {
        self.span.interval
    }

    /// The first instant after the last bucket.
    pub fn end(&self, run: &Run) -> DateTime<Tz> {
        self.axis.last().map_or(self.span.to, |last| run.calendar.next(*last, self.interval()))
    }

    /// Where the buckets begin, and where the last one ends.
    pub fn bounds(&self, run: &Run) -> Vec<i64> {
        self.axis.iter().copied().chain([self.end(run)]).map(|at| at.timestamp_micros()).collect()
    }

    pub fn days(&self) -> Value {
        self.axis.iter().map(|at| Value::from(day_text(*at, self.interval()))).collect()
    }

    pub fn labels(&self) -> Value {
        self.axis.iter().map(|at| Value::from(label_text(*at, self.interval()))).collect()
    }

    pub fn range(&self) -> Value {
        range(&self.span)
    }

    /// As part of the name of an answer: a relative range means something else tomorrow.
    pub fn key(&self) -> Value {
        json!([self.lower.timestamp_micros(), self.span.to.timestamp_micros()])
    }

    /// Where the bucket starts that `day` of a drill-down names, by its date or its position.
    pub fn start_of(&self, day: &Value, run: &Run) -> Result<DateTime<Tz>, Failure> {
        let at = match day {
            Value::String(text) => match parse_date(text, &run.calendar) {
                ParsedDate::Absolute(at) => at,
                _ => return Err(Failure::invalid("`day` must be a date")),
            },
            Value::Number(number) => match number.as_u64().and_then(|index| self.axis.get(index as usize)) {
                Some(at) => *at,
                None => return Err(Failure::invalid("`day` is outside the insight's date range")),
            },
            _ => return Err(Failure::invalid("`day` must be a date")),
        };
        Ok(run.calendar.floor(at, self.interval()))
    }

    /// The position of the bucket that `day` names.
    pub fn position_of(&self, day: &Value, run: &Run) -> Result<usize, Failure> {
        let start = self.start_of(day, run)?;
        self.axis.binary_search(&start).map_err(|_| Failure::invalid("`day` is outside the insight's date range"))
    }

    /// What a drill-down can be narrowed to.
    pub fn choices(&self) -> Value {
        let interval = self.interval();
        self.axis.iter().map(|at| json!({"label": label_text(*at, interval), "value": day_text(*at, interval)})).collect()
    }
}

pub fn range(span: &Span) -> Value {
    json!({"date_from": iso(span.from), "date_to": iso(span.to)})
}

/// The last instant before `at`, as far as the store tells instants apart.
pub fn just_before(at: DateTime<Tz>) -> DateTime<Tz> {
    at - TimeDelta::microseconds(1)
}
