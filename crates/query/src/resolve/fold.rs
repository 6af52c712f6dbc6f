//! Instants and intervals: calls that are known before any row is read become constants, so that stores can prune by them.

use super::{Resolver, Result, error};
use crate::ast::{Constant, Expr, Span};
use crate::context::Context;
use crate::time::{self, Unit};
use crate::typed::*;
use chrono::NaiveDate;
use chrono_tz::Tz;
use model::Timestamp;

/// A constant of type `Date` is the UTC midnight that begins it.
pub fn date_constant(date: NaiveDate) -> Typed {
    Typed::constant(Constant::Timestamp(time::midnight(date, Tz::UTC)), Type::Date)
}

fn instant(expr: &Typed) -> Option<Timestamp> {
    match expr.node {
        Node::Constant(Constant::Timestamp(at)) => Some(at),
        _ => None,
    }
}

impl Resolver<'_> {
    /// The time zone in which `expr` is shown: that of `toTimeZone`, or the project's.
    pub(super) fn zone_of(&self, expr: &Typed) -> Typed {
        match &expr.node {
            Node::Call(call) if call.name == "toTimeZone" && call.args.len() == 2 => call.args[1].clone(),
            _ => self.zone(),
        }
    }

    pub(super) fn add_interval(&mut self, at: Typed, interval: Typed, negative: bool, span: Span) -> Result<Typed> {
        match (interval.kind, interval.node) {
            (Type::Interval(unit), Node::Call(mut call)) if call.args.len() == 1 => {
                let count = call.args.remove(0);
                self.add_units(at, unit, count, negative, span)
            }
            _ => error(span, "Expected an interval, such as INTERVAL 1 DAY"),
        }
    }

    pub(super) fn add_units(&mut self, at: Typed, unit: Unit, count: Typed, negative: bool, span: Span) -> Result<Typed> {
        if at.kind.is_compound() {
            return error(span, format!("Illegal type {} of a date", at.kind));
        }
        let count = match (negative, count.as_int()) {
            (false, _) => count,
            (true, Some(constant)) => Typed::int(constant.saturating_neg()),
            (true, None) => self.scalar("negate", vec![count]),
        };
        let is_date = at.kind == Type::Date && unit >= Unit::Day;
        let zone = if is_date { Typed::text("UTC") } else { self.zone_of(&at) };
        let at = if is_date { at } else { self.to_date_time(at) };
        let name = if is_date { "addUnitsToDate" } else { "addUnits" };
        let typed = self.scalar(name, vec![Typed::text(unit.name()), count, at, zone]);
        Ok(fold(typed, self.context))
    }

    pub(super) fn date_function(&mut self, name: &'static str, args: &[Expr], span: Span) -> Result<Typed> {
        let context = self.context;
        match name {
            "now" | "now64" => return Ok(Typed::constant(Constant::Timestamp(context.now), Type::DateTime)),
            "today" => return Ok(date_constant(time::date_of(context.now, context.timezone))),
            "yesterday" => return Ok(date_constant(time::add_to_date(Unit::Day, -1, time::date_of(context.now, context.timezone)))),
            _ => {}
        }
        if name.starts_with("toInterval") {
            let count = self.expr(&args[0])?;
            let count = self.to_int(count);
            let unit = Unit::parse(&name["toInterval".len()..]).unwrap_or(Unit::Day);
            return Ok(Typed { kind: Type::Interval(unit), ..self.scalar(name, vec![count]) });
        }
        match name {
            "toDate" => self.to_date_call(args, span),
            "toDateTime" | "parseDateTime" => self.to_date_time_call(args, span),
            "dateAdd" | "dateSub" => self.date_add(args, name == "dateSub", span),
            "toStartOfWeek" => {
                let at = self.expr(&args[0])?;
                refuse_compound(&at, span)?;
                let monday = match args.get(1) {
                    Some(mode) => self.expr(mode)?.as_int().unwrap_or(0) % 2 == 1,
                    None => self.monday(),
                };
                Ok(self.start_of(Unit::Week, Typed::int(1), at, monday))
            }
            "dateTrunc" => {
                let unit = self.unit(&args[0])?;
                let at = self.expr(&args[1])?;
                refuse_compound(&at, span)?;
                Ok(self.start_of(unit, Typed::int(1), at, true))
            }
            "toStartOfInterval" => {
                let (at, interval) = (self.expr(&args[0])?, self.expr(&args[1])?);
                refuse_compound(&at, span)?;
                let (Type::Interval(unit), Node::Call(mut call)) = (interval.kind, interval.node) else {
                    return error(span, "toStartOfInterval takes an interval, such as toIntervalDay(1)");
                };
                // Only `toStartOfWeek` follows the project's week.
                Ok(self.start_of(unit, call.args.remove(0), at, true))
            }
            _ => error(span, format!("Unsupported function call '{name}(...)'")),
        }
    }

    fn monday(&self) -> bool {
        self.context.week_start_day == 1
    }

    fn unit(&mut self, expr: &Expr) -> Result<Unit> {
        use crate::ast::ExprKind;
        let name = match &expr.kind {
            ExprKind::Field(path) if path.len() == 1 => Some(path[0].as_str()),
            ExprKind::Constant(Constant::String(text)) => Some(text.as_str()),
            _ => None,
        };
        match name.and_then(Unit::parse) {
            Some(unit) => Ok(unit),
            None => error(expr.span, "Expected a unit of time, such as 'day'"),
        }
    }

    /// Weeks and longer give a date, shorter units an instant.
    fn start_of(&mut self, unit: Unit, count: Typed, at: Typed, monday: bool) -> Typed {
        let zone = self.zone_of(&at);
        let at = self.to_date_time(at);
        let name = if unit >= Unit::Week { "startDateOf" } else { "startOf" };
        let monday = Typed::constant(Constant::Bool(monday), Type::Bool);
        let typed = self.scalar(name, vec![Typed::text(unit.name()), count, at, zone, monday]);
        fold(typed, self.context)
    }

    fn date_add(&mut self, args: &[Expr], negative: bool, span: Span) -> Result<Typed> {
        if let [unit, count, at] = args {
            let unit = self.unit(unit)?;
            let (count, at) = (self.expr(count)?, self.expr(at)?);
            let count = self.to_int(count);
            return self.add_units(at, unit, count, negative, span);
        }
        let (first, second) = (self.expr(&args[0])?, self.expr(&args[1])?);
        let (at, interval) = if matches!(first.kind, Type::Interval(_)) { (second, first) } else { (first, second) };
        self.add_interval(at, interval, negative, span)
    }

    fn to_date_call(&mut self, args: &[Expr], span: Span) -> Result<Typed> {
        let inner = self.expr(&args[0])?;
        refuse_compound(&inner, span)?;
        if let Some(zone) = args.get(1) {
            let zone = self.zone_argument(zone)?;
            let at = self.to_date_time(inner);
            return Ok(fold(self.scalar("toDate", vec![at, zone]), self.context));
        }
        Ok(self.to_date(inner))
    }

    /// `toDateTime(x)`, `toDateTime(x, 'zone')`, `toDateTime64(x, precision, 'zone')`
    fn to_date_time_call(&mut self, args: &[Expr], span: Span) -> Result<Typed> {
        let inner = self.expr(&args[0])?;
        refuse_compound(&inner, span)?;
        let zone = args.iter().skip(1).find(|arg| matches!(arg.kind, crate::ast::ExprKind::Constant(Constant::String(_))));
        let Some(zone) = zone else { return Ok(self.to_date_time(inner)) };
        let zone = self.zone_argument(zone)?;
        match (&inner.kind, &inner.node) {
            (Type::String, Node::Constant(Constant::String(text))) => {
                let parsed = zone.as_text().and_then(|zone| zone.parse().ok()).and_then(|zone| time::parse(text, zone));
                Ok(Typed::constant(parsed.map_or(Constant::Null, Constant::Timestamp), Type::DateTime))
            }
            (Type::String, _) => Ok(self.scalar("parseDateTime", vec![inner, zone])),
            _ => {
                let at = self.to_date_time(inner);
                Ok(self.scalar("toTimeZone", vec![at, zone]))
            }
        }
    }

    fn zone_argument(&mut self, expr: &Expr) -> Result<Typed> {
        let zone = self.expr(expr)?;
        match zone.as_text().map(str::parse::<Tz>) {
            Some(Ok(_)) => Ok(zone),
            _ => error(expr.span, "Expected the name of a time zone, such as 'Europe/Berlin'"),
        }
    }
}

fn refuse_compound(expr: &Typed, span: Span) -> Result<()> {
    if expr.kind.is_compound() { error(span, format!("Illegal type {} of a date", expr.kind)) } else { Ok(()) }
}

/// `typed` as a constant, when it is calendar arithmetic on constants.
pub fn fold(typed: Typed, context: &Context) -> Typed {
    match folded(&typed, context) {
        Some(constant) => constant,
        None => typed,
    }
}

fn folded(typed: &Typed, context: &Context) -> Option<Typed> {
    let Node::Call(call) = &typed.node else { return None };
    let args = call.args.as_slice();
    let at_constant = |at: Timestamp| Typed::constant(Constant::Timestamp(at), Type::DateTime);
    let zone = |at: usize| args.get(at).and_then(Typed::as_text).and_then(|name| name.parse::<Tz>().ok());
    match call.name {
        "addUnits" | "addUnitsToDate" => {
            let at = time::add(Unit::parse(args[0].as_text()?)?, args[1].as_int()?, instant(&args[2])?, zone(3)?);
            Some(if call.name == "addUnits" { at_constant(at) } else { date_constant(time::date_of(at, Tz::UTC)) })
        }
        "startOf" | "startDateOf" => {
            let zone = zone(3)?;
            let monday = args[4].node == Node::Constant(Constant::Bool(true));
            let at = time::start_of_interval(args[1].as_int()?, Unit::parse(args[0].as_text()?)?, instant(&args[2])?, zone, monday);
            Some(if call.name == "startOf" { at_constant(at) } else { date_constant(time::date_of(at, zone)) })
        }
        "toDate" => Some(date_constant(time::date_of(instant(&args[0])?, zone(1)?))),
        "toTimeZone" => None,
        name => {
            let (unit, count, is_date) = match name {
                "toStartOfYear" => (Unit::Year, 1, true),
                "toStartOfQuarter" => (Unit::Quarter, 1, true),
                "toStartOfMonth" => (Unit::Month, 1, true),
                "toMonday" => (Unit::Week, 1, true),
                "toStartOfDay" => (Unit::Day, 1, false),
                "toStartOfHour" => (Unit::Hour, 1, false),
                "toStartOfFifteenMinutes" => (Unit::Minute, 15, false),
                "toStartOfTenMinutes" => (Unit::Minute, 10, false),
                "toStartOfFiveMinutes" => (Unit::Minute, 5, false),
                "toStartOfMinute" => (Unit::Minute, 1, false),
                "toStartOfSecond" => (Unit::Second, 1, false),
                _ => return None,
            };
            let zone = zone(1).unwrap_or(context.timezone);
            let at = time::start_of_interval(count, unit, instant(args.first()?)?, zone, name == "toMonday");
            Some(if is_date { date_constant(time::date_of(at, zone)) } else { at_constant(at) })
        }
    }
}
