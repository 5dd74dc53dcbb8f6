//! Items of a table, as a scan returns them and as DynamoDB JSON writes them.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer};

/// An item: its attributes by name.
pub type Item = BTreeMap<String, Attribute>;

/// A value of any of DynamoDB's types. It is a tenant's data, so it has no `Debug`.
#[derive(Clone, PartialEq, Deserialize)]
pub enum Attribute {
    /// Text.
    S(String),
    /// A number, as its digits.
    N(String),
    /// Bytes.
    #[serde(deserialize_with = "bytes")]
    B(Vec<u8>),
    /// True or false.
    #[serde(rename = "BOOL")]
    Bool(bool),
    /// Nothing.
    #[serde(rename = "NULL", deserialize_with = "null")]
    Null,
    /// A set of texts.
    SS(Vec<String>),
    /// A set of numbers.
    NS(Vec<String>),
    /// A set of bytes.
    #[serde(deserialize_with = "byte_set")]
    BS(Vec<Vec<u8>>),
    /// A list of values.
    L(Vec<Self>),
    /// Values by name.
    M(BTreeMap<String, Self>),
}

/// Shows every place of an item in which a token can stand: names, texts, numbers and bytes at any depth.
pub(crate) fn walk(item: &Item, see: &mut dyn FnMut(&[u8])) {
    for (name, value) in item {
        see(name.as_bytes());
        walk_value(value, see);
    }
}

fn walk_value(value: &Attribute, see: &mut dyn FnMut(&[u8])) {
    match value {
        Attribute::S(text) | Attribute::N(text) => see(text.as_bytes()),
        Attribute::B(bytes) => see(bytes),
        Attribute::Bool(_) | Attribute::Null => {}
        Attribute::SS(texts) | Attribute::NS(texts) => texts.iter().for_each(|text| see(text.as_bytes())),
        Attribute::BS(set) => set.iter().for_each(|bytes| see(bytes)),
        Attribute::L(values) => values.iter().for_each(|value| walk_value(value, see)),
        Attribute::M(values) => walk(values, see),
    }
}

fn decode<E: serde::de::Error>(text: &str) -> Result<Vec<u8>, E> {
    // The decoder's own message quotes what it read.
    STANDARD.decode(text).map_err(|_| E::custom("not base64"))
}

fn bytes<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    decode(&String::deserialize(from)?)
}

fn byte_set<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Vec<u8>>, D::Error> {
    Vec::<String>::deserialize(from)?.iter().map(|text| decode(text)).collect()
}

fn null<'de, D: Deserializer<'de>>(from: D) -> Result<(), D::Error> {
    bool::deserialize(from).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(item: &Item) -> Vec<String> {
        let mut seen = Vec::new();
        walk(item, &mut |bytes| seen.push(String::from_utf8(bytes.to_vec()).unwrap()));
        seen
    }

    #[test]
    fn an_item_without_attributes_shows_nothing() {
        assert_eq!(seen(&Item::new()), Vec::<String>::new());
    }

    #[test]
    fn every_type_is_read_from_json_and_shown() {
        let item: Item = serde_json::from_str(
            r#"{"a":{"S":"text"},"b":{"N":"12"},"c":{"B":"Ynl0ZXM="},"d":{"BOOL":true},"e":{"NULL":true},
                "f":{"SS":["s1","s2"]},"g":{"NS":["1","2"]},"h":{"BS":["YjE=","YjI="]},
                "i":{"L":[{"S":"l1"},{"M":{"deep":{"L":[{"S":"l2"}]}}}]},"j":{"M":{"key":{"S":"value"}}}}"#,
        )
        .unwrap();
        let expected = "a text b 12 c bytes d e f s1 s2 g 1 2 h b1 b2 i l1 deep l2 j key value";
        assert_eq!(seen(&item).join(" "), expected);
    }

    #[test]
    fn what_is_no_attribute_is_refused() {
        for bad in
            [r#"{"a":"text"}"#, r#"{"a":{"X":"text"}}"#, r#"{"a":{"B":"?"}}"#, r#"{"a":{"S":1}}"#, "[]"]
        {
            assert!(serde_json::from_str::<Item>(bad).is_err(), "{bad}");
        }
    }
}
