//! Cohorts as conditions see them: decided from properties where they can be, looked up where they cannot.

use super::{compile::Compiler, dependencies, values::Owner};
use cohorts::Cohort;
use serde_json::Value;

#[derive(Debug)]
pub struct CohortRule {
    pub id: i64,
    pub how: How,
    /// Cohorts that the rule asks for, by place.
    pub asks: Box<[usize]>,
}

#[derive(Debug)]
pub enum How {
    /// Whoever was put into it, or was found to be in it when it was calculated.
    LookedUp,
    Decided(Node),
    /// It contains itself.
    Circular,
}

#[derive(Debug)]
pub enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Everyone,
    Nobody,
    /// Its place in the table of predicates.
    Property {
        predicate: u32,
        negated: bool,
    },
    Cohort {
        cohort: Option<u32>,
        negated: bool,
    },
}

pub fn compile(compiler: &mut Compiler, cohorts: &[Cohort]) -> Vec<CohortRule> {
    compiler.cohorts = cohorts.iter().enumerate().map(|(place, cohort)| (cohort.id, place as u32)).collect();
    let mut rules: Vec<CohortRule> = cohorts.iter().map(|cohort| rule(compiler, cohort)).collect();
    let asks: Vec<&[usize]> = rules.iter().map(|rule| &*rule.asks).collect();
    let mut is_circular = vec![true; rules.len()];
    for place in dependencies::order(&asks) {
        is_circular[place] = false;
    }
    for (rule, _) in rules.iter_mut().zip(is_circular).filter(|(_, circular)| *circular) {
        rule.how = How::Circular;
        rule.asks = Box::default();
    }
    rules
}

fn rule(compiler: &mut Compiler, cohort: &Cohort) -> CohortRule {
    let properties = &cohort.filters["properties"];
    let how = if cohort.needs_membership() { How::LookedUp } else { How::Decided(group(compiler, properties)) };
    let mut asks = Vec::new();
    if let How::Decided(node) = &how {
        asked(node, &mut asks);
    }
    asks.sort_unstable();
    asks.dedup();
    CohortRule { id: cohort.id, how, asks: asks.into() }
}

/// A bare list is a group whose criteria all hold.
fn group(compiler: &mut Compiler, group: &Value) -> Node {
    let nodes = group.as_array().or_else(|| group["values"].as_array()).map_or(&[][..], Vec::as_slice);
    if nodes.is_empty() {
        return Node::Everyone;
    }
    let nodes = nodes.iter().map(|value| if value["values"].is_array() { self::group(compiler, value) } else { leaf(compiler, value) });
    let nodes = nodes.collect();
    if group["type"] == "OR" { Node::Any(nodes) } else { Node::All(nodes) }
}

fn leaf(compiler: &mut Compiler, leaf: &Value) -> Node {
    let negated = leaf["negation"] == true;
    let owner = match leaf["type"].as_str().unwrap_or("person") {
        "person" if leaf["key"].is_string() => Owner::Person,
        "person_metadata" if leaf["key"] == "created_at" => Owner::PersonRow,
        "cohort" => {
            let excluded = leaf["operator"] == "not_in";
            return Node::Cohort { cohort: compiler.cohort(&leaf["value"]), negated: negated != excluded };
        }
        // An empty group.
        _ if leaf.as_object().is_some_and(|object| object.is_empty() || object.contains_key("type") && object.len() == 1) => {
            return Node::Everyone;
        }
        _ => return Node::Nobody,
    };
    Node::Property { predicate: compiler.predicate(owner, leaf), negated }
}

fn asked(node: &Node, into: &mut Vec<usize>) {
    match node {
        Node::All(nodes) | Node::Any(nodes) => nodes.iter().for_each(|node| asked(node, into)),
        Node::Cohort { cohort, .. } => into.extend(cohort.map(|place| place as usize)),
        Node::Everyone | Node::Nobody | Node::Property { .. } => {}
    }
}

impl Node {
    /// The slots of all properties in it.
    pub fn predicates(&self, into: &mut Vec<u32>) {
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().for_each(|node| node.predicates(into)),
            Self::Property { predicate, .. } => into.push(*predicate),
            Self::Cohort { .. } | Self::Everyone | Self::Nobody => {}
        }
    }
}
