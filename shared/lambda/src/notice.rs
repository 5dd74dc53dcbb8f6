//! S3's notices about removed object versions. Only a version that is gone for good counts: a delete marker hides an
//! object and leaves it where it was.

use lethe_domain::audit::ObjectVersion;
use serde_json::Value;

/// What one notice says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Notice {
    /// The versions that are gone.
    pub gone: Vec<ObjectVersion>,
    /// What in it could not be understood.
    pub fault: Option<&'static str>,
}

/// Reads a notice. S3's test of a new subscription and delete markers say nothing.
pub fn read(body: &str) -> Notice {
    let Ok(notice) = serde_json::from_str::<Value>(body) else {
        return Notice { fault: Some("the notice is not JSON"), ..Notice::default() };
    };
    let is_test = notice.get("Event").and_then(Value::as_str) == Some("s3:TestEvent");
    let mut read = Notice::default();
    match notice.get("Records").and_then(Value::as_array) {
        None if is_test => {}
        None => read.fault = Some("the notice has no records"),
        Some(records) => records.iter().for_each(|record| read.add(record)),
    }
    read
}

impl Notice {
    fn add(&mut self, record: &Value) {
        let text = |path: &str| record.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty());
        let event = text("/eventName").unwrap_or_default();
        match event.strip_prefix("s3:").unwrap_or(event) {
            "LifecycleExpiration:Delete" | "ObjectRemoved:Delete" => {
                match (text("/s3/object/key").and_then(decode), text("/s3/object/versionId")) {
                    (Some(key), Some(version)) => {
                        self.gone.push(ObjectVersion { key, version: version.to_owned() });
                    }
                    _ => self.fault = Some("the notice names no object version"),
                }
            }
            "LifecycleExpiration:DeleteMarkerCreated" | "ObjectRemoved:DeleteMarkerCreated" => {}
            _ => self.fault = Some("the notice is of an event that nobody asked for"),
        }
    }
}

/// Undoes the form encoding of an object's key; `None` when that does not give text.
fn decode(key: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) =
                    (char::from(rest.next()?).to_digit(16)?, char::from(rest.next()?).to_digit(16)?);
                u8::try_from(high * 16 + low).ok()?
            }
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(event: &str, object: &str) -> String {
        format!(r#"{{"Records":[{{"eventName":"{event}","s3":{{"object":{object}}}}}]}}"#)
    }

    fn gone(key: &str) -> Notice {
        Notice { gone: vec![ObjectVersion { key: key.into(), version: "v1".into() }], fault: None }
    }

    #[test]
    fn a_test_of_the_subscription_says_nothing() {
        assert_eq!(read(r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}"#), Notice::default());
    }

    #[test]
    fn a_version_that_is_gone_is_named_with_and_without_the_prefix() {
        let object = r#"{"key":"r7/2026-01-31/ab.ndjson.zst","versionId":"v1"}"#;
        for event in ["LifecycleExpiration:Delete", "ObjectRemoved:Delete", "s3:ObjectRemoved:Delete"] {
            assert_eq!(read(&of(event, object)), gone("r7/2026-01-31/ab.ndjson.zst"), "{event}");
        }
    }

    #[test]
    fn a_delete_marker_is_not_a_purge() {
        let object = r#"{"key":"r7/a","versionId":"v1"}"#;
        for event in ["LifecycleExpiration:DeleteMarkerCreated", "s3:ObjectRemoved:DeleteMarkerCreated"] {
            assert_eq!(read(&of(event, object)), Notice::default(), "{event}");
        }
    }

    #[test]
    fn keys_are_decoded() {
        let object = r#"{"key":"r7/a+b%2Bc%C3%A9","versionId":"v1"}"#;
        assert_eq!(read(&of("ObjectRemoved:Delete", object)), gone("r7/a b+cé"));
    }

    #[test]
    fn what_names_no_version_is_a_fault_and_its_neighbours_are_read() {
        for object in
            [r#"{"key":"a"}"#, r#"{"versionId":"v"}"#, r#"{"key":"%zz","versionId":"v"}"#, "{}", "7"]
        {
            let notice = read(&of("ObjectRemoved:Delete", object));
            assert_eq!(notice.fault, Some("the notice names no object version"), "{object}");
        }
        let two = r#"{"Records":[{"eventName":"ObjectCreated:Put"},
            {"eventName":"ObjectRemoved:Delete","s3":{"object":{"key":"k","versionId":"v1"}}}]}"#;
        let notice = read(two);
        assert_eq!(notice.gone, gone("k").gone);
        assert!(notice.fault.is_some());
        for body in ["", "[]", "{}", r#"{"Records":7}"#] {
            assert!(read(body).fault.is_some(), "{body}");
        }
    }
}
