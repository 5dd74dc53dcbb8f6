//! A row of the fake vault as DynamoDB holds it: attributes of any type, whether or not they make sense.

use std::collections::BTreeMap;

use lethe_domain::lifecycle::{StoredAttribute, StoredValue};
use lethe_domain::row::{RowRead, StoredRow, VaultRow, due_partition, owner_bucket, owner_partition};
use lethe_domain::subject::{SubjectKey, SubjectRow, is_subject_row};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// The attributes in DynamoDB's JSON: `{"version": {"N": "1"}, …}`.
pub type Item = BTreeMap<String, Value>;

/// A row's attributes as its issuer writes them, the keys of both indexes included.
pub fn item_of(row: &VaultRow, due_shards: u16) -> Item {
    let mut item = item_of_stored(&StoredRow::from(row));
    if row.due_at.is_some() {
        item.insert("due_pk".into(), string(&due_partition(&row.key.token, due_shards)));
    }
    if let Some(subject) = &row.owner.subject {
        let token = row.key.token.expose();
        let session = row.owner.session.as_deref().unwrap_or_default();
        let bucket = owner_bucket(&row.key.token);
        item.insert("owner_pk".into(), string(&owner_partition(row.key.tenant.as_str(), subject, bucket)));
        item.insert("owner_sk".into(), string(&format!("{session}#{token}")));
    }
    item
}

/// Any row's attributes, sense or not.
pub fn item_of_stored(row: &StoredRow) -> Item {
    attributes_of(row)
}

/// A subject's row's attributes.
pub fn item_of_subject(key: &SubjectKey, row: &SubjectRow) -> Item {
    attributes_of(&row.to_stored(key))
}

fn attributes_of(row: &impl Serialize) -> Item {
    let plain = serde_json::to_value(row).unwrap();
    plain.as_object().unwrap().iter().map(|(name, value)| (name.clone(), typed(value))).collect()
}

/// What the stages see of an item.
pub fn read(item: &Item) -> RowRead {
    if is_subject_row(text_of(item, "kind"), text_of(item, "sk")) {
        return RowRead::Subject;
    }
    RowRead::from_stored(serde_json::from_value(plain(item)).ok())
}

/// What the stages see of a subject's row.
pub fn read_subject(item: &Item) -> SubjectRow {
    SubjectRow::from_stored(serde_json::from_value(plain(item)).ok())
}

fn plain(item: &Item) -> Value {
    Value::Object(item.iter().map(|(name, value)| (name.clone(), untyped(value))).collect())
}

/// An item's two keys.
pub fn keys_of(item: &Item) -> (String, String) {
    let key =
        |name: &str| item.get(name).and_then(|value| value["S"].as_str()).unwrap_or_default().to_owned();
    (key("pk"), key("sk"))
}

pub(crate) fn number_of(item: &Item, name: &str) -> Option<i128> {
    item.get(name)?["N"].as_str()?.parse().ok()
}

pub(crate) fn text_of<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?["S"].as_str()
}

/// Whether an item meets a condition: `None` demands that the attribute is absent.
pub(crate) fn meets(item: &Item, (name, expected): &StoredAttribute) -> bool {
    match expected {
        None => !item.contains_key(*name),
        Some(StoredValue::Text(text)) => text_of(item, name) == Some(text),
        Some(StoredValue::Number(number)) => number_of(item, name) == Some(*number),
        Some(StoredValue::Flag(flag)) => item.get(*name).is_some_and(|value| value["BOOL"] == json!(flag)),
    }
}

/// Sets an attribute or takes it away.
pub(crate) fn set(item: &mut Item, (name, value): StoredAttribute) {
    let value = match value {
        None => {
            item.remove(name);
            return;
        }
        Some(StoredValue::Text(text)) => string(&text),
        Some(StoredValue::Number(number)) => json!({ "N": number.to_string() }),
        Some(StoredValue::Flag(flag)) => json!({ "BOOL": flag }),
    };
    item.insert(name.to_owned(), value);
}

fn string(text: &str) -> Value {
    json!({ "S": text })
}

fn typed(value: &Value) -> Value {
    match value {
        Value::Null => json!({ "NULL": true }),
        Value::Bool(flag) => json!({ "BOOL": flag }),
        Value::Number(number) => json!({ "N": number.to_string() }),
        Value::String(text) => json!({ "S": text }),
        Value::Array(values) => json!({ "L": values.iter().map(typed).collect::<Vec<_>>() }),
        Value::Object(map) => {
            json!({ "M": map.iter().map(|(k, v)| (k.clone(), typed(v))).collect::<Map<_, _>>() })
        }
    }
}

fn untyped(value: &Value) -> Value {
    let Some((kind, inner)) = value.as_object().and_then(|typed| typed.iter().next()) else {
        return Value::Null;
    };
    match (kind.as_str(), inner) {
        ("N", Value::String(number)) => serde_json::from_str(number).unwrap_or(Value::Null),
        ("L", Value::Array(values)) => Value::Array(values.iter().map(untyped).collect()),
        ("M", Value::Object(map)) => {
            Value::Object(map.iter().map(|(k, v)| (k.clone(), untyped(v))).collect())
        }
        ("NULL", _) => Value::Null,
        (_, inner) => inner.clone(),
    }
}
