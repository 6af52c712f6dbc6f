//! The tables that SQL can ask, with their fields.

use super::Answer;
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::taxonomy::DatabaseSchemaQuery;
use crate::run::Run;
use query::{FieldKind, described_tables};
use serde_json::{Map, Value, json};

pub async fn run(_: &Run, node: &Value) -> Result<Answer, Failure> {
    let _: DatabaseSchemaQuery = nodes::read(node)?;
    let tables: Map<String, Value> = described_tables()
        .into_iter()
        .map(|table| {
            let fields: Map<String, Value> = table.fields.iter().map(|(name, kind)| ((*name).to_owned(), field(name, kind))).collect();
            (table.name.to_owned(), json!({"type": "posthog", "id": table.name, "name": table.name, "fields": fields, "row_count": null}))
        })
        .collect();
    let mut answer = Answer::new();
    answer.insert("tables".to_owned(), tables.into());
    answer.insert("joins".to_owned(), json!([]));
    Ok(answer)
}

fn field(name: &str, kind: &FieldKind) -> Value {
    let mut field = json!({"name": name, "hogql_value": query::quoted(name), "type": kind.name(), "schema_valid": true});
    if let FieldKind::Table(table) = kind {
        field["table"] = (*table).into();
        field["fields"] = query::visible_fields(table).into();
    }
    field
}
