//! What a funnel must not ask.

use crate::failure::Failure;
use crate::nodes::funnels::{AttributionType, FunnelExclusion, FunnelView, FunnelsFilter, StepOrder};
use crate::nodes::series::Series;

pub fn check(steps: &[Series], filter: &FunnelsFilter) -> Result<(), Failure> {
    if steps.len() < 2 {
        return Err(Failure::invalid("A funnel needs at least two steps."));
    }
    let last = steps.len() as i64 - 1;
    step_range(last, filter)?;
    filter.exclusions.iter().try_for_each(|exclusion| exclusion_range(steps, last, filter.order, exclusion))?;
    attribution(last, filter)?;
    optional_steps(steps, filter)
}

fn step_range(last: i64, filter: &FunnelsFilter) -> Result<(), Failure> {
    if filter.from_step.is_some_and(|from| !(0..last).contains(&from)) {
        return Err(Failure::Invalid(format!("funnelFromStep is out of bounds: it must be from 0 to {}.", last - 1)));
    }
    if filter.to_step.is_some_and(|to| !(1..=last).contains(&to)) {
        return Err(Failure::Invalid(format!("funnelToStep is out of bounds: it must be from 1 to {last}.")));
    }
    if filter.from_step.unwrap_or(0) >= filter.to_step.unwrap_or(last) {
        return Err(Failure::invalid("The step range is invalid: funnelToStep must be greater than funnelFromStep."));
    }
    Ok(())
}

fn exclusion_range(steps: &[Series], last: i64, order: StepOrder, exclusion: &FunnelExclusion) -> Result<(), Failure> {
    let (from, to) = (exclusion.from_step, exclusion.to_step);
    if order == StepOrder::Unordered && (from, to) != (0, last) {
        return Err(Failure::invalid("Partial exclusions are not possible in unordered funnels: an exclusion must be between all steps."));
    }
    if from >= to {
        return Err(Failure::invalid("The range of an exclusion is invalid: funnelToStep must be greater than funnelFromStep."));
    }
    if from < 0 || to > last {
        return Err(Failure::Invalid(format!("The range of an exclusion is invalid: its steps must be from 0 to {last}.")));
    }
    if steps[from as usize..=to as usize].iter().any(|step| is_same(step, &exclusion.entity)) {
        return Err(Failure::invalid("An exclusion cannot be an event that is one of the steps it is between."));
    }
    Ok(())
}

fn attribution(last: i64, filter: &FunnelsFilter) -> Result<(), Failure> {
    if filter.attribution != AttributionType::Step {
        return Ok(());
    }
    let step = filter.attribution_step.unwrap_or(0);
    if filter.order == StepOrder::Unordered && step != 0 {
        return Err(Failure::invalid(
            "Only the first step can give the breakdown's value in unordered funnels: breakdownAttributionValue 0.",
        ));
    }
    match (0..=last).contains(&step) {
        true => Ok(()),
        false => Err(Failure::Invalid(format!("breakdownAttributionValue is out of bounds: it must be from 0 to {last}."))),
    }
}

fn optional_steps(steps: &[Series], filter: &FunnelsFilter) -> Result<(), Failure> {
    let is_optional = |step: &Series| step.common.optional_in_funnel;
    if !steps.iter().any(is_optional) {
        return Ok(());
    }
    if filter.order == StepOrder::Unordered || filter.view != FunnelView::Steps {
        return Err(Failure::invalid("Optional steps are only possible in ordered and strict funnels that show conversion steps."));
    }
    if is_optional(&steps[0]) {
        return Err(Failure::invalid("The first step of a funnel cannot be optional."));
    }
    if steps.windows(2).any(|pair| is_optional(&pair[0]) && !is_optional(&pair[1]) && is_same(&pair[0], &pair[1])) {
        return Err(Failure::invalid("An optional step cannot be the same as the required step after it."));
    }
    Ok(())
}

/// The same event or action, with the same filters.
fn is_same(a: &Series, b: &Series) -> bool {
    a.entity == b.entity && a.common.properties == b.common.properties && a.common.fixed_properties == b.common.fixed_properties
}
