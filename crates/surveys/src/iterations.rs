//! A survey that asks again: when each of its iterations begins, and which one is now.

use crate::survey::Survey;
use model::Timestamp;

const DAY_SECONDS: i64 = 86_400;

/// Plans the iterations anew and sets the one that `now` is in. What has begun stays begun: only a later start changes dates.
pub fn plan(survey: &mut Survey, now: Timestamp) {
    let planned = match (survey.start, survey.iteration_count, survey.iteration_frequency_days) {
        (Some(start), Some(count), Some(days)) => (0..count).map(|index| start.plus_seconds(index * days * DAY_SECONDS)).collect(),
        _ => Vec::new(),
    };
    survey.iteration_starts = planned;
    survey.current_iteration = current(survey, now);
}

/// From 1; the first one also before it begins. `None` without iterations.
pub fn current(survey: &Survey, now: Timestamp) -> Option<i64> {
    let begun = survey.iteration_starts.iter().filter(|start| **start <= now).count();
    (!survey.iteration_starts.is_empty()).then_some(begun.max(1) as i64)
}
