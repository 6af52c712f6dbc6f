//! Tables as CSV that is safe to open in a spreadsheet.

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde_json::Value;

/// Rows per chunk of the response.
const CHUNK_ROWS: usize = 1_000;

/// A download that is written while it is sent.
pub fn response(file_name: &'static str, columns: Vec<String>, rows: Vec<Vec<Value>>) -> Response {
    let mut rows = rows.into_iter();
    let pages = std::iter::from_fn(move || {
        let page: Vec<Vec<Value>> = rows.by_ref().take(CHUNK_ROWS).collect();
        (!page.is_empty()).then_some(Ok(page))
    });
    paged(file_name, columns, futures::stream::iter(pages))
}

/// The same for rows that are fetched while it is sent. A failing page ends the download early, so that the client notices.
pub fn paged(
    file_name: &'static str,
    columns: Vec<String>,
    pages: impl Stream<Item = anyhow::Result<Vec<Vec<Value>>>> + Send + 'static,
) -> Response {
    let mut header = String::new();
    line(columns.iter().map(|column| guarded(column)), &mut header);
    let texts = pages.map(|page| {
        page.map(|rows| {
            let mut text = String::new();
            rows.iter().for_each(|row| line(row.iter().map(cell), &mut text));
            text
        })
    });
    let body = futures::stream::once(std::future::ready(Ok(header))).chain(texts).map(|text| text.map(Bytes::from));
    let disposition = format!("attachment; filename=\"{file_name}.csv\"");
    ([(CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, disposition)], Body::from_stream(body)).into_response()
}

fn line(cells: impl Iterator<Item = String>, out: &mut String) {
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            out.push(',');
        }
        if cell.contains([',', '"', '\n', '\r']) {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(&cell);
        }
    }
    out.push_str("\r\n");
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => guarded(text),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        nested => guarded(&nested.to_string()),
    }
}

/// Spreadsheets run texts that look like formulas; an apostrophe makes them text.
fn guarded(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[tokio::test]
    async fn formulas_are_disarmed_and_separators_quoted() {
        let rows = vec![vec![json!("=1+1"), json!("a,\"b\"\nc"), json!(-5), json!(null), json!({"a": 1})]];
        let response = response("x", ["a", "b", "c", "d", "@e"].map(str::to_owned).to_vec(), rows);
        let bytes = axum::body::to_bytes(response.into_body(), 1_000_000).await.unwrap();
        assert_eq!(std::str::from_utf8(&bytes).unwrap(), "a,b,c,d,'@e\r\n'=1+1,\"a,\"\"b\"\"\nc\",-5,,\"{\"\"a\"\":1}\"\r\n");
    }
}
