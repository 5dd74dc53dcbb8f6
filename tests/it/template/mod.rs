//! What `template.yaml` promises, read from the template itself. The local cloud enforces no policy and drops
//! lock, lifecycle and TTL, so that nothing but these tests stands between a careless edit and an account.
//!
//! Every check is a function from a template to its faults. The template must have none, and a template that
//! was spoiled on purpose must have the fault in question: a check that cannot fail proves nothing.

mod alarms;
mod archive;
mod callers;
mod control;
mod events;
mod iam;
mod mappings;
mod needs;
mod permissions;
mod queues;
mod roles;
mod settings;
mod stack;
mod storage;
mod switches;
mod vault;
mod yaml;

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The nine functions, in the order in which a token meets them.
const FUNCTIONS: [&str; 9] =
    ["survey", "scan", "sweep", "expire", "intake", "react", "archive", "confirm", "reconcile"];

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// The template as it is, intrinsic functions unresolved.
fn template() -> Value {
    let path = root().join("template.yaml");
    let text =
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()));
    yaml::parse(&text).unwrap_or_else(|error| panic!("parse {}: {error}", path.display()))
}

/// The template with another value at a place that exists, given as a JSON pointer.
#[track_caller]
fn with(pointer: &str, value: Value) -> Value {
    let mut template = template();
    *template.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} is not in the template")) = value;
    template
}

/// The template without what stands at a place, given as a JSON pointer to a member of a map.
#[track_caller]
fn without(pointer: &str) -> Value {
    let mut template = template();
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    let parent = template.pointer_mut(parent).and_then(Value::as_object_mut);
    let removed = parent.and_then(|map| map.remove(member));
    assert!(removed.is_some(), "{pointer} is not in the template");
    template
}

/// Appends a statement to the policy of a role.
#[track_caller]
fn with_statement(role: &str, statement: Value) -> Value {
    let mut template = template();
    let pointer = format!("/Resources/{role}/Properties/Policies/0/PolicyDocument/Statement");
    let statements = template.pointer_mut(&pointer).and_then(Value::as_array_mut);
    statements.unwrap_or_else(|| panic!("{pointer} is not in the template")).push(statement);
    template
}

/// The template has none of these faults.
#[track_caller]
fn sound(faults: &[String]) {
    assert!(faults.is_empty(), "the template has faults:\n  {}", faults.join("\n  "));
}

/// A spoiled template has a fault that names these words.
#[track_caller]
fn caught(faults: &[String], words: &str) {
    assert!(faults.iter().any(|fault| fault.contains(words)), "no fault names {words:?}: {faults:?}");
}
