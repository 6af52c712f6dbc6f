//! Changes many properties at once. [`Properties`] is a list, right for the tens of names that events have; whoever sends ten
//! thousand must not make that quadratic.

use model::{Properties, PropertyValue};
use std::collections::HashMap;
use std::sync::Arc;

pub struct Editor {
    /// `None` where a property was removed.
    pairs: Vec<(Arc<str>, Option<PropertyValue>)>,
    places: HashMap<Arc<str>, usize>,
}

/// Below this many comparisons the list is faster.
const WORTH_AN_INDEX: usize = 65_536;

impl Editor {
    /// Whether looking up `names` names in `properties` one by one would take too long.
    pub fn is_worth_it(properties: &Properties, names: usize) -> bool {
        (properties.len() + names).saturating_mul(names) > WORTH_AN_INDEX
    }

    pub fn new(properties: &Properties) -> Editor {
        let mut editor = Editor { pairs: Vec::with_capacity(properties.len()), places: HashMap::with_capacity(properties.len()) };
        for (name, value) in properties.iter() {
            editor.set(name, value);
        }
        editor
    }

    pub fn get(&self, name: &str) -> Option<&PropertyValue> {
        self.places.get(name).and_then(|&place| self.pairs[place].1.as_ref())
    }

    pub fn set(&mut self, name: &Arc<str>, value: &PropertyValue) {
        match self.places.get(name) {
            Some(&place) => self.pairs[place].1 = Some(value.clone()),
            None => {
                self.places.insert(name.clone(), self.pairs.len());
                self.pairs.push((name.clone(), Some(value.clone())));
            }
        }
    }

    pub fn remove(&mut self, name: &str) -> Option<PropertyValue> {
        let place = *self.places.get(name)?;
        self.pairs[place].1.take()
    }

    pub fn finish(self) -> Properties {
        let mut properties = Properties::with_capacity(self.pairs.len());
        for (name, value) in self.pairs {
            if let Some(value) = value {
                properties.push_new(name, value);
            }
        }
        properties
    }
}

/// `top` over `base`.
pub fn overlaid<'t>(base: &Properties, top: impl ExactSizeIterator<Item = (&'t Arc<str>, &'t PropertyValue)>) -> Properties {
    if Editor::is_worth_it(base, top.len()) {
        let mut editor = Editor::new(base);
        top.for_each(|(name, value)| editor.set(name, value));
        return editor.finish();
    }
    let mut properties = base.clone();
    for (name, value) in top {
        properties.set(name.clone(), value.clone());
    }
    properties
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn editing_keeps_the_order_and_the_last_value() {
        let mut editor = Editor::new(&Properties::from_json_text(r#"{"a":1,"b":2,"c":3}"#).unwrap());
        editor.set(&"b".into(), &PropertyValue::Int(9));
        editor.set(&"d".into(), &PropertyValue::Int(4));
        assert_eq!(editor.remove("a"), Some(PropertyValue::Int(1)));
        assert_eq!(editor.remove("a"), None);
        assert_eq!((editor.get("a"), editor.get("b")), (None, Some(&PropertyValue::Int(9))));
        assert_eq!(editor.finish().to_json_text(), r#"{"b":9,"c":3,"d":4}"#);
    }

    #[test]
    fn overlaying_many_and_few_is_the_same() {
        let base: Properties = (0..2_000).map(|at| (Arc::from(format!("p{at}")), PropertyValue::Int(at))).collect();
        let top: Vec<(Arc<str>, PropertyValue)> =
            (1_950..2_050).map(|at| (Arc::from(format!("p{at}")), PropertyValue::Bool(true))).collect();
        let many = overlaid(&base, top.iter().map(|(name, value)| (name, value)));
        let one_by_one = top.iter().fold(base, |base, (name, value)| overlaid(&base, [(name, value)].into_iter()));
        assert!(many.len() == 2_050 && many == one_by_one);
    }
}
