//! `DynamoDB`'s JSON, as the fakes hold items, to and from what the SDK holds.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use lethe_sources::Attribute;
use lethe_testkit::Item;
use serde_json::{Value, json};

pub(super) fn to_sdk(item: &Item) -> HashMap<String, AttributeValue> {
    item.iter().map(|(name, value)| (name.clone(), value_to_sdk(value))).collect()
}

pub(super) fn from_sdk(item: &HashMap<String, AttributeValue>) -> Item {
    item.iter().map(|(name, value)| (name.clone(), value_from_sdk(value))).collect()
}

/// An item of a tenant's table.
pub(super) fn source_to_sdk(item: lethe_sources::Item) -> HashMap<String, AttributeValue> {
    item.into_iter().map(|(name, value)| (name, source_value(value))).collect()
}

fn value_to_sdk(value: &Value) -> AttributeValue {
    let (kind, inner) = value.as_object().unwrap().iter().next().unwrap();
    match (kind.as_str(), inner) {
        ("S", Value::String(text)) => AttributeValue::S(text.clone()),
        ("N", Value::String(number)) => AttributeValue::N(number.clone()),
        ("BOOL", Value::Bool(flag)) => AttributeValue::Bool(*flag),
        ("NULL", _) => AttributeValue::Null(true),
        ("L", Value::Array(values)) => AttributeValue::L(values.iter().map(value_to_sdk).collect()),
        ("M", Value::Object(map)) => {
            AttributeValue::M(map.iter().map(|(name, value)| (name.clone(), value_to_sdk(value))).collect())
        }
        _ => panic!("the suites use no attribute of type {kind}"),
    }
}

fn value_from_sdk(value: &AttributeValue) -> Value {
    let text = value.as_s().map(|text| json!({ "S": text }));
    let number = text.or_else(|_| value.as_n().map(|number| json!({ "N": number })));
    number
        .or_else(|_| value.as_bool().map(|flag| json!({ "BOOL": flag })))
        .expect("the suites read no other type")
}

fn source_value(value: Attribute) -> AttributeValue {
    match value {
        Attribute::S(text) => AttributeValue::S(text),
        Attribute::N(number) => AttributeValue::N(number),
        Attribute::B(bytes) => AttributeValue::B(Blob::new(bytes)),
        Attribute::Bool(flag) => AttributeValue::Bool(flag),
        Attribute::Null => AttributeValue::Null(true),
        Attribute::SS(texts) => AttributeValue::Ss(texts),
        Attribute::NS(numbers) => AttributeValue::Ns(numbers),
        Attribute::BS(blobs) => AttributeValue::Bs(blobs.into_iter().map(Blob::new).collect()),
        Attribute::L(values) => AttributeValue::L(values.into_iter().map(source_value).collect()),
        Attribute::M(map) => AttributeValue::M(source_to_sdk(map)),
    }
}
