//! What those who went through a funnel did, or are, more often than those who did not.

pub mod actors;
mod rows;

use super::Answer;
use super::funnels::plan::Funnel;
use super::funnels::source;
use crate::cells::number_json;
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::funnels::{CorrelationType, FunnelCorrelationQuery, FunnelsActorsQuery, FunnelsQuery};
use crate::run::Run;
use behaviour::{CorrelationAnswer, CorrelationPlan, CorrelationWant, FunnelWant, KeyHits, Plan};
use events::Behaved;
use query::ast::Query;
use serde_json::{Value, json};

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let query: FunnelCorrelationQuery = nodes::read(node)?;
    let funnel = funnel(run, &query).await?;
    let rows = match query.correlation {
        CorrelationType::Events => rows::events(&funnel, &query, run)?,
        CorrelationType::Properties => rows::properties(&funnel, &query, run)?,
        CorrelationType::EventWithProperties => rows::event_properties(&funnel, &query, run)?,
    };
    let anywhere = query.correlation == CorrelationType::Properties;
    let (found, behaved) = behave(&funnel, rows, anywhere, CorrelationWant::Counts, run).await?;
    let fewest = if query.correlation == CorrelationType::EventWithProperties { MORE_THAN } else { 0 };
    let (success, failure) = (found.success_total, found.failure_total);
    let events: Vec<Value> = match success == 0 || failure == 0 {
        true => Vec::new(),
        false => strongest(&found, &behaved.keys, fewest).iter().map(Odds::item).collect(),
    };
    let results = json!({"events": events, "skewed": is_skewed(success, failure)});
    Ok(Answer::from_iter([("results".to_owned(), results)]))
}

/// The funnel that a correlation is about, its breakdown aside.
async fn funnel(run: &Run, query: &FunnelCorrelationQuery) -> Result<Funnel, Failure> {
    let actors: FunnelsActorsQuery = nodes::read(source(&query.source, "FunnelsActorsQuery")?)?;
    let funnel: FunnelsQuery = nodes::read(source(&actors.source, "FunnelsQuery")?)?;
    Ok(Funnel::settle(run, funnel).await?.undivided())
}

pub async fn time_key(run: &Run, node: &Value) -> Result<Value, Failure> {
    let query: FunnelCorrelationQuery = nodes::read(node)?;
    let span = funnel(run, &query).await?.current;
    Ok(json!([span.from.timestamp_micros(), span.to.timestamp_micros()]))
}

async fn behave(
    funnel: &Funnel,
    rows: Query,
    anywhere: bool,
    want: CorrelationWant,
    run: &Run,
) -> Result<(CorrelationAnswer, Behaved), Failure> {
    let plan = CorrelationPlan { funnel: funnel.plan(FunnelWant::Steps), anywhere, want };
    let mut behaved = run.behave("correlation", rows, Plan::Correlation(plan)).await?;
    match &mut behaved.answer {
        behaviour::Answer::Correlation(answer) => Ok((std::mem::take(answer), behaved)),
        _ => Err(anyhow::anyhow!("the store answered another plan").into()),
    }
}

/// Hits that a value of an event's property needs.
const MORE_THAN: u64 = 2;

struct Odds<'a> {
    name: &'a str,
    hits: KeyHits,
    ratio: f64,
}

impl Odds<'_> {
    /// How much likelier those who convert are to have it; one more of each keeps it finite.
    fn ratio(hits: &KeyHits, success_total: u64, failure_total: u64) -> f64 {
        let has = |count: u64| count as f64 + 1.0;
        let lacks = |total: u64, count: u64| total.saturating_sub(count) as f64 + 1.0;
        has(hits.success) * lacks(failure_total, hits.failure) / (lacks(success_total, hits.success) * has(hits.failure))
    }

    fn is_success(&self) -> bool {
        self.ratio > 1.0
    }

    /// Equal odds: what more people have says more.
    fn rank(&self) -> (std::cmp::Reverse<u64>, &str) {
        (std::cmp::Reverse(self.hits.success + self.hits.failure), self.name)
    }

    fn item(&self) -> Value {
        json!({
            "event": {"event": self.name, "properties": {}, "elements": []},
            "success_count": self.hits.success,
            "failure_count": self.hits.failure,
            "odds_ratio": number_json(Some(self.ratio)),
            "correlation_type": if self.is_success() { "success" } else { "failure" },
        })
    }
}

/// The strongest of both kinds, without what hardly anybody has.
fn strongest<'a>(found: &CorrelationAnswer, keys: &'a [Vec<String>], more_than: u64) -> Vec<Odds<'a>> {
    const OF_EACH_KIND: usize = 10;
    let (success_total, failure_total) = (found.success_total, found.failure_total);
    let fewest = (0.02 * (success_total + failure_total) as f64).min(25.0);
    let is_enough = |hits: &&KeyHits| (hits.success + hits.failure) as f64 >= fewest && hits.success + hits.failure > more_than;
    let name = |key: u32| keys.get(key as usize).and_then(|texts| texts.first()).map_or("", String::as_str);
    let odds = |hits: &KeyHits| Odds { name: name(hits.key), hits: *hits, ratio: Odds::ratio(hits, success_total, failure_total) };
    let all = found.keys.iter().filter(is_enough).map(odds);
    let (mut for_it, mut against): (Vec<Odds>, Vec<Odds>) = all.partition(Odds::is_success);
    for_it.sort_by(|a, b| b.ratio.total_cmp(&a.ratio).then_with(|| a.rank().cmp(&b.rank())));
    against.sort_by(|a, b| a.ratio.total_cmp(&b.ratio).then_with(|| a.rank().cmp(&b.rank())));
    for_it.truncate(OF_EACH_KIND);
    against.truncate(OF_EACH_KIND);
    for_it.into_iter().chain(against).collect()
}

/// So many more of one kind than of the other that the odds say little.
fn is_skewed(success: u64, failure: u64) -> bool {
    let (fewer, more) = (success.min(failure), success.max(failure));
    fewer == 0 || more > 10 * fewer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(key: u32, success: u64, failure: u64) -> KeyHits {
        KeyHits { key, success, failure }
    }

    #[test]
    fn odds_compare_those_who_have_it_with_those_who_lack_it() {
        let ratio = |success, failure| Odds::ratio(&hits(0, success, failure), 10, 10);
        assert_eq!((ratio(8, 2), ratio(5, 5)), (9.0, 1.0));
        assert!((ratio(1, 6) - 0.142857).abs() < 1e-6);
    }

    #[test]
    fn rare_keys_are_left_out_and_successes_come_first() {
        let keys = vec![hits(1, 1, 0), hits(2, 30, 1), hits(3, 1, 30), hits(4, 40, 1)];
        let found = CorrelationAnswer { success_total: 100, failure_total: 100, keys, actors: Vec::new() };
        let order: Vec<u32> = strongest(&found, &[], 0).iter().map(|odds| odds.hits.key).collect();
        assert_eq!(order, [4, 2, 3]);
        let few = CorrelationAnswer { success_total: 2, failure_total: 2, keys: vec![hits(1, 1, 1), hits(2, 2, 1)], actors: Vec::new() };
        assert_eq!(strongest(&few, &[], 2).len(), 1);
    }

    #[test]
    fn one_sided_funnels_are_skewed() {
        assert!(is_skewed(0, 5) && is_skewed(11, 1) && is_skewed(1, 11) && is_skewed(0, 0));
        assert!(!is_skewed(10, 1) && !is_skewed(3, 3));
    }
}
