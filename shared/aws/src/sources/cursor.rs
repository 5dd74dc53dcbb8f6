//! Where a table's scan goes on, as bytes that can be kept: the last key read, which is strings, numbers and bytes.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
enum KeyPart {
    S(String),
    N(String),
    B(String),
}

/// A key as bytes; `None` for one that no table can have.
pub(super) fn encode(key: &HashMap<String, AttributeValue>) -> Option<Vec<u8>> {
    let mut parts = BTreeMap::new();
    for (name, value) in key {
        parts.insert(name, part_of(value)?);
    }
    serde_json::to_vec(&parts).ok()
}

fn part_of(value: &AttributeValue) -> Option<KeyPart> {
    let text = value.as_s().ok().map(|text| KeyPart::S(text.clone()));
    let number = || value.as_n().ok().map(|number| KeyPart::N(number.clone()));
    let bytes = || value.as_b().ok().map(|bytes| KeyPart::B(hex::encode(bytes)));
    text.or_else(number).or_else(bytes)
}

/// The key in these bytes; `None` when they are not one.
pub(super) fn decode(bytes: &[u8]) -> Option<HashMap<String, AttributeValue>> {
    let parts: BTreeMap<String, KeyPart> = serde_json::from_slice(bytes).ok()?;
    let value_of = |part| match part {
        KeyPart::S(text) => Some(AttributeValue::S(text)),
        KeyPart::N(number) => Some(AttributeValue::N(number)),
        KeyPart::B(digits) => Some(AttributeValue::B(Blob::new(hex::decode(digits).ok()?))),
    };
    parts.into_iter().map(|(name, part)| Some((name, value_of(part)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_every_type_reads_back() {
        let key = HashMap::from([
            ("pk".to_owned(), AttributeValue::S("a#\u{e9}".into())),
            ("sk".to_owned(), AttributeValue::N("-1.5".into())),
            ("gk".to_owned(), AttributeValue::B(Blob::new([0, 255]))),
        ]);
        assert_eq!(decode(&encode(&key).unwrap()), Some(key));
    }

    #[test]
    fn what_is_no_key_is_not_read() {
        assert_eq!(encode(&HashMap::from([("pk".to_owned(), AttributeValue::Bool(true))])), None);
        assert_eq!(decode(b"{"), None);
        assert_eq!(decode(br#"{"pk":{"B":"zz"}}"#), None);
    }
}
