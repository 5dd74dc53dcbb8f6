//! The text of a command, as it comes over the queue and over the URL.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use lethe_domain::command::{Command, Rejected, schema, words};
use serde_json::Value;

use crate::seed;

/// Stands in every text of a marked command and in no word of a fault.
const MARK: &str = "ZQ7X";

/// The fields that faults name.
static FIELDS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let parts = schema()["$defs"].as_object().unwrap().clone();
    parts.into_iter().map(|(name, _)| name).chain(["command".to_owned()]).collect()
});

/// What is read can be written and read again; what is refused has a fault, and none quotes what was sent.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match Command::parse(&text) {
        Ok(command) => assert_eq!(Command::parse(&command.to_json()).as_ref(), Ok(&command)),
        Err(rejected) => drop(said(rejected)),
    }
    if let Ok(mut value) = serde_json::from_str(&text) {
        mark(&mut value);
        if let Err(rejected) = Command::parse(&value.to_string()) {
            let said = said(rejected);
            assert!(!said.contains(MARK), "quoted: {said}");
        }
    }
}

/// Everything that a refusal says.
fn said(rejected: Rejected) -> String {
    let faults = match rejected {
        Rejected::TooLarge(fault) => vec![fault],
        Rejected::Faults(faults) => faults,
    };
    assert!(faults.iter().any(|fault| !fault.is_empty()), "refused without a reason");
    faults.join("\n")
}

/// Marks every text that a caller chose: all but the commands' words, and the names of fields that are not known.
fn mark(value: &mut Value) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::String(text) if words().any(|word| word == text) => {}
        Value::String(text) => text.insert_str(0, MARK),
        Value::Array(values) => values.iter_mut().for_each(mark),
        Value::Object(fields) => {
            *fields = std::mem::take(fields)
                .into_iter()
                .map(|(name, mut value)| {
                    mark(&mut value);
                    (if FIELDS.contains(&name) { name } else { format!("{MARK}{name}") }, value)
                })
                .collect();
        }
    }
}

/// The examples of the published schema.
pub fn seeds() -> Vec<Vec<u8>> {
    let texts: Vec<String> = examples().iter().map(Value::to_string).collect();
    for text in &texts {
        assert!(Command::parse(text).is_ok(), "{text}");
    }
    texts.iter().map(|text| seed(text)).collect()
}

/// One command of each form at least.
pub(crate) fn examples() -> Vec<Value> {
    let schema = schema();
    let of = |word: &str| schema["$defs"][word]["examples"].as_array().unwrap().clone();
    words().flat_map(of).collect()
}
