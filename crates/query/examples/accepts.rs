//! Reads statements, one per line, and says of each whether it is HogQL: `accept`, or `reject` with the byte and the reason.
//! `tests/hogql` compares the answers with those of PostHog's own parser.

use std::io::{BufRead, BufWriter, Write};

fn main() -> std::io::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    for statement in std::io::stdin().lock().lines() {
        match query::parse(&statement?) {
            Ok(_) => writeln!(out, "accept")?,
            Err(error) => writeln!(out, "reject {} {}", error.start, error.message.replace('\n', " "))?,
        }
    }
    out.flush()
}
