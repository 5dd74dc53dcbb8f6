//! Hostile events for tests: any JSON, and recorded events after careless or ill-meaning hands.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

/// What is done to an event; each place is one of its values, however deep.
#[derive(Clone, Debug)]
enum Injury {
    /// The value is another one.
    Replace(Index, Value),
    /// The value is what stands at the other place.
    Copy(Index, Index),
    /// The value is not there.
    Remove(Index),
    /// What is in the list is in it twice.
    Double(Index),
    /// A text has a character more, or lacks what comes after it.
    Write(Index, Index, char, bool),
    /// The value is in a list.
    Wrap(Index),
}

impl Injury {
    fn apply(self, event: &mut Value) {
        let mut all = Vec::new();
        places(event, "", &mut all);
        let place = |at: Index| all[at.index(all.len())].clone();
        match self {
            Self::Replace(at, with) => put(event, &place(at), with),
            Self::Copy(from, to) => {
                let value = event.pointer(&place(from)).cloned().unwrap_or_default();
                put(event, &place(to), value);
            }
            Self::Remove(at) => {
                let place = place(at);
                let Some((parent, name)) = place.rsplit_once('/') else { return };
                match event.pointer_mut(parent) {
                    Some(Value::Object(fields)) => drop(fields.remove(&plain(name))),
                    Some(Value::Array(values)) => drop(name.parse().map(|at: usize| values.remove(at))),
                    _ => {}
                }
            }
            Self::Double(at) => {
                if let Some(Value::Array(values)) = event.pointer_mut(&place(at)) {
                    values.extend(values.clone());
                }
            }
            Self::Write(at, in_text, character, is_cut) => {
                if let Some(Value::String(text)) = event.pointer_mut(&place(at)) {
                    let edges: Vec<usize> =
                        text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
                    let edge = edges[in_text.index(edges.len())];
                    if is_cut { text.truncate(edge) } else { text.insert(edge, character) }
                }
            }
            Self::Wrap(at) => {
                let place = place(at);
                let value = event.pointer(&place).cloned().unwrap_or_default();
                put(event, &place, json!([value]));
            }
        }
    }
}

fn put(event: &mut Value, place: &str, value: Value) {
    if let Some(old) = event.pointer_mut(place) {
        *old = value;
    }
}

/// Every place of a value, as JSON pointers.
fn places(value: &Value, here: &str, found: &mut Vec<String>) {
    found.push(here.to_owned());
    match value {
        Value::Array(values) => {
            for (at, value) in values.iter().enumerate() {
                places(value, &format!("{here}/{at}"), found);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                places(value, &format!("{here}/{name}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn plain(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}

/// Any JSON, in which these words are names and texts more often than not.
pub(crate) fn any_json(words: &'static [&'static str]) -> BoxedStrategy<Value> {
    let word = move || prop_oneof![4 => select(words).prop_map(str::to_owned), 1 => any::<String>()];
    let numbers = vec![
        json!(0),
        json!(-1),
        json!(1.5),
        json!(i64::MIN),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1e300),
    ];
    let leaf = prop_oneof![
        4 => word().prop_map(Value::from),
        2 => select(numbers),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            1 => vec(inner.clone(), 0..4).prop_map(Value::from),
            3 => btree_map(word(), inner, 0..6).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
    .boxed()
}

/// One of these events, injured up to five times; now and then it is still good.
pub(crate) fn injured(good: &[Value], words: &'static [&'static str]) -> BoxedStrategy<Value> {
    let index = any::<Index>;
    let injury = prop_oneof![
        3 => (index(), any_json(words)).prop_map(|(at, with)| Injury::Replace(at, with)),
        2 => (index(), index()).prop_map(|(from, to)| Injury::Copy(from, to)),
        2 => index().prop_map(Injury::Remove),
        1 => index().prop_map(Injury::Double),
        3 => (index(), index(), any::<char>(), any::<bool>())
            .prop_map(|(at, in_text, character, is_cut)| Injury::Write(at, in_text, character, is_cut)),
        1 => index().prop_map(Injury::Wrap),
    ];
    (select(good.to_vec()), vec(injury, 1..6))
        .prop_map(|(mut event, injuries)| {
            for injury in injuries {
                injury.apply(&mut event);
            }
            event
        })
        .boxed()
}

/// Recorded events of AWS.
pub(crate) fn recorded(texts: &[&str]) -> Vec<Value> {
    texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}
