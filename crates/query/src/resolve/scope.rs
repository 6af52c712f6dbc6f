use super::{Resolver, Result, error, failure};
use crate::ast::{Cte, Expr, ExprKind, JoinKind, Span, WindowSpec};
use crate::context::{PersonsMode, PropertyType};
use crate::printed::{ColumnKind, ColumnSource, ColumnUse, PropertyOwner, TableUse};
use crate::schema::{Field, Join, SessionField, Virtual};
use crate::typed::{Column, Node, Source, Type, Typed, TypedJoin, TypedJoinKind};
use model::GroupTypeIndex;

/// What names mean inside one select.
#[derive(Default)]
pub struct Scope {
    pub sources: Vec<ScopeSource>,
    /// Names given in the select list, in its order.
    pub aliases: Vec<(String, Expr)>,
    /// Aliases whose expression is being resolved: inside of it, the name means a column.
    pub expanding: Vec<String>,
    /// While the select list is resolved: only aliases before this position hide columns of the same name.
    pub aliases_before: usize,
    pub lambdas: Vec<Vec<(String, Typed)>>,
    pub windows: Vec<(String, WindowSpec)>,
    pub array_joins: Vec<ArrayJoined>,
    pub array_join_source: Option<String>,
    pub keep_empty_arrays: bool,
    /// While the expression behind a field is resolved, names are fields of this source only.
    pub only: Option<usize>,
    pub in_aggregate: bool,
    pub in_join: bool,
}

pub struct ScopeSource {
    /// What the query calls it; empty for a subquery without alias.
    pub alias: String,
    pub meaning: Meaning,
    pub join: TypedJoin,
    /// The outer side of a join: every field may be NULL.
    pub nullable: bool,
    /// Joined because a path went through it: by owner and join.
    pub lazy: Option<(usize, Join)>,
}

pub enum Meaning {
    Stored {
        table: Virtual,
        index: usize,
    },
    Sessions(Vec<&'static SessionField>),
    /// A subquery: name as the query knows it, name in SQL, type.
    Columns(Vec<(String, String, Column)>),
}

/// An array laid out below its rows: its name in the query, if it has one, and in SQL.
pub struct ArrayJoined {
    pub alias: Option<String>,
    pub name: String,
    pub array: Typed,
}

impl Resolver<'_> {
    pub(super) fn scope(&mut self) -> &mut Scope {
        self.scopes.last_mut().expect("names are only resolved inside a select")
    }

    pub(super) fn scope_ref(&self) -> &Scope {
        self.scopes.last().expect("names are only resolved inside a select")
    }

    pub(super) fn path(&mut self, path: &[String], span: Span) -> Result<Typed> {
        let (head, rest) = path.split_first().ok_or_else(|| failure(span, "An empty name"))?;
        if head.eq_ignore_ascii_case("team_id")
            || path.iter().any(|part| part == "team_id") && !path.iter().any(|part| part == "properties")
        {
            return error(span, format!("Unable to resolve field: {}", path.join(".")));
        }
        if let Some(only) = self.scope_ref().only {
            return self.in_source(only, path, span)?.ok_or_else(|| unresolved(path, span));
        }
        if let Some(param) = self.scope_ref().lambdas.iter().rev().flatten().find(|(name, _)| name == head) {
            let param = param.1.clone();
            return self.member(param, rest, span);
        }
        if let Some(found) = self.alias(head, rest, span)? {
            return Ok(found);
        }
        if let Some(at) = self.scope_ref().array_joins.iter().position(|joined| joined.alias.as_deref() == Some(head)) {
            let item = self.array_item(at);
            return self.member(item, rest, span);
        }
        if !rest.is_empty()
            && let Some(source) = self.scope_ref().sources.iter().position(|source| source.alias == *head && source.lazy.is_none())
        {
            return self.in_source(source, rest, span)?.ok_or_else(|| unresolved(rest, span));
        }
        if let Some(found) = self.in_any_source(path, span)? {
            return Ok(found);
        }
        if let Some(found) = self.expression_cte(head, rest, span)? {
            return Ok(found);
        }
        Err(unresolved(path, span))
    }

    /// The alias `head`, expanded. `None` when it is not one, or means a column here.
    fn alias(&mut self, head: &str, rest: &[String], span: Span) -> Result<Option<Typed>> {
        let scope = self.scope_ref();
        let Some(at) = scope.aliases.iter().position(|(name, _)| name == head) else { return Ok(None) };
        if scope.expanding.iter().any(|name| name == head) {
            return Ok(None);
        }
        let expr = scope.aliases[at].1.clone();
        let is_column = (0..scope.sources.len()).any(|source| scope.sources[source].lazy.is_none() && self.has_field(source, head));
        if at >= scope.aliases_before && is_column {
            return Ok(None);
        }
        if matches!(&expr.kind, ExprKind::Field(path) if path.len() == 1 && path[0] == head) {
            return Ok(None);
        }
        self.scope().expanding.push(head.to_owned());
        let lambdas = std::mem::take(&mut self.scope().lambdas);
        let resolved = self.deeper(span, |resolver| resolver.expr(&expr));
        self.scope().lambdas = lambdas;
        self.scope().expanding.pop();
        self.member(resolved?, rest, span).map(Some)
    }

    fn expression_cte(&mut self, head: &str, rest: &[String], span: Span) -> Result<Option<Typed>> {
        let found = self.ctes.iter().rposition(|cte| matches!(cte, Cte::Expr { name, .. } if name == head));
        let Some(at) = found else { return Ok(None) };
        let Cte::Expr { expr, .. } = self.ctes[at].clone() else { return Ok(None) };
        // A definition sees only those before it, so it cannot go round in circles.
        let hidden = self.ctes.split_off(at);
        let resolved = self.deeper(span, |resolver| resolver.expr(&expr));
        self.ctes.extend(hidden);
        self.member(resolved?, rest, span).map(Some)
    }

    fn in_any_source(&mut self, path: &[String], span: Span) -> Result<Option<Typed>> {
        let mut found: Option<usize> = None;
        for at in 0..self.scope_ref().sources.len() {
            if self.scope_ref().sources[at].lazy.is_some() || !self.has_field(at, &path[0]) {
                continue;
            }
            if found.is_some() {
                return error(span, format!("Ambiguous query. Found multiple sources for field: {}", path[0]));
            }
            found = Some(at);
        }
        match found {
            Some(at) => self.in_source(at, path, span),
            None => Ok(None),
        }
    }

    fn has_field(&self, at: usize, name: &str) -> bool {
        match &self.scope_ref().sources[at].meaning {
            Meaning::Stored { table, .. } => table.field(name).is_some(),
            Meaning::Sessions(_) => Virtual::Sessions.field(name).is_some(),
            Meaning::Columns(columns) => columns.iter().any(|(known, _, _)| known == name),
        }
    }

    /// `path` inside one source; `None` when its first part is no field.
    pub(super) fn in_source(&mut self, at: usize, path: &[String], span: Span) -> Result<Option<Typed>> {
        let (head, rest) = path.split_first().ok_or_else(|| failure(span, "An empty name"))?;
        let source = &self.scope_ref().sources[at];
        let (table, index) = match &source.meaning {
            Meaning::Columns(columns) => {
                let Some((_, name, column)) = columns.iter().find(|(known, _, _)| known == head) else { return Ok(None) };
                let node = Node::Column { source: source.join.name.clone(), name: name.clone() };
                let base = Typed::new(node, column.kind.clone(), column.nullable || source.nullable);
                return self.member(base, rest, span).map(Some);
            }
            Meaning::Sessions(_) => {
                let Some(Field::Session(field)) = Virtual::Sessions.field(head) else { return Ok(None) };
                let base = self.session_field(at, field);
                return self.member(base, rest, span).map(Some);
            }
            Meaning::Stored { table, index } => (*table, *index),
        };
        let Some(field) = table.field(head) else { return Ok(None) };
        let base = match field {
            Field::Stored { column, kind, value, nullable } => self.stored(at, index, ColumnSource::Field(column), kind, value, nullable),
            Field::Properties(owner) => return self.properties(at, index, owner, rest, span).map(Some),
            Field::EventPersonId => self.event_person_id(at, index),
            Field::Person if self.context.persons_mode.joins_persons() => {
                return self.through(at, Join::PersonOfEvent, rest, span).map(Some);
            }
            Field::Person => return self.person_on_event(at, index, rest, span, false).map(Some),
            Field::PersonOnEvent => return self.person_on_event(at, index, rest, span, true).map(Some),
            Field::Join(join) => return self.through(at, join, rest, span).map(Some),
            Field::Expr(text) => self.expression_field(at, text, span)?,
            Field::Session(_) => return Ok(None),
        };
        self.member(base, rest, span).map(Some)
    }

    fn expression_field(&mut self, at: usize, text: &str, span: Span) -> Result<Typed> {
        let expr = crate::parse_expr(text).map_err(|problem| failure(span, problem.message))?;
        let outer = self.scope().only.replace(at);
        let resolved = self.deeper(span, |resolver| resolver.expr(&expr));
        self.scope().only = outer;
        resolved
    }

    fn session_field(&mut self, at: usize, field: &'static SessionField) -> Typed {
        let source = &mut self.scope().sources[at];
        if let Meaning::Sessions(fields) = &mut source.meaning
            && !fields.iter().any(|known| known.name == field.name)
        {
            fields.push(field);
        }
        let (kind, nullable) = field.kind.column();
        let node = Node::Column { source: source.join.name.clone(), name: field.name.to_owned() };
        Typed::new(node, kind, nullable || source.nullable)
    }

    fn event_person_id(&mut self, at: usize, index: usize) -> Typed {
        let column = if self.context.persons_mode == PersonsMode::StoredIdEventProperties { "person_id_stored" } else { "person_id" };
        self.stored(at, index, ColumnSource::Field(column), ColumnKind::Uuid, Type::Uuid, false)
    }

    fn person_on_event(&mut self, at: usize, index: usize, rest: &[String], span: Span, stored: bool) -> Result<Typed> {
        let Some((head, deeper)) = rest.split_first() else {
            return error(span, "Can't select a whole person. Select a field of it, as in person.id or person.properties.email");
        };
        let base = match head.as_str() {
            "id" if stored => self.stored(at, index, ColumnSource::Field("person_id_stored"), ColumnKind::Uuid, Type::Uuid, false),
            "id" => self.event_person_id(at, index),
            "created_at" => self.stored(at, index, ColumnSource::Field("person_created_at"), ColumnKind::Timestamp, Type::DateTime, false),
            "properties" => return self.properties(at, index, PropertyOwner::Person, deeper, span),
            name => match crate::schema::person_expression(name) {
                Some(text) => {
                    let owner = if stored { "poe.properties." } else { "person.properties." };
                    self.expression_field(at, &text.replace("properties.", owner), span)?
                }
                None => return Err(unresolved(rest, span)),
            },
        };
        self.member(base, deeper, span)
    }

    /// A field of the table behind `join`, which is joined once per owner.
    fn through(&mut self, owner: usize, join: Join, rest: &[String], span: Span) -> Result<Typed> {
        if rest.is_empty() {
            return error(span, "Can't select a table here. Select a field of it");
        }
        let existing = self.scope_ref().sources.iter().position(|source| source.lazy == Some((owner, join)));
        let at = match existing {
            Some(at) => at,
            None => self.join_lazily(owner, join, span)?,
        };
        self.in_source(at, rest, span)?.ok_or_else(|| unresolved(rest, span))
    }

    fn join_lazily(&mut self, owner: usize, join: Join, span: Span) -> Result<usize> {
        let (table, mine, theirs) = join.target();
        let left = self.in_source(owner, &[mine.to_owned()], span)?.ok_or_else(|| failure(span, "A join without its column"))?;
        let at = self.add_virtual(table, String::new(), span)?;
        self.scope().sources[at].lazy = Some((owner, join));
        let right = self.in_source(at, &[theirs.to_owned()], span)?.ok_or_else(|| failure(span, "A join without its column"))?;
        let mut terms = vec![equal(left, right)];
        if let Join::GroupOfEvent(index) = join {
            let column = self.in_source(at, &["index".to_owned()], span)?.ok_or_else(|| failure(span, "A join without its column"))?;
            terms.push(equal(column, Typed::int(index.into())));
        }
        let on = if terms.len() == 1 { terms.remove(0) } else { Typed::new(Node::And(terms), Type::Condition, true) };
        let source = &mut self.scope().sources[at];
        source.join.kind = TypedJoinKind::Plain(JoinKind::Left);
        source.join.on = Some(on);
        source.nullable = true;
        Ok(at)
    }

    /// Puts a table into the scope, without a join condition.
    pub(super) fn add_virtual(&mut self, table: Virtual, alias: String, span: Span) -> Result<usize> {
        let (meaning, name) = match table.stored() {
            None => (Meaning::Sessions(Vec::new()), self.source_name("sessions")),
            Some((stored, stem)) => {
                if self.tables.len() >= super::MAX_TABLES {
                    return error(span, format!("The query uses more than {} tables", super::MAX_TABLES));
                }
                let name = self.source_name(stem);
                self.tables.push(TableUse { name: name.clone(), table: stored, columns: Vec::new(), time_range: None, events: None });
                (Meaning::Stored { table, index: self.tables.len() - 1 }, name)
            }
        };
        let join = TypedJoin { kind: TypedJoinKind::Plain(JoinKind::Inner), source: Source::Table, name, on: None };
        self.scope().sources.push(ScopeSource { alias, meaning, join, nullable: false, lazy: None });
        Ok(self.scope_ref().sources.len() - 1)
    }

    fn stored(&mut self, at: usize, index: usize, column: ColumnSource, kind: ColumnKind, value: Type, nullable: bool) -> Typed {
        let name = column_name(&column, kind, self.tables[index].table == crate::printed::Table::Events);
        let table = &mut self.tables[index];
        if !table.columns.iter().any(|known| known.name == name) {
            table.columns.push(ColumnUse { name: name.clone(), source: column, kind });
        }
        let source = &self.scope_ref().sources[at];
        Typed::new(Node::Column { source: source.join.name.clone(), name }, value, nullable || source.nullable)
    }

    fn properties(&mut self, at: usize, index: usize, owner: PropertyOwner, rest: &[String], span: Span) -> Result<Typed> {
        let Some((name, deeper)) = rest.split_first() else {
            return Ok(self.stored(at, index, ColumnSource::AllProperties(owner), ColumnKind::Text, Type::String, false));
        };
        let property_type = if deeper.is_empty() { self.property_type(at, owner, name) } else { PropertyType::String };
        let column = ColumnSource::Property { of: owner, name: name.clone() };
        match property_type {
            PropertyType::Numeric => Ok(self.stored(at, index, column, ColumnKind::Number, Type::Float, true)),
            PropertyType::Boolean => Ok(self.stored(at, index, column, ColumnKind::Boolean, Type::Bool, true)),
            PropertyType::String => {
                let text = self.stored(at, index, column, ColumnKind::Text, Type::String, true);
                self.member(text, deeper, span)
            }
            PropertyType::DateTime => {
                let text = self.stored(at, index, column, ColumnKind::Text, Type::String, true);
                Ok(self.to_date_time(text))
            }
        }
    }

    fn property_type(&self, at: usize, owner: PropertyOwner, name: &str) -> PropertyType {
        let types = &self.context.property_types;
        if self.reads_texts {
            return PropertyType::String;
        }
        match owner {
            PropertyOwner::Event => types.event(name),
            PropertyOwner::Person => types.person(name),
            PropertyOwner::Group => match self.scope_ref().sources[at].lazy {
                Some((_, Join::GroupOfEvent(group))) => types.group(GroupTypeIndex(group), name),
                _ => PropertyType::String,
            },
        }
    }

    /// The same property as a number instead of text, when `text` is one; saves parsing it row by row.
    pub(super) fn number_of_property(&mut self, text: &Typed) -> Option<Typed> {
        let Node::Column { source, name } = &text.node else { return None };
        let table = self.tables.iter_mut().find(|table| table.name == *source)?;
        let known = table.columns.iter().find(|column| column.name == *name && column.kind == ColumnKind::Text)?;
        let ColumnSource::Property { .. } = &known.source else { return None };
        let column = ColumnUse { name: format!("number:{name}"), source: known.source.clone(), kind: ColumnKind::Number };
        let node = Node::Column { source: source.clone(), name: column.name.clone() };
        if !table.columns.contains(&column) {
            table.columns.push(column);
        }
        Some(Typed::new(node, Type::Float, true))
    }

    /// `base.a.b`: into JSON text, tuples and arrays.
    pub(super) fn member(&mut self, base: Typed, rest: &[String], span: Span) -> Result<Typed> {
        let Some((head, deeper)) = rest.split_first() else { return Ok(base) };
        let position = head.parse::<usize>().ok();
        match (&base.kind, position) {
            (Type::String, _) => {
                let mut args = vec![base];
                args.extend(rest.iter().map(|key| match key.parse::<i64>() {
                    Ok(position) => Typed::int(position),
                    Err(_) => Typed::text(key),
                }));
                Ok(self.scalar("JSONText", args))
            }
            (Type::Tuple(items), Some(position)) => {
                let Some(item) = position.checked_sub(1).and_then(|at| items.get(at)).cloned() else {
                    return error(span, format!("The tuple has no element {position}"));
                };
                let nullable = item.nullable || base.nullable;
                let inner = match &base.node {
                    Node::Tuple(items) => items[position - 1].clone(),
                    _ => Typed::new(Node::TupleItem { of: Box::new(base), index: position }, item.kind, nullable),
                };
                self.member(inner, deeper, span)
            }
            (Type::Array(_), Some(position)) => {
                let item = self.scalar("arrayElement", vec![base, Typed::int(position as i64)]);
                self.member(item, deeper, span)
            }
            (Type::Map(key, _), _) => {
                let kind = key.kind.clone();
                let key = self.convert(Typed::text(head), &kind);
                let value = self.scalar("mapElement", vec![base, key]);
                self.member(value, deeper, span)
            }
            (kind, _) => error(span, format!("Unable to resolve field: {head} (a {kind} has no fields)")),
        }
    }

    pub(super) fn array_item(&mut self, at: usize) -> Typed {
        let source = match self.scope().array_join_source.clone() {
            Some(source) => source,
            None => {
                let name = self.source_name("unnest");
                self.scope().array_join_source = Some(name.clone());
                name
            }
        };
        let scope = self.scope();
        let joined = &scope.array_joins[at];
        let item = match &joined.array.kind {
            Type::Array(item) => (**item).clone(),
            other => Column::nullable(other.clone()),
        };
        let nullable = item.nullable || scope.keep_empty_arrays;
        Typed::new(Node::Column { source, name: joined.name.clone() }, item.kind, nullable)
    }
}

/// Plain SQL equality, for join conditions.
pub fn equal(left: Typed, right: Typed) -> Typed {
    let nullable = left.nullable || right.nullable;
    Typed::new(Node::Compare(Box::new(left), crate::ast::CompareOp::Eq, Box::new(right)), Type::Condition, nullable)
}

/// Different columns of a table never share a name: fields have no dot, and texts no `kind:` in front of `properties.`.
fn column_name(column: &ColumnSource, kind: ColumnKind, of_events: bool) -> String {
    let prefix = |owner: &PropertyOwner| if *owner == PropertyOwner::Person && of_events { "person_properties" } else { "properties" };
    match column {
        ColumnSource::Field(name) => (*name).to_owned(),
        ColumnSource::AllProperties(owner) => prefix(owner).to_owned(),
        ColumnSource::Property { of, name } => match kind {
            ColumnKind::Number => format!("number:{}.{name}", prefix(of)),
            ColumnKind::Boolean => format!("boolean:{}.{name}", prefix(of)),
            _ => format!("{}.{name}", prefix(of)),
        },
    }
}

pub fn unresolved(path: &[String], span: Span) -> super::ResolveError {
    failure(span, format!("Unable to resolve field: {}", path.join(".")))
}
