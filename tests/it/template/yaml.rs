//! Reads `CloudFormation`'s YAML, short tags included, into the JSON that the long form would give.
//!
//! saphyr is the successor of yaml-rust2 by the same people, and well kept. Unlike the serde readers it hands
//! out the tags (`!Sub`), and it refuses a key that stands twice in a map, which AWS would let pass.

use saphyr::{LoadableYamlNode, ScalarOwned, YamlOwned};
use serde_json::{Map, Value};

/// Parses one document.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let documents = YamlOwned::load_from_str(text).map_err(|error| error.to_string())?;
    match documents.as_slice() {
        [document] => json(document),
        more => Err(format!("{} documents in the place of one", more.len())),
    }
}

fn json(node: &YamlOwned) -> Result<Value, String> {
    match node {
        YamlOwned::Value(scalar) => Ok(plain(scalar)),
        YamlOwned::Sequence(items) => items.iter().map(json).collect::<Result<_, _>>().map(Value::Array),
        YamlOwned::Mapping(pairs) => {
            let mut map = Map::new();
            for (key, value) in pairs {
                let key = key.as_str().ok_or_else(|| format!("a key is no text: {key:?}"))?;
                map.insert(key.to_owned(), json(value)?);
            }
            Ok(Value::Object(map))
        }
        YamlOwned::Tagged(tag, inner) if tag.handle == "!" => Ok(long_form(&tag.suffix, json(inner)?)),
        YamlOwned::Tagged(..) | YamlOwned::Representation(..) | YamlOwned::Alias(_) | YamlOwned::BadValue => {
            Err(format!("not in CloudFormation's YAML: {node:?}"))
        }
    }
}

fn plain(scalar: &ScalarOwned) -> Value {
    match scalar {
        ScalarOwned::Null => Value::Null,
        ScalarOwned::Boolean(value) => Value::from(*value),
        ScalarOwned::Integer(value) => Value::from(*value),
        ScalarOwned::FloatingPoint(value) => Value::from(value.0),
        ScalarOwned::String(value) => Value::from(value.clone()),
    }
}

/// `!Sub x` is `{"Fn::Sub": x}`; only `Ref` and `Condition` carry no prefix, and `!GetAtt A.B` is a pair.
fn long_form(tag: &str, value: Value) -> Value {
    let (name, value) = match (tag, value) {
        ("Ref" | "Condition", value) => (tag.to_owned(), value),
        ("GetAtt", Value::String(path)) => {
            let (resource, attribute) = path.split_once('.').unwrap_or((&path, ""));
            ("Fn::GetAtt".to_owned(), Value::from(vec![resource, attribute]))
        }
        (_, value) => (format!("Fn::{tag}"), value),
    };
    Value::Object(Map::from_iter([(name, value)]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::parse;

    #[test]
    fn short_tags_become_the_long_form() {
        let text = "a: !Ref B\nc: !GetAtt D.Arn\ne: !If [F, !Sub \"${G}-h\", !Ref AWS::NoValue]\ni: on\nj: 7";
        let expected = json!({
            "a": {"Ref": "B"},
            "c": {"Fn::GetAtt": ["D", "Arn"]},
            "e": {"Fn::If": ["F", {"Fn::Sub": "${G}-h"}, {"Ref": "AWS::NoValue"}]},
            "i": "on",
            "j": 7,
        });
        assert_eq!(parse(text), Ok(expected));
    }

    #[test]
    fn a_key_that_stands_twice_is_refused() {
        assert!(parse("a: 1\na: 2").is_err());
    }
}
