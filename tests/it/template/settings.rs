//! Every setting that a function reads is in its environment, and no other.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::stack::{Stack, members};
use super::{FUNCTIONS, caught, root, sound, template, with, without};

/// The settings that each function reads, by the function's name.
type Read = BTreeMap<String, BTreeSet<String>>;

/// The names in `functions/<name>/src/settings.rs`: string literals that start with `LETHE_`.
fn read_by_the_functions() -> Read {
    let mut read = Read::new();
    for function in FUNCTIONS {
        let path = root().join("functions").join(function).join("src/settings.rs");
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()));
        let own = text.split("#[cfg(test)]").next().unwrap_or_default();
        let literals = own.split('"').skip(1).step_by(2);
        let names = literals.filter(|literal| is_setting(literal));
        read.insert(function.to_owned(), names.map(str::to_owned).collect());
    }
    read
}

fn is_setting(literal: &str) -> bool {
    let rest = literal.strip_prefix("LETHE_").unwrap_or_default();
    !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

fn faults(template: &Value, read: &Read) -> Vec<String> {
    let stack = Stack::new(template, &[]);
    let mut faults = Vec::new();
    for (id, function) in stack.of_type("AWS::Serverless::Function") {
        let properties = &function["Properties"];
        let code = properties["CodeUri"].as_str().and_then(|code| code.strip_prefix("functions/"));
        let Some(read) = code.and_then(|name| read.get(name)) else {
            faults.push(format!("{id} is built from {}", properties["CodeUri"]));
            continue;
        };
        let set: BTreeSet<String> =
            members(&properties["Environment"]["Variables"]).map(|(name, _)| name.clone()).collect();
        for name in read.difference(&set) {
            faults.push(format!("{id} reads {name}, which the template does not set"));
        }
        for name in set.difference(read) {
            faults.push(format!("{id} does not read {name}, which the template sets"));
        }
    }
    faults
}

#[test]
fn the_template_sets_what_the_functions_read() {
    sound(&faults(&template(), &read_by_the_functions()));
}

#[test]
fn a_setting_too_few_or_too_many_is_caught() {
    // What the template sets stands in for what the functions read, so that this test needs no function.
    let stack = Stack::new(&template(), &[]);
    let mut read = Read::new();
    for (_, function) in stack.of_type("AWS::Serverless::Function") {
        let name = function["Properties"]["CodeUri"].as_str().unwrap().trim_start_matches("functions/");
        let variables = members(&function["Properties"]["Environment"]["Variables"]);
        read.insert(name.to_owned(), variables.map(|(name, _)| name.clone()).collect());
    }
    sound(&faults(&template(), &read));
    assert_eq!(read.len(), FUNCTIONS.len());
    let spoiled = without("/Resources/ArchiveFunction/Properties/Environment/Variables/LETHE_LOCK_MODE");
    caught(&faults(&spoiled, &read), "ArchiveFunction reads LETHE_LOCK_MODE");
    let spoiled = without("/Resources/IntakeFunction/Properties/Environment/Variables/LETHE_EVENT_BUS");
    caught(&faults(&spoiled, &read), "IntakeFunction reads LETHE_EVENT_BUS");
    let spoiled = without("/Globals/Function/Environment/Variables/LETHE_PROFILE");
    caught(&faults(&spoiled, &read), "ConfirmFunction reads LETHE_PROFILE");
    let spoiled = with("/Globals/Function/Environment/Variables", json!({"AWS_ENDPOINT_URL": "http://x"}));
    caught(&faults(&spoiled, &read), "ScanFunction does not read AWS_ENDPOINT_URL");
    let spoiled = with("/Resources/ScanFunction/Properties/CodeUri", json!("functions/scanner"));
    caught(&faults(&spoiled, &read), "ScanFunction is built from");
}

#[test]
fn settings_are_told_from_other_literals() {
    for (literal, expected) in [
        ("LETHE_MODE", true),
        ("LETHE_", false),
        ("LETHE_…", false),
        ("lethe", false),
        ("LETHE_MODE is", false),
    ] {
        assert_eq!(is_setting(literal), expected, "{literal}");
    }
}
