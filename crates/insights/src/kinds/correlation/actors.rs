//! Who did what correlates, among those who converted or did not.

use super::{behave, funnel, rows};
use crate::failure::Failure;
use crate::kinds::funnels::source;
use crate::kinds::listed::Listed;
use crate::nodes;
use crate::nodes::funnels::{CorrelationType, FunnelCorrelationActorsQuery, FunnelCorrelationQuery};
use crate::run::Run;
use behaviour::CorrelationWant;
use serde_json::Value;

/// `node` is a `FunnelCorrelationActorsQuery`.
pub async fn list(run: &Run, node: &Value) -> Result<Listed, Failure> {
    let asked: FunnelCorrelationActorsQuery = nodes::read(node)?;
    let query: FunnelCorrelationQuery = nodes::read(source(&asked.source, "FunnelCorrelationQuery")?)?;
    let funnel = funnel(run, &query).await?;
    let values = asked.property_values.as_ref().filter(|values| !values.is_empty());
    let rows = match (query.correlation, &asked.entity, values) {
        (CorrelationType::Properties, _, Some(values)) => rows::holders(&funnel, values, run)?,
        (CorrelationType::Properties, _, None) => {
            return Err(Failure::invalid("The actors of a correlation of properties need funnelCorrelationPropertyValues"));
        }
        (_, Some(entity), _) => rows::doers(&funnel, entity, run)?,
        (_, None, _) => return Err(Failure::invalid("The actors of a correlation of events need funnelCorrelationPersonEntity")),
    };
    let anywhere = query.correlation == CorrelationType::Properties;
    let mut listed = Listed { actors: Vec::new(), group_type_index: funnel.group_type_index };
    for converted in asked.converted.map_or(vec![true, false], |converted| vec![converted]) {
        let (found, behaved) = behave(&funnel, rows.clone(), anywhere, CorrelationWant::Actors { converted }, run).await?;
        listed.actors.extend(Listed::chosen(found.actors, &behaved.actors, funnel.group_type_index).actors);
    }
    Ok(listed)
}
