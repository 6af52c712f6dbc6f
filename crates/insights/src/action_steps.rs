//! Actions as conditions on events.

use crate::conditions::{Compiled, Scope, check_regex};
use crate::elements;
use crate::nodes::filters::Properties;
use actions::{Action, Matching, Step};
use query::ast::{CompareOp, Expr, ExprKind, Query};

/// The only event that tells which element it happened on.
const AUTOCAPTURE: &str = "$autocapture";

impl Scope<'_> {
    /// Is an event one of the action's? An action without steps is every event.
    pub fn action(&self, action: &Action) -> Compiled {
        self.steps(&action.steps()?)
    }

    pub fn steps(&self, steps: &[Step]) -> Compiled {
        if steps.is_empty() {
            return Ok(Expr::constant(true));
        }
        let each = steps.iter().map(|step| self.step(step)).collect::<Result<Vec<_>, _>>()?;
        Ok(if each.contains(&Expr::constant(true)) { Expr::constant(true) } else { Expr::or(each) })
    }

    fn step(&self, step: &Step) -> Compiled {
        let mut terms = Vec::new();
        let event = step.event.as_deref().filter(|event| !event.is_empty());
        if let Some(event) = event {
            terms.push(Expr::eq(Expr::field(["event"]), Expr::constant(event)));
        }
        if event == Some(AUTOCAPTURE) {
            let texts = [("selector", &step.selector, None), ("tag_name", &step.tag_name, None)];
            let matched = [("text", &step.text, step.text_matching), ("href", &step.href, step.href_matching)];
            for (key, text, matching) in texts.into_iter().chain(matched) {
                let Some(text) = text.as_ref().filter(|text| !text.is_empty()) else { continue };
                let operator = match matching.unwrap_or(Matching::Exact) {
                    Matching::Exact => "exact",
                    Matching::Contains => "icontains",
                    Matching::Regex => "regex",
                };
                terms.push(elements::condition(key, operator, std::slice::from_ref(text))?);
            }
        }
        if let Some(url) = step.url.as_deref().filter(|url| !url.is_empty()) {
            let current = Expr::field(["properties", "$current_url"]);
            terms.push(match step.url_matching.unwrap_or(Matching::Contains) {
                Matching::Exact => Expr::eq(current, Expr::constant(url)),
                Matching::Contains => Expr::compare(CompareOp::Like, current, Expr::constant(format!("%{url}%"))),
                Matching::Regex => {
                    check_regex(url)?;
                    Expr::compare(CompareOp::Regex, current, Expr::constant(url))
                }
            });
        }
        let properties = Properties::try_from(step.properties.clone())?;
        if !properties.is_empty() {
            terms.push(self.properties(&properties)?);
        }
        Ok(match terms.len() {
            0 => Expr::constant(true),
            _ => Expr::and(terms),
        })
    }

    /// Replaces `matchesAction(5)` and `matchesAction('name')`.
    pub fn replace_actions(&self, query: &mut Query) -> Result<(), String> {
        let mut outcome = Ok(());
        query.visit_mut(&mut |expr| {
            if let ExprKind::Call(call) = &expr.kind
                && call.name == "matchesAction"
                && outcome.is_ok()
            {
                match self.called(&call.args) {
                    Ok(condition) => expr.kind = condition.kind,
                    Err(error) => outcome = Err(error),
                }
            }
        });
        outcome
    }

    fn called(&self, args: &[Expr]) -> Compiled {
        use query::ast::Constant;
        let [Expr { kind: ExprKind::Constant(named), .. }] = args else {
            return Err("matchesAction takes the id or the name of an action".to_owned());
        };
        match named {
            Constant::Int(id) => match self.catalog.action(*id) {
                Some(action) => self.action(action),
                None => Err(format!("Could not find an action with the id {id}")),
            },
            Constant::String(name) => {
                let mut named = self.catalog.actions_named(name);
                match (named.next(), named.next()) {
                    (Some(action), None) => self.action(action),
                    (None, _) => Err(format!("Could not find an action with the name '{name}'")),
                    (Some(_), Some(_)) => Err(format!("Several actions have the name '{name}'; use the id of one")),
                }
            }
            _ => Err("matchesAction takes the id or the name of an action".to_owned()),
        }
    }
}
