//! What one event changes about a person.

use crate::editor::Editor;
use model::{Properties, PropertyValue};
use std::collections::HashSet;
use std::sync::Arc;

/// `$set`, `$set_once` and `$unset` of one event, automatic ones included.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Update {
    pub set: Vec<(Arc<str>, PropertyValue)>,
    pub set_once: Vec<(Arc<str>, PropertyValue)>,
    pub unset: Vec<Arc<str>>,
}

impl Update {
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.set_once.is_empty() && self.unset.is_empty()
    }

    pub fn len(&self) -> usize {
        self.set.len() + self.set_once.len() + self.unset.len()
    }

    pub fn clear(&mut self) {
        self.set.clear();
        self.set_once.clear();
        self.unset.clear();
    }
}

/// A property of an event that is also news about its person: the person keeps the last value under `name` and the first one
/// under `initial`.
#[derive(Clone, Copy, Debug)]
pub struct Trait<'e> {
    /// Which one it is, a small number.
    pub number: usize,
    pub name: &'e Arc<str>,
    pub initial: &'e Arc<str>,
    pub value: &'e PropertyValue,
}

/// Where the last person had each trait. Persons of one project mostly have them in the same places.
#[derive(Debug, Default)]
pub struct TraitPlaces(Vec<[usize; 2]>);

impl TraitPlaces {
    fn of(&mut self, number: usize) -> &mut [usize; 2] {
        if self.0.len() <= number {
            self.0.resize(number + 1, [0; 2]);
        }
        &mut self.0[number]
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    Nothing,
    /// Only values that change with every page view; not worth a write of the person.
    Minor,
    Real,
}

/// Values that every page view may change. A person is not rewritten for these alone.
const MINOR: &[&str] = &[
    "$current_url",
    "$pathname",
    "$referring_domain",
    "$referrer",
    "$screen_height",
    "$screen_width",
    "$viewport_height",
    "$viewport_width",
    "$browser",
    "$browser_version",
    "$device_type",
    "$raw_user_agent",
    "$os",
    "$os_name",
    "$os_version",
];

fn is_minor(name: &str) -> bool {
    let geo = name.starts_with("$geoip_") && name != "$geoip_country_name" && name != "$geoip_city_name";
    geo || MINOR.contains(&name)
}

/// Names are interned while events are read, so most comparisons end at the pointer.
fn find<'p>(properties: &'p Properties, name: &Arc<str>) -> Option<&'p PropertyValue> {
    let same = properties.iter().find(|(known, _)| Arc::ptr_eq(known, name));
    same.map(|(_, value)| value).or_else(|| properties.get(name))
}

/// Applies what an event says about itself and then, with [`apply`], what it says about its person. No trait may have a name
/// that the update sets.
pub fn apply_with_traits<'e>(
    properties: &mut Arc<Properties>,
    traits: impl Iterator<Item = Trait<'e>> + Clone,
    places: &mut TraitPlaces,
    update: &Update,
) -> Effect {
    let mut effect = Effect::Nothing;
    for one in traits.clone() {
        if place_of(properties, one.initial, &mut places.of(one.number)[1]).is_none() {
            Arc::make_mut(properties).push_new(one.initial.clone(), one.value.clone());
            effect = Effect::Real;
        }
    }
    for one in traits {
        match place_of(properties, one.name, &mut places.of(one.number)[0]) {
            Some(place) => {
                let changed = properties.at(place).is_some_and(|(_, old)| !is_same(old, one.value));
                if changed {
                    Arc::make_mut(properties).set_at(place, one.value.clone());
                    effect = effect.max(if is_minor(one.name) { Effect::Minor } else { Effect::Real });
                }
            }
            None => {
                Arc::make_mut(properties).push_new(one.name.clone(), one.value.clone());
                effect = Effect::Real;
            }
        }
    }
    if update.is_empty() { effect } else { effect.max(apply(properties, update)) }
}

fn place_of(properties: &Properties, name: &Arc<str>, guess: &mut usize) -> Option<usize> {
    if properties.at(*guess).is_some_and(|(known, _)| Arc::ptr_eq(known, name)) {
        return Some(*guess);
    }
    let same = properties.iter().position(|(known, _)| Arc::ptr_eq(known, name));
    let place = same.or_else(|| properties.iter().position(|(known, _)| known == name))?;
    *guess = place;
    Some(place)
}

/// Equal, which values that recur mostly are by their address.
fn is_same(old: &PropertyValue, new: &PropertyValue) -> bool {
    match (old, new) {
        (PropertyValue::String(old), PropertyValue::String(new)) => Arc::ptr_eq(old, new) || old == new,
        _ => old == new,
    }
}

/// Applies `$set_once`, then `$set`, then `$unset`. Copies the properties only when something changes.
pub fn apply(properties: &mut Arc<Properties>, update: &Update) -> Effect {
    if Editor::is_worth_it(properties, update.len()) {
        let (edited, effect) = apply_many(properties, update);
        if effect > Effect::Nothing {
            *properties = Arc::new(edited);
        }
        return effect;
    }
    let mut effect = Effect::Nothing;
    for (name, value) in &update.set_once {
        if find(properties, name).is_none() && !update.set.iter().any(|(set, _)| set == name) {
            Arc::make_mut(properties).push_new(name.clone(), value.clone());
            effect = Effect::Real;
        }
    }
    for (name, value) in &update.set {
        match find(properties, name) {
            Some(old) if old == value => continue,
            Some(_) if is_minor(name) => effect = effect.max(Effect::Minor),
            _ => effect = Effect::Real,
        }
        Arc::make_mut(properties).set(name.clone(), value.clone());
    }
    for name in &update.unset {
        if find(properties, name).is_some() {
            Arc::make_mut(properties).remove(name);
            effect = Effect::Real;
        }
    }
    effect
}

/// The same for an update of hundreds of names.
fn apply_many(properties: &Properties, update: &Update) -> (Properties, Effect) {
    let mut editor = Editor::new(properties);
    let mut effect = Effect::Nothing;
    let set: HashSet<&str> = update.set.iter().map(|(name, _)| &**name).collect();
    for (name, value) in update.set_once.iter().filter(|(name, _)| !set.contains(&**name)) {
        if editor.get(name).is_none() {
            editor.set(name, value);
            effect = Effect::Real;
        }
    }
    for (name, value) in &update.set {
        match editor.get(name) {
            Some(old) if old == value => continue,
            Some(_) if is_minor(name) => effect = effect.max(Effect::Minor),
            _ => effect = Effect::Real,
        }
        editor.set(name, value);
    }
    for name in &update.unset {
        if editor.remove(name).is_some() {
            effect = Effect::Real;
        }
    }
    (editor.finish(), effect)
}

/// More than this is cut down to [`TRIMMED_BYTES`].
pub const MAX_BYTES: usize = 640 * 1024;
pub const TRIMMED_BYTES: usize = 512 * 1024;

fn is_protected(name: &str) -> bool {
    matches!(name, "email" | "name" | "$creator_event_uuid" | "$session_id" | "$window_id" | "$user_id" | "$device_id")
        || name.starts_with("$initial_")
        || name.starts_with("utm_")
        || is_minor(name)
}

/// Drops unprotected properties, the last first, until the rest fits. `false` when even the protected ones are too large.
pub fn trim(properties: &mut Properties) -> bool {
    let mut bytes = size(properties);
    if bytes <= MAX_BYTES {
        return true;
    }
    let names: Vec<(Arc<str>, usize)> =
        properties.iter().filter(|(name, _)| !is_protected(name)).map(|(name, value)| (name.clone(), entry_size(name, value))).collect();
    let mut dropped = HashSet::new();
    for (name, entry) in names.into_iter().rev() {
        if bytes <= TRIMMED_BYTES {
            break;
        }
        bytes -= entry;
        dropped.insert(name);
    }
    properties.retain(|name, _| !dropped.contains(name));
    bytes <= MAX_BYTES
}

/// Bytes of the JSON text, within a few percent; cheap enough to ask after every change.
pub fn size(properties: &Properties) -> usize {
    properties.iter().map(|(name, value)| entry_size(name, value)).sum()
}

fn entry_size(name: &str, value: &PropertyValue) -> usize {
    let value = match value {
        PropertyValue::String(text) => text.len() + 2,
        PropertyValue::Json(text) => text.len(),
        _ => 8,
    };
    name.len() + value + 4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(json: &str) -> Vec<(Arc<str>, PropertyValue)> {
        let properties = Properties::from_json_text(json).unwrap();
        properties.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    #[track_caller]
    fn check(before: &str, set: &str, set_once: &str, unset: &[&str], after: &str, effect: Effect) {
        let mut properties = Arc::new(Properties::from_json_text(before).unwrap());
        let update = Update { set: pairs(set), set_once: pairs(set_once), unset: unset.iter().map(|&name| name.into()).collect() };
        let (many, same_effect) = apply_many(&properties, &update);
        assert_eq!(apply(&mut properties, &update), effect);
        assert_eq!(properties.to_json_text(), after);
        assert_eq!((many.to_json_text().as_str(), same_effect), (after, effect), "as one of many");
    }

    #[test]
    fn set_once_then_set_then_unset() {
        check("{}", r#"{"a":1}"#, r#"{"a":2,"b":3}"#, &[], r#"{"b":3,"a":1}"#, Effect::Real);
        check(r#"{"a":1}"#, "{}", r#"{"a":2}"#, &[], r#"{"a":1}"#, Effect::Nothing);
        check(r#"{"a":1}"#, r#"{"a":2}"#, "{}", &["a"], "{}", Effect::Real);
        check(r#"{"a":1}"#, r#"{"a":1}"#, "{}", &["z"], r#"{"a":1}"#, Effect::Nothing);
    }

    #[test]
    fn values_that_change_with_every_page_are_minor_unless_they_are_new() {
        check(r#"{"$current_url":"/a"}"#, r#"{"$current_url":"/b"}"#, "{}", &[], r#"{"$current_url":"/b"}"#, Effect::Minor);
        check("{}", r#"{"$current_url":"/b"}"#, "{}", &[], r#"{"$current_url":"/b"}"#, Effect::Real);
        check(r#"{"$geoip_city_name":"A"}"#, r#"{"$geoip_city_name":"B"}"#, "{}", &[], r#"{"$geoip_city_name":"B"}"#, Effect::Real);
        check(r#"{"$geoip_latitude":1}"#, r#"{"$geoip_latitude":2}"#, "{}", &[], r#"{"$geoip_latitude":2}"#, Effect::Minor);
    }

    #[test]
    fn traits_have_the_effect_that_set_and_set_once_have() {
        let (names, mut places) = (["$browser", "utm_source", "$os"].map(Arc::<str>::from), TraitPlaces::default());
        let initials = ["$initial_browser", "$initial_utm_source", "$initial_os"].map(Arc::<str>::from);
        for (before, values) in [
            ("{}", r#"{"$browser":"A","utm_source":"x"}"#),
            (r#"{"$os":"L","$initial_os":"L"}"#, r#"{"$os":"L"}"#),
            (r#"{"$os":"L","$initial_os":"W","$browser":"A"}"#, r#"{"$os":"M","$browser":"A"}"#),
            (r#"{"utm_source":"x","$initial_utm_source":"x"}"#, r#"{"utm_source":"y"}"#),
            (r#"{"$initial_os":1,"a":2,"$os":1}"#, r#"{"$os":2}"#),
        ] {
            let values = Properties::from_json_text(values).unwrap();
            let traits = (0..3).filter_map(|number| {
                let value = values.get(&names[number])?;
                Some(Trait { number, name: &names[number], initial: &initials[number], value })
            });
            let update = Update {
                set: traits.clone().map(|one| (one.name.clone(), one.value.clone())).collect(),
                set_once: traits.clone().map(|one| (one.initial.clone(), one.value.clone())).collect(),
                unset: Vec::new(),
            };
            let mut one = Arc::new(Properties::from_json_text(before).unwrap());
            let mut other = one.clone();
            let effect = apply(&mut other, &update);
            assert_eq!(apply_with_traits(&mut one, traits, &mut places, &Update::default()), effect, "{before}");
            assert_eq!(one.to_json_text(), other.to_json_text());
        }
    }

    #[test]
    fn an_unchanged_person_is_not_copied() {
        let before = Arc::new(Properties::from_json_text(r#"{"a":1}"#).unwrap());
        let mut after = before.clone();
        apply(&mut after, &Update { set: pairs(r#"{"a":1}"#), ..Update::default() });
        assert!(Arc::ptr_eq(&before, &after));
    }

    #[test]
    fn a_person_that_grew_too_large_loses_its_newest_unprotected_properties() {
        let mut properties = Properties::new();
        properties.set("email", "a@b.c");
        for at in 0..80 {
            properties.set(format!("p{at}"), PropertyValue::string("x".repeat(10_000)));
        }
        assert!(trim(&mut properties));
        assert!(size(&properties) <= TRIMMED_BYTES);
        assert!(properties.contains("email") && properties.contains("p0") && !properties.contains("p79"));
    }
}
