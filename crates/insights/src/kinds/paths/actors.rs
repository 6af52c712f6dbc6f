//! Who went an edge of the paths, or stopped at its end.

use super::{ELLIPSIS, Settled};
use crate::failure::Failure;
use crate::kinds::listed::Listed;
use crate::nodes;
use crate::nodes::tables::InsightActorsQuery;
use crate::run::Run;
use behaviour::{PathEnd, PathsWant};

pub async fn list(run: &Run, query: &InsightActorsQuery) -> Result<Listed, Failure> {
    let settled = Settled::read(run, nodes::unwrap(&query.source)?).await?;
    let filter = &settled.filter;
    let (start, end, dropped) = (key(&filter.path_start_key)?, key(&filter.path_end_key)?, key(&filter.path_dropoff_key)?);
    let (from, to, is_drop) = match (start, end, dropped) {
        (_, _, Some(dropped)) => (Some(dropped), None, true),
        (None, None, None) => (None, None, false),
        (start, end, None) => (start, end, false),
    };
    let place = |end: &Option<(usize, &str)>| {
        end.map(|(position, item)| PathEnd { position, ellipsis: item == ELLIPSIS && settled.shows_ellipsis() })
    };
    let want = PathsWant::Actors { from: place(&from), to: place(&to), dropped: is_drop };
    let behaved = settled.behave(run, want, (from.map(|(_, item)| item), to.map(|(_, item)| item))).await?;
    Ok(Listed::of(behaved, settled.group_type_index))
}

fn key(text: &Option<String>) -> Result<Option<(usize, &str)>, Failure> {
    super::point(text).map(split).transpose()
}

/// `3_/pricing`: a position and an item.
fn split(key: &str) -> Result<(usize, &str), Failure> {
    let wrong = || Failure::Invalid(format!("\"{key}\" is no step of a path; write its position and its item, as in \"1_/\""));
    let (position, item) = key.split_once('_').ok_or_else(wrong)?;
    let position = position.parse().ok().filter(|position| *position > 0).ok_or_else(wrong)?;
    Ok((position, item))
}

impl Settled {
    fn shows_ellipsis(&self) -> bool {
        super::point(&self.filter.start_point).is_some() && super::point(&self.filter.end_point).is_some()
    }
}
