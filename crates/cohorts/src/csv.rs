//! Lists of persons as people upload them: CSV with distinct ids, person ids or email addresses.

use crate::members::Identity;

/// What a file names persons by, and the names in it, each once, in its order.
#[derive(Debug, PartialEq, Eq)]
pub struct Listed {
    pub by: Identity,
    pub ids: Vec<String>,
}

pub const MAX_BYTES: usize = 64 << 20;

const PERSON_HEADERS: &[&str] = &["person_id", "person-id", "person .id"];
const DISTINCT_ID_HEADERS: &[&str] = &["distinct_id", "distinct-id"];
const EMAIL_HEADERS: &[&str] = &["email", "e-mail"];

/// The error says what is wrong with the file.
pub fn parse(bytes: &[u8]) -> Result<Listed, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "The CSV file must be encoded as UTF-8.".to_owned())?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let rows = rows(text)?;
    let mut rows = rows.into_iter().filter(|row| row.iter().any(|cell| !cell.trim().is_empty())).peekable();
    let Some(first) = rows.peek() else { return Err("The CSV file is empty.".to_owned()) };
    let (by, column) = match column(first) {
        Some(found) => {
            rows.next();
            found
        }
        None if first.len() == 1 => (Identity::DistinctId, 0),
        None => {
            let found = first.iter().map(|cell| cell.trim()).collect::<Vec<_>>().join(", ");
            let found: String = found.chars().take(200).collect();
            return Err(format!("The CSV file needs a column called person_id, distinct_id or email; it has: {found}."));
        }
    };
    let mut seen = std::collections::HashSet::new();
    let ids = rows.filter_map(|mut row| if column < row.len() { Some(row.swap_remove(column).trim().to_owned()) } else { None });
    let ids: Vec<String> = ids.filter(|id| !id.is_empty() && seen.insert(id.clone())).collect();
    let ids = match by {
        Identity::Person => ids.iter().filter_map(|id| uuid::Uuid::try_parse(id).ok()).map(|id| id.to_string()).collect(),
        _ => ids,
    };
    match ids.is_empty() {
        true => Err("The CSV file holds no valid ids.".to_owned()),
        false => Ok(Listed { by, ids }),
    }
}

/// The column to read, by the header; the surest name wins.
fn column(header: &[String]) -> Option<(Identity, usize)> {
    let place = |names: &[&str]| header.iter().position(|cell| names.contains(&cell.trim().to_lowercase().as_str()));
    let by_person = place(PERSON_HEADERS).map(|at| (Identity::Person, at));
    let by_distinct_id = || place(DISTINCT_ID_HEADERS).map(|at| (Identity::DistinctId, at));
    let by_email = || place(EMAIL_HEADERS).map(|at| (Identity::Email, at));
    by_person.or_else(by_distinct_id).or_else(by_email)
}

/// Cells in quotes may hold commas, line ends and doubled quotes.
fn rows(text: &str) -> Result<Vec<Vec<String>>, String> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut chars) = (false, text.chars().peekable());
    while let Some(c) = chars.next() {
        match (c, quoted) {
            ('"', true) if chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            ('"', true) => quoted = false,
            ('"', false) if cell.is_empty() => quoted = true,
            (',', false) => row.push(std::mem::take(&mut cell)),
            ('\r', false) if chars.peek() == Some(&'\n') => {}
            ('\n' | '\r', false) => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            (c, _) => cell.push(c),
        }
    }
    if quoted {
        return Err("The CSV file cannot be read: a quoted cell does not end.".to_owned());
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(text: &str) -> (Identity, Vec<String>) {
        let listed = parse(text.as_bytes()).unwrap();
        (listed.by, listed.ids)
    }

    const UUID: &str = "66545e47-9600-5f24-95fd-044cb5baa8f0";

    #[test]
    fn one_column_without_header_holds_distinct_ids() {
        let (by, ids) = listed("u1\r\nu2\n\n  u3  \nu1\n\"a,\"\"b\"\n");
        assert_eq!((by, ids), (Identity::DistinctId, ["u1", "u2", "u3", "a,\"b"].map(str::to_owned).to_vec()));
    }

    #[test]
    fn headers_choose_the_column_by_their_rank() {
        assert_eq!(listed("\u{feff}Distinct_ID\nu1").1, ["u1"]);
        let (by, ids) = listed("name,E-Mail\nAnn,ann@x.io\nBob\n,bob@x.io");
        assert_eq!((by, ids), (Identity::Email, ["ann@x.io", "bob@x.io"].map(str::to_owned).to_vec()));
        assert_eq!(listed("email,distinct-id\na@x.io,u1").0, Identity::DistinctId);
        let text = format!("email,distinct_id,Person .id\na@x.io,u1,{}\nb@x.io,u2,nonsense", UUID.to_uppercase());
        assert_eq!(listed(&text), (Identity::Person, vec![UUID.to_owned()]));
    }

    #[test]
    fn files_without_ids_are_refused_with_the_reason() {
        for (bytes, message) in [
            (&b""[..], "is empty"),
            (b"\n\n , \n", "is empty"),
            (b"name,age\nAnn,3", "needs a column called person_id, distinct_id or email; it has: name, age."),
            (b"person_id\nnonsense", "no valid ids"),
            (b"distinct_id\n\n", "no valid ids"),
            (b"\xff\xfeu1", "UTF-8"),
            (b"\"u1", "cannot be read"),
        ] {
            let error = parse(bytes).unwrap_err();
            assert!(error.contains(message), "{error}");
        }
    }
}
