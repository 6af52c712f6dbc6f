//! Who is behind a number of a funnel.

use super::plan::Funnel;
use super::results::{behave, shown_values};
use super::values::{self, OTHER};
use crate::dates::Span;
use crate::failure::Failure;
use crate::kinds::listed::Listed;
use crate::nodes;
use crate::nodes::funnels::{FunnelView, FunnelsActorsQuery, FunnelsQuery};
use crate::run::Run;
use behaviour::{FunnelActor, FunnelWant, Periods};
use serde_json::Value;

/// `source` is a `FunnelsActorsQuery`.
pub async fn list(run: &Run, source: &Value) -> Result<Listed, Failure> {
    let asked: FunnelsActorsQuery = nodes::read(source)?;
    let query: FunnelsQuery = nodes::read(super::source(&asked.source, "FunnelsQuery")?)?;
    let funnel = Funnel::settle(run, query).await?;
    let span = match (asked.compare.as_deref(), &funnel.previous) {
        (Some("previous"), Some(previous)) => previous,
        (Some("previous"), None) => return Err(Failure::invalid("The insight compares to no previous period")),
        _ => &funnel.current,
    };
    let steps = funnel.steps.len();
    let custom = asked.custom_steps.as_ref().filter(|custom| !custom.is_empty());
    let want = match (funnel.view, custom) {
        (FunnelView::Trends, _) => of_period(&asked, &funnel, span, run)?,
        (_, Some(_)) => FunnelWant::Actors { step: 0, dropped: false },
        (_, None) => of_step(asked.step, steps)?,
    };
    let (answer, behaved) = behave(&funnel, span, want, run).await?;
    let chosen = match &asked.breakdown {
        Some(value) if !funnel.breakdowns.is_empty() => Some(Chosen::read(value, &funnel, run).await?),
        _ => None,
    };
    let matches = |actor: &&FunnelActor| {
        let texts = behaved.keys.get(actor.key as usize).map(Vec::as_slice).unwrap_or_default();
        chosen.as_ref().is_none_or(|chosen| chosen.has(texts)) && custom.is_none_or(|custom| custom.contains(&came_to(actor.reached)))
    };
    Ok(Listed::chosen(answer.actors.iter().filter(matches).map(|actor| actor.actor), &behaved.actors, funnel.group_type_index))
}

/// The last step that an actor reached, counted from 1.
fn came_to(reached: u32) -> i64 {
    i64::from(u32::BITS - reached.leading_zeros())
}

fn of_step(step: Option<i64>, steps: usize) -> Result<FunnelWant, Failure> {
    let step =
        step.ok_or_else(|| Failure::invalid("The actors of a funnel need `funnelStep`: from 1, or −2 and less for those who left"))?;
    let number = usize::try_from(step.unsigned_abs()).unwrap_or(usize::MAX);
    match step {
        0 => Err(Failure::invalid("Steps of a funnel are counted from 1: there is no funnelStep 0")),
        -1 => Err(Failure::invalid("Nobody can leave before the first step: the first funnelStep of those who left is −2")),
        _ if number > steps => Err(Failure::Invalid(format!("The funnel has {steps} steps: there is no funnelStep {step}"))),
        _ => Ok(FunnelWant::Actors { step: number - 1, dropped: step < 0 }),
    }
}

fn of_period(asked: &FunnelsActorsQuery, funnel: &Funnel, span: &Span, run: &Run) -> Result<FunnelWant, Failure> {
    let (Some(start), Some(dropped)) = (&asked.trends_period, asked.trends_drop_off) else {
        return Err(Failure::invalid("The actors of a funnel's trend need funnelTrendsEntrancePeriodStart and funnelTrendsDropOff"));
    };
    let periods = funnel.period(span, run)?;
    let period = periods.position_of(&Value::from(start.as_str()), run);
    let period = period.map_err(|_| Failure::invalid("funnelTrendsEntrancePeriodStart must be a date in the insight's range"))?;
    Ok(FunnelWant::TrendActors { from: funnel.from, to: funnel.to, periods: Periods::new(periods.bounds(run)), period, dropped })
}

/// A value of the breakdown.
enum Chosen {
    Texts(Vec<String>),
    /// All but these.
    Other(Vec<Vec<String>>),
}

impl Chosen {
    async fn read(value: &Value, funnel: &Funnel, run: &Run) -> Result<Chosen, Failure> {
        let texts = values::read(value);
        if texts != [OTHER] {
            return Ok(Chosen::Texts(texts));
        }
        let mut shown = shown_values(funnel, run).await?;
        Ok(match shown.pop_if(|texts| *texts == [OTHER]) {
            Some(_) => Chosen::Other(shown),
            // The values fit, so this is one of them.
            None => Chosen::Texts(texts),
        })
    }

    fn has(&self, texts: &[String]) -> bool {
        match self {
            Chosen::Texts(chosen) => chosen == texts,
            Chosen::Other(shown) => !shown.iter().any(|shown| shown == texts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_count_from_one_and_leavers_from_minus_two() {
        assert_eq!(of_step(Some(1), 3).unwrap(), FunnelWant::Actors { step: 0, dropped: false });
        assert_eq!(of_step(Some(-3), 3).unwrap(), FunnelWant::Actors { step: 2, dropped: true });
        for wrong in [None, Some(0), Some(-1), Some(4), Some(-4), Some(i64::MIN)] {
            assert!(of_step(wrong, 3).is_err(), "{wrong:?}");
        }
        assert_eq!((came_to(0b001), came_to(0b101)), (1, 3));
    }
}
