//! What makes somebody a member, read from the JSON that clients write.
//!
//! Property filters stay JSON: whoever evaluates them reads them as filters of queries or of flags.

use serde_json::{Map, Value, json};

#[derive(Clone, Debug, PartialEq)]
pub enum Criteria {
    /// Everybody when empty.
    All(Vec<Criteria>),
    Any(Vec<Criteria>),
    /// All persons of the project but these.
    Not(Box<Criteria>),
    /// A property filter on persons.
    Person(Value),
    /// Members of another cohort.
    Cohort(i64),
    Did(Box<Did>),
}

/// Something that persons did.
#[derive(Clone, Debug, PartialEq)]
pub struct Did {
    pub entity: Entity,
    /// Property filters on those events: JSON as in queries.
    pub filters: Value,
    pub within: Window,
    pub how: How,
    /// The project's filters for internal and test users apply to these events.
    pub filter_test_accounts: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Entity {
    Event(String),
    Action(i64),
}

/// The days, hours … before now, or between two dates.
#[derive(Clone, Debug, PartialEq)]
pub enum Window {
    Last(Span),
    Since {
        /// `-30d`, or a date.
        from: String,
        to: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub count: i64,
    pub unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

#[derive(Clone, Debug, PartialEq)]
pub enum How {
    AtLeastOnce,
    FirstTime,
    /// Only who did it at all is counted: "at most three times" leaves out those who never did.
    Times(Comparison),
    /// Then the other, at most so much later.
    Then(Entity, Span),
    /// Not any more since.
    Stopped(Span),
    /// Again since, after a pause.
    Restarted(Span),
    Regularly {
        period: Span,
        periods: i64,
        at_least: i64,
        times: Comparison,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparison {
    pub operator: Operator,
    pub count: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    AtLeast,
    AtMost,
    MoreThan,
    LessThan,
    Exactly,
}

/// Groups nest at most this deep; the product's editor makes two levels.
const MAX_DEPTH: usize = 8;
const MAX_LEAVES: usize = 200;
const MAX_PERIODS: i64 = 400;
const MAX_SPAN_DAYS: i64 = 20 * 366;

type Read<T> = Result<T, String>;

impl Span {
    /// Months have 30 days here, and years 365.
    pub fn seconds(self) -> i64 {
        self.count
            * match self.unit {
                Unit::Minute => 60,
                Unit::Hour => 3_600,
                Unit::Day => 86_400,
                Unit::Week => 7 * 86_400,
                Unit::Month => 30 * 86_400,
                Unit::Year => 365 * 86_400,
            }
    }
}

impl Criteria {
    /// The error says what to change.
    pub fn parse(filters: &Value) -> Read<Criteria> {
        let properties = filters.get("properties").unwrap_or(&Value::Null);
        let test_accounts = filters.get("filterTestAccounts").and_then(Value::as_bool).unwrap_or(false);
        let mut reader = Reader { leaves: 0, test_accounts };
        match properties {
            Value::Null => Ok(Criteria::All(Vec::new())),
            Value::Array(leaves) => Ok(Criteria::All(reader.list(leaves, 0)?)),
            Value::Object(_) => reader.node(properties, 0),
            _ => Err("`properties` must be a group of criteria: {\"type\": \"OR\", \"values\": [...]}".to_owned()),
        }
    }

    fn leaves<'a>(&'a self, each: &mut dyn FnMut(&'a Criteria)) {
        match self {
            Criteria::All(terms) | Criteria::Any(terms) => terms.iter().for_each(|term| term.leaves(each)),
            Criteria::Not(term) => term.leaves(each),
            leaf => each(leaf),
        }
    }

    pub fn is_behavioral(&self) -> bool {
        let mut found = false;
        self.leaves(&mut |leaf| found |= matches!(leaf, Criteria::Did(_)));
        found
    }

    /// Ids of the cohorts that are named, each once.
    pub fn cohorts(&self) -> Vec<i64> {
        let mut found = Vec::new();
        self.leaves(&mut |leaf| {
            if let Criteria::Cohort(id) = leaf
                && !found.contains(id)
            {
                found.push(*id);
            }
        });
        found
    }
}

struct Reader {
    leaves: usize,
    test_accounts: bool,
}

impl Reader {
    fn list(&mut self, values: &[Value], depth: usize) -> Read<Vec<Criteria>> {
        values.iter().map(|value| self.node(value, depth + 1)).collect()
    }

    fn node(&mut self, value: &Value, depth: usize) -> Read<Criteria> {
        let Value::Object(object) = value else { return Err("A criterion must be an object.".to_owned()) };
        if depth > MAX_DEPTH {
            return Err(format!("Groups of criteria can be nested at most {MAX_DEPTH} deep."));
        }
        if object.is_empty() {
            return Ok(Criteria::All(Vec::new()));
        }
        if object.contains_key("values") {
            let Some(values) = object["values"].as_array() else { return Err("`values` of a group must be a list.".to_owned()) };
            let terms = self.list(values, depth)?;
            return match object.get("type").and_then(Value::as_str) {
                Some("AND") | None => Ok(Criteria::All(terms)),
                // An empty group is everybody, however it is joined.
                Some("OR") if terms.is_empty() => Ok(Criteria::All(terms)),
                Some("OR") => Ok(Criteria::Any(terms)),
                Some(other) => Err(format!("A group of criteria is joined by AND or OR, not by \"{other}\".")),
            };
        }
        self.leaves += 1;
        if self.leaves > MAX_LEAVES {
            return Err(format!("A cohort can have at most {MAX_LEAVES} criteria."));
        }
        self.leaf(object)
    }

    fn leaf(&self, leaf: &Map<String, Value>) -> Read<Criteria> {
        let kind = leaf.get("type").and_then(Value::as_str).ok_or("A criterion needs a `type`: person, behavioral or cohort.")?;
        let mut negated = leaf.get("negation").and_then(Value::as_bool).unwrap_or(false);
        let criterion = match kind {
            "person" | "person_metadata" => Criteria::Person(person(leaf)?),
            "cohort" | "static-cohort" | "precalculated-cohort" => {
                negated ^= leaf.get("operator").and_then(Value::as_str) == Some("not_in");
                Criteria::Cohort(number(leaf, "value").ok_or("A criterion of type cohort needs the id of the cohort as `value`.")?)
            }
            "behavioral" => Criteria::Did(Box::new(did(leaf, self.test_accounts)?)),
            other => return Err(format!("Criteria of type \"{other}\" cannot define a cohort; use person, behavioral or cohort.")),
        };
        Ok(if negated { Criteria::Not(Box::new(criterion)) } else { criterion })
    }
}

/// The filter without what only cohorts know.
fn person(leaf: &Map<String, Value>) -> Read<Value> {
    let Some(key) = leaf.get("key").and_then(Value::as_str).filter(|key| !key.is_empty()) else {
        return Err("A criterion of type person needs the name of a property as `key`.".to_owned());
    };
    let mut filter = json!({"type": leaf["type"], "key": key});
    for name in ["value", "operator"] {
        if let Some(value) = leaf.get(name).filter(|value| !value.is_null()) {
            filter[name] = value.clone();
        }
    }
    let needs_value = !matches!(filter["operator"].as_str(), Some("is_set" | "is_not_set"));
    match needs_value && filter.get("value").is_none() {
        true => Err(format!("The criterion on \"{key}\" needs a `value`.")),
        false => Ok(filter),
    }
}

fn did(leaf: &Map<String, Value>, filter_test_accounts: bool) -> Read<Did> {
    let what = leaf.get("value").and_then(Value::as_str).unwrap_or_default();
    let entity = entity(leaf, "key", "event_type")?;
    let how = match what {
        "performed_event" => How::AtLeastOnce,
        "performed_event_first_time" => How::FirstTime,
        "performed_event_multiple" => How::Times(comparison(leaf)?),
        "performed_event_sequence" => How::Then(self::entity(leaf, "seq_event", "seq_event_type")?, later(leaf)?),
        "stopped_performing_event" => How::Stopped(later(leaf)?),
        "restarted_performing_event" => How::Restarted(later(leaf)?),
        "performed_event_regularly" => regularly(leaf)?,
        other => return Err(format!("\"{other}\" is not a behaviour that cohorts know.")),
    };
    let within = match &how {
        How::Regularly { period, periods, .. } => Window::Last(Span { count: period.count * periods, ..*period }),
        _ => window(leaf)?,
    };
    if let (How::Stopped(later) | How::Restarted(later), Window::Last(whole)) = (&how, &within)
        && later.seconds() >= whole.seconds()
    {
        return Err("The later period of a behaviour (`seq_time_value`) must be shorter than the whole one (`time_value`).".to_owned());
    }
    let filters = leaf.get("event_filters").filter(|filters| !filters.is_null()).cloned().unwrap_or_else(|| json!([]));
    Ok(Did { entity, filters, within, how, filter_test_accounts })
}

fn entity(leaf: &Map<String, Value>, key: &str, kind: &str) -> Read<Entity> {
    match leaf.get(kind).and_then(Value::as_str).unwrap_or("events") {
        "actions" => Ok(Entity::Action(number(leaf, key).ok_or_else(|| format!("`{key}` must be the id of an action."))?)),
        "events" => match leaf.get(key).and_then(Value::as_str).filter(|name| !name.is_empty()) {
            Some(name) => Ok(Entity::Event(name.to_owned())),
            None => Err(format!("`{key}` must be the name of an event.")),
        },
        other => Err(format!("`{kind}` must be events or actions, not \"{other}\".")),
    }
}

fn window(leaf: &Map<String, Value>) -> Read<Window> {
    let text = |name: &str| leaf.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    match text("explicit_datetime") {
        Some(from) => Ok(Window::Since { from, to: text("explicit_datetime_to") }),
        None => Ok(Window::Last(span(leaf, "time_value", "time_interval")?)),
    }
}

fn later(leaf: &Map<String, Value>) -> Read<Span> {
    span(leaf, "seq_time_value", "seq_time_interval")
}

fn span(leaf: &Map<String, Value>, value: &str, interval: &str) -> Read<Span> {
    let count = number(leaf, value).filter(|count| *count > 0).ok_or_else(|| format!("`{value}` must be a whole number above 0."))?;
    let unit = match leaf.get(interval).and_then(Value::as_str).unwrap_or_default() {
        "minute" => Unit::Minute,
        "hour" => Unit::Hour,
        "day" => Unit::Day,
        "week" => Unit::Week,
        "month" => Unit::Month,
        "year" => Unit::Year,
        other => return Err(format!("`{interval}` must be minute, hour, day, week, month or year, not \"{other}\".")),
    };
    let span = Span { count: count.min(MAX_SPAN_DAYS * 24 * 60), unit };
    match span.seconds() > MAX_SPAN_DAYS * 86_400 {
        true => Err(format!("`{value}` goes back more than 20 years.")),
        false => Ok(span),
    }
}

fn comparison(leaf: &Map<String, Value>) -> Read<Comparison> {
    let count = number(leaf, "operator_value").filter(|count| *count >= 0);
    let count = count.ok_or("`operator_value` must be a whole number: how many times.")?;
    let operator = match leaf.get("operator").and_then(Value::as_str).unwrap_or("exact") {
        "gte" => Operator::AtLeast,
        "lte" => Operator::AtMost,
        "gt" => Operator::MoreThan,
        "lt" => Operator::LessThan,
        "eq" | "exact" => Operator::Exactly,
        other => return Err(format!("`operator` of a number of times must be gte, lte, gt, lt or exact, not \"{other}\".")),
    };
    Ok(Comparison { operator, count })
}

fn regularly(leaf: &Map<String, Value>) -> Read<How> {
    let period = span(leaf, "time_value", "time_interval")?;
    // A year is twelve months of 30 days here, as in PostHog.
    let period = match period.unit {
        Unit::Year => Span { count: period.count * 12, unit: Unit::Month },
        _ => period,
    };
    let periods = number(leaf, "total_periods").filter(|periods| (1..=MAX_PERIODS).contains(periods));
    let periods = periods.ok_or_else(|| format!("`total_periods` must be a whole number from 1 to {MAX_PERIODS}."))?;
    let at_least = number(leaf, "min_periods").filter(|least| *least >= 1).ok_or("`min_periods` must be a whole number above 0.")?;
    match at_least > periods {
        true => Err("`min_periods` cannot be more than `total_periods`.".to_owned()),
        false => Ok(How::Regularly { period, periods, at_least, times: comparison(leaf)? }),
    }
}

/// Numbers, and texts that are one.
fn number(leaf: &Map<String, Value>, name: &str) -> Option<i64> {
    match leaf.get(name)? {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().filter(|whole| whole.fract() == 0.0).map(|whole| whole as i64)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The criteria of cohorts made before there were groups of them: `[{"properties", "event_id" | "action_id", "days", "count",
/// "count_operator"}]`, of which one must hold.
pub fn from_groups(groups: &[Value]) -> Value {
    let values: Vec<Value> = groups.iter().map(|group| json!({"type": "AND", "values": from_group(group)})).collect();
    json!({"properties": {"type": "OR", "values": values}})
}

fn from_group(group: &Value) -> Vec<Value> {
    const USUAL_DAYS: i64 = 365;
    let mut leaves = Vec::new();
    match group.get("properties") {
        Some(Value::Array(filters)) => leaves.extend(filters.iter().map(of_person)),
        Some(Value::Object(exact)) => {
            leaves.extend(exact.iter().map(|(key, value)| json!({"type": "person", "key": key, "value": value, "operator": "exact"})));
        }
        _ => {}
    }
    let event = group.get("event_id").filter(|id| id.is_string()).map(|id| (id, "events"));
    let action = group.get("action_id").filter(|id| !id.is_null()).map(|id| (id, "actions"));
    if let Some((key, kind)) = event.or(action) {
        let days = group.get("days").and_then(|days| days.as_i64().or_else(|| days.as_str()?.parse().ok())).unwrap_or(USUAL_DAYS);
        let mut leaf = json!({"type": "behavioral", "value": "performed_event", "key": key, "event_type": kind,
            "time_value": days, "time_interval": "day"});
        if let Some(count) = group.get("count").filter(|count| !count.is_null()) {
            leaf["value"] = "performed_event_multiple".into();
            leaf["operator"] = group.get("count_operator").filter(|operator| operator.is_string()).cloned().unwrap_or("gte".into());
            leaf["operator_value"] = count.clone();
        }
        leaves.push(leaf);
    }
    leaves
}

fn of_person(filter: &Value) -> Value {
    let mut filter = filter.clone();
    if let Some(members) = filter.as_object_mut() {
        members.entry("type").or_insert_with(|| "person".into());
    }
    filter
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behaviour(extra: Value) -> Read<Did> {
        let mut leaf = json!({"type": "behavioral", "value": "performed_event", "key": "A", "event_type": "events",
            "time_value": 30, "time_interval": "day"});
        leaf.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        match Criteria::parse(&json!({"properties": {"type": "AND", "values": [leaf]}}))? {
            Criteria::All(terms) => match &terms[..] {
                [Criteria::Did(did)] => Ok((**did).clone()),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn groups_negation_and_other_cohorts_are_read() {
        let criteria = Criteria::parse(&json!({"properties": {"type": "OR", "values": [
            {"type": "AND", "values": [
                {"type": "person", "key": "email", "operator": "icontains", "value": "@acme.com", "negation": false},
                {"type": "cohort", "key": "id", "value": "12", "negation": true},
                {"type": "cohort", "key": "id", "value": 12, "operator": "not_in", "negation": true},
            ]},
            {},
        ]}}))
        .unwrap();
        let person = json!({"type": "person", "key": "email", "operator": "icontains", "value": "@acme.com"});
        let inner = vec![Criteria::Person(person), Criteria::Not(Box::new(Criteria::Cohort(12))), Criteria::Cohort(12)];
        assert_eq!(criteria, Criteria::Any(vec![Criteria::All(inner), Criteria::All(Vec::new())]));
        assert_eq!(criteria.cohorts(), [12]);
        assert!(!criteria.is_behavioral());
    }

    #[test]
    fn nothing_is_everybody() {
        for filters in
            [json!({}), json!({"properties": {}}), json!({"properties": {"type": "OR", "values": []}}), json!({"properties": []})]
        {
            assert_eq!(Criteria::parse(&filters), Ok(Criteria::All(Vec::new())), "{filters}");
        }
    }

    #[test]
    fn every_behaviour_is_read() {
        let days = |count| Span { count, unit: Unit::Day };
        assert_eq!(behaviour(json!({})).unwrap().within, Window::Last(days(30)));
        let explicit = behaviour(json!({"explicit_datetime": "-14d", "explicit_datetime_to": "2025-01-01"})).unwrap();
        assert_eq!(explicit.within, Window::Since { from: "-14d".to_owned(), to: Some("2025-01-01".to_owned()) });
        assert_eq!(behaviour(json!({"value": "performed_event_first_time"})).unwrap().how, How::FirstTime);
        let multiple = behaviour(json!({"value": "performed_event_multiple", "operator": "lte", "operator_value": "3"})).unwrap();
        assert_eq!(multiple.how, How::Times(Comparison { operator: Operator::AtMost, count: 3 }));
        let later = json!({"seq_time_value": 3, "seq_time_interval": "day"});
        let with_later = |mut extra: Value| {
            extra.as_object_mut().unwrap().extend(later.as_object().unwrap().clone());
            behaviour(extra).unwrap().how
        };
        let sequence = with_later(json!({"value": "performed_event_sequence", "seq_event": 7, "seq_event_type": "actions"}));
        assert_eq!(sequence, How::Then(Entity::Action(7), days(3)));
        assert_eq!(with_later(json!({"value": "stopped_performing_event"})), How::Stopped(days(3)));
        assert_eq!(with_later(json!({"value": "restarted_performing_event"})), How::Restarted(days(3)));
        let regularly = behaviour(json!({"value": "performed_event_regularly", "operator": "gte", "operator_value": 2, "time_value": 1,
            "time_interval": "week", "total_periods": 5, "min_periods": 3}))
        .unwrap();
        let period = Span { count: 1, unit: Unit::Week };
        let times = Comparison { operator: Operator::AtLeast, count: 2 };
        assert_eq!(regularly.how, How::Regularly { period, periods: 5, at_least: 3, times });
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (leaf, message) in [
            (json!({"key": "a"}), "needs a `type`"),
            (json!({"type": "event", "key": "a"}), "Criteria of type \"event\" cannot define a cohort"),
            (json!({"type": "person", "value": 1}), "needs the name of a property"),
            (json!({"type": "person", "key": "a"}), "needs a `value`"),
            (json!({"type": "cohort", "key": "id", "value": "x"}), "needs the id of the cohort"),
            (json!({"type": "behavioral", "value": "performed_event", "key": "A"}), "`time_value` must be a whole number above 0"),
            (json!({"type": "behavioral", "value": "dreamt", "key": "A"}), "not a behaviour"),
            (json!({"type": "behavioral", "value": "performed_event"}), "`key` must be the name of an event"),
            (json!("text"), "must be an object"),
        ] {
            let error = Criteria::parse(&json!({"properties": {"type": "AND", "values": [leaf]}})).unwrap_err();
            assert!(error.contains(message), "{leaf}: {error}");
        }
        let error = behaviour(json!({"value": "stopped_performing_event", "seq_time_value": 31, "seq_time_interval": "day"})).unwrap_err();
        assert!(error.contains("must be shorter"), "{error}");
        let error = behaviour(json!({"value": "performed_event_regularly", "operator_value": 1, "total_periods": 2, "min_periods": 3}));
        assert!(error.unwrap_err().contains("cannot be more than"));
        let error = behaviour(json!({"time_value": 90, "time_interval": "year"})).unwrap_err();
        assert!(error.contains("20 years"), "{error}");
        let mut deep = json!({"type": "AND", "values": []});
        for _ in 0..20 {
            deep = json!({"type": "AND", "values": [deep]});
        }
        assert!(Criteria::parse(&json!({"properties": deep})).unwrap_err().contains("nested"));
    }

    #[test]
    fn old_groups_become_criteria() {
        let filters = from_groups(&[
            json!({"properties": [{"key": "plan", "value": "pro", "operator": "exact"}]}),
            json!({"properties": {"country": "NL"}, "event_id": "paid", "days": "30", "count": 2, "count_operator": "gte"}),
            json!({"action_id": 5}),
        ]);
        let Criteria::Any(groups) = Criteria::parse(&filters).unwrap() else { panic!("not an OR") };
        assert_eq!(groups.len(), 3);
        let Criteria::All(second) = &groups[1] else { panic!("not an AND") };
        let Criteria::Did(paid) = &second[1] else { panic!("no behaviour") };
        assert_eq!(paid.how, How::Times(Comparison { operator: Operator::AtLeast, count: 2 }));
        let Criteria::All(third) = &groups[2] else { panic!("not an AND") };
        let Criteria::Did(action) = &third[0] else { panic!("no behaviour") };
        assert_eq!((&action.entity, &action.within), (&Entity::Action(5), &Window::Last(Span { count: 365, unit: Unit::Day })));
    }
}
