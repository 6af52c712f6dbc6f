//! Groups of one type.

use super::Answer;
use super::actors::like;
use super::rows::{check_columns, column, order, page, tabular};
use crate::conditions::Subject;
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::tables::GroupsQuery;
use crate::run::Run;
use query::ast::{Expr, Order, Select};
use serde_json::{Value, json};

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let query: GroupsQuery = nodes::read(node)?;
    if query.group_type_index > 4 {
        return Err(Failure::invalid("A group type index is a number from 0 to 4"));
    }
    let columns = query.select.clone().filter(|columns| !columns.is_empty());
    let columns = columns.unwrap_or_else(|| ["group_name", "key", "created_at"].map(str::to_owned).to_vec());
    check_columns(&columns)?;
    let of_type = Expr::eq(Expr::field(["index"]), Expr::constant(i64::from(query.group_type_index)));
    let mut select = Select::from_table("groups").and_where(of_type);
    if let Some(properties) = query.properties.as_ref().filter(|properties| !properties.is_empty()) {
        select = select.and_where(run.scope(Subject::Groups(query.group_type_index)).properties(properties)?);
    }
    if let Some(search) = query.search.as_deref().map(str::trim).filter(|search| !search.is_empty()) {
        select = select.and_where(Expr::or([like(Expr::field(["key"]), search), like(group_name(), search)]));
    }
    for (index, text) in columns.iter().enumerate() {
        select = select.column(read(text)?.aliased(&format!("column_{index}")));
    }
    let (limit, offset) = page(query.limit, query.offset)?;
    let found = run.select("groups", select.order_by(orders(&query)?).limit(limit).offset(offset), run.row_limit()).await?;
    let mut answer = tabular(&found, run);
    answer.insert("columns".to_owned(), json!(columns));
    answer.insert("types".to_owned(), found.columns.iter().map(|column| Value::from(column.kind.clone())).collect());
    Ok(answer)
}

/// What a group is called: its property `name`, or else its key.
fn group_name() -> Expr {
    Expr::call("coalesce", [Expr::call("toString", [Expr::field(["properties", "name"])]), Expr::field(["key"])])
}

fn read(text: &str) -> Result<Expr, Failure> {
    match text.trim() {
        "group_name" => Ok(group_name()),
        "group_key" => Ok(Expr::field(["key"])),
        "group_type_index" => Ok(Expr::field(["index"])),
        "group_properties" => Ok(Expr::field(["properties"])),
        _ => column(text),
    }
}

fn orders(query: &GroupsQuery) -> Result<Vec<Order>, Failure> {
    match query.order_by.as_ref().filter(|texts| !texts.is_empty()) {
        Some(texts) => texts
            .iter()
            .map(|text| {
                let mut order = order(text)?;
                if order.expr == Expr::field(["group_name"]) {
                    order.expr = group_name();
                }
                Ok(order)
            })
            .collect(),
        None => Ok(vec![Expr::field(["created_at"]).descending(), Expr::field(["key"]).ascending()]),
    }
}
