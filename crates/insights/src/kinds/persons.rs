//! The old persons list: objects instead of rows.

use super::Answer;
use super::actors::person_search;
use super::rows::{self, page};
use crate::cells;
use crate::conditions::Subject;
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::tables::PersonsNode;
use crate::run::Run;
use query::ast::{CompareOp, Expr, Select};
use serde_json::Value;

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let query: PersonsNode = nodes::read(node)?;
    let (limit, offset) = page(query.limit, query.offset)?;
    let id = || Expr::field(["id"]);
    let mut select = Select::from_table("persons").column(id());
    let scope = run.scope(Subject::Persons);
    if let Some(cohort) = query.cohort {
        select = select.and_where(scope.member(cohort, false)?);
    }
    for properties in [&query.properties, &query.fixed_properties].into_iter().flatten() {
        if !properties.is_empty() {
            select = select.and_where(scope.properties(properties)?);
        }
    }
    if let Some(search) = query.search.as_deref().map(str::trim).filter(|search| !search.is_empty()) {
        select = select.and_where(person_search(search));
    }
    if let Some(distinct_id) = query.distinct_id.as_ref().filter(|distinct_id| !distinct_id.is_empty()) {
        let of = Select::from_table("person_distinct_ids").column(Expr::field(["person_id"]));
        let of = of.and_where(Expr::eq(Expr::field(["distinct_id"]), Expr::constant(distinct_id)));
        select = select.and_where(Expr::compare(CompareOp::In, id(), Expr::subquery(of)));
    }
    let order = [Expr::field(["created_at"]).descending(), id().ascending()];
    let found = run.select("persons list", select.order_by(order).limit(limit).offset(offset), run.row_limit()).await?;
    let ids: Vec<String> =
        cells::rows(&found.batches).filter_map(|(batch, row)| cells::text(batch.column(0), row)).map(str::to_owned).collect();
    let mut persons = rows::persons(&ids, run).await?;
    let results: Vec<Value> = ids.iter().filter_map(|id| persons.remove(id)).collect();
    let mut answer = Answer::new();
    answer.insert("results".to_owned(), results.into());
    answer.insert("hasMore".to_owned(), found.has_more.into());
    Ok(answer)
}
