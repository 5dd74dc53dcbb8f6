//! Small pieces of table items that several tables share.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use lethe_domain::lifecycle::StoredValue;
use lethe_stages::error::PortError;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An item as the SDK holds it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// An item whose attributes do not say what they should.
#[derive(Debug, thiserror::Error)]
#[error("an attribute is missing or of another type")]
pub(crate) struct Malformed;

/// A string attribute.
pub(crate) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A number attribute.
#[expect(clippy::needless_pass_by_value, reason = "callers have plain numbers at hand")]
pub(crate) fn number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// An attribute of a vault row.
pub(crate) fn stored(value: &StoredValue) -> AttributeValue {
    match value {
        StoredValue::Text(value) => text(value),
        StoredValue::Number(value) => number(value),
        StoredValue::Flag(value) => AttributeValue::Bool(*value),
    }
}

/// A string attribute of an item.
pub(crate) fn text_of<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// A number attribute of an item.
pub(crate) fn number_of<N: std::str::FromStr>(item: &Item, name: &str) -> Option<N> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// A value's attributes, with its place in the table.
pub(crate) fn to_item<T: Serialize>(
    doing: &'static str,
    (pk, sk): (String, String),
    value: &T,
) -> Result<Item, PortError> {
    let mut item: Item = serde_dynamo::to_item(value).map_err(|_| PortError::never(doing, Malformed))?;
    item.insert("pk".to_owned(), text(pk));
    item.insert("sk".to_owned(), text(sk));
    Ok(item)
}

/// The value that an item holds. The reader's own error is left out, because it may quote an attribute.
pub(crate) fn from_item<T: DeserializeOwned>(doing: &'static str, item: Item) -> Result<T, PortError> {
    serde_dynamo::from_item(item).map_err(|_| PortError::never(doing, Malformed))
}
