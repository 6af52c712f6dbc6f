//! Writes tiny city databases in MaxMind's format.

use serde_json::Value;
use std::net::Ipv4Addr;
use std::path::Path;

/// Record size in bits of both branches of a node.
const RECORD_BITS: u16 = 24;
const METADATA_MARK: &[u8] = b"\xab\xcd\xefMaxMind.com";

#[derive(Clone, Copy)]
enum Record {
    Empty,
    Node(usize),
    Data(usize),
}

/// A database that knows these /24 networks.
pub fn write(path: &Path, kind: &str, networks: &[(Ipv4Addr, Value)]) {
    let mut nodes: Vec<[Record; 2]> = vec![[Record::Empty; 2]];
    let mut data = Vec::new();
    for (network, value) in networks {
        let at = data.len();
        encode(value, &mut data);
        insert(&mut nodes, u32::from(*network), 24, at);
    }
    let mut bytes = Vec::new();
    for node in &nodes {
        for record in node {
            let number = match record {
                Record::Empty => nodes.len(),
                Record::Node(node) => *node,
                Record::Data(at) => nodes.len() + 16 + at,
            };
            bytes.extend_from_slice(&(number as u32).to_be_bytes()[1..]);
        }
    }
    bytes.extend_from_slice(&[0; 16]);
    bytes.extend(data);
    bytes.extend_from_slice(METADATA_MARK);
    metadata(kind, nodes.len(), &mut bytes);
    std::fs::write(path, bytes).unwrap();
}

fn insert(nodes: &mut Vec<[Record; 2]>, address: u32, prefix: u32, data: usize) {
    let mut node = 0;
    for depth in 0..prefix {
        let bit = (address >> (31 - depth) & 1) as usize;
        if depth + 1 == prefix {
            nodes[node][bit] = Record::Data(data);
            return;
        }
        node = match nodes[node][bit] {
            Record::Node(next) => next,
            _ => {
                nodes.push([Record::Empty; 2]);
                let next = nodes.len() - 1;
                nodes[node][bit] = Record::Node(next);
                next
            }
        };
    }
}

fn metadata(kind: &str, node_count: usize, out: &mut Vec<u8>) {
    control(7, 9, out);
    let mut field = |name: &str, write: &dyn Fn(&mut Vec<u8>)| {
        text(name, out);
        write(out);
    };
    field("binary_format_major_version", &|out| unsigned(5, 2, out));
    field("binary_format_minor_version", &|out| unsigned(5, 0, out));
    field("build_epoch", &|out| unsigned(9, 1_735_732_800, out));
    field("database_type", &|out| text(kind, out));
    field("description", &|out| control(7, 0, out));
    field("ip_version", &|out| unsigned(5, 4, out));
    field("languages", &|out| control(11, 0, out));
    field("node_count", &|out| unsigned(6, node_count as u64, out));
    field("record_size", &|out| unsigned(5, u64::from(RECORD_BITS), out));
}

/// Type and size; types above 7 take a byte of their own.
fn control(kind: u8, size: usize, out: &mut Vec<u8>) {
    let (high, extended) = if kind > 7 { (0, Some(kind - 7)) } else { (kind << 5, None) };
    match size {
        0..29 => out.push(high | size as u8),
        29..285 => out.push(high | 29),
        _ => out.push(high | 30),
    }
    out.extend(extended);
    match size {
        0..29 => {}
        29..285 => out.push((size - 29) as u8),
        _ => out.extend_from_slice(&((size - 285) as u16).to_be_bytes()),
    }
}

fn text(text: &str, out: &mut Vec<u8>) {
    control(2, text.len(), out);
    out.extend_from_slice(text.as_bytes());
}

fn unsigned(kind: u8, number: u64, out: &mut Vec<u8>) {
    let bytes = number.to_be_bytes();
    let used = &bytes[number.leading_zeros() as usize / 8..];
    control(kind, used.len(), out);
    out.extend_from_slice(used);
}

fn encode(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::String(string) => text(string, out),
        Value::Number(number) if number.is_u64() => unsigned(5, number.as_u64().unwrap(), out),
        Value::Number(number) => {
            control(3, 8, out);
            out.extend_from_slice(&number.as_f64().unwrap().to_be_bytes());
        }
        Value::Array(list) => {
            control(11, list.len(), out);
            list.iter().for_each(|item| encode(item, out));
        }
        Value::Object(object) => {
            control(7, object.len(), out);
            for (name, value) in object {
                text(name, out);
                encode(value, out);
            }
        }
        Value::Bool(flag) => control(14, usize::from(*flag), out),
        Value::Null => unreachable!("the format has no null"),
    }
}
