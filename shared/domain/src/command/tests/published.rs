//! What is checked in is what the table says, and the page is whole.

use std::collections::BTreeSet;

use jsonschema::Validator;
use serde_json::{Value, json};

use super::super::{Problem, RESULTS, openapi, schema};

const RENEW: &str = "renew it: cargo run -p lethe-domain --example schema";

#[test]
fn the_checked_in_files_are_the_generated_ones() {
    let command = include_str!("../../../schema/command.v1.json");
    assert_eq!(serde_json::from_str::<Value>(command).unwrap(), schema(), "{RENEW}");
    let page = include_str!("../../../schema/openapi.v1.json");
    assert_eq!(serde_json::from_str::<Value>(page).unwrap(), openapi(), "{RENEW}");
}

#[test]
fn the_schema_is_one_and_its_examples_fit() {
    jsonschema::draft202012::meta::validate(&schema()).unwrap();
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    let Value::Object(parts) = &schema()["$defs"] else { panic!("parts") };
    let examples: Vec<&Value> =
        parts.values().filter_map(|part| part["examples"].as_array()).flatten().collect();
    assert_eq!(examples.len(), 21);
    for example in examples {
        validator.validate(example).unwrap();
    }
}

fn walk(value: &Value, see: &mut dyn FnMut(&str, &Value)) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        Value::Array(values) => values.iter().for_each(|value| walk(value, see)),
        Value::Object(fields) => {
            for (name, value) in fields {
                see(name, value);
                walk(value, see);
            }
        }
    }
}

#[test]
fn every_part_of_the_page_is_there_and_used() {
    let page = openapi();
    let mut used = BTreeSet::new();
    walk(&page, &mut |name, value| {
        assert!(!name.starts_with("x-"), "{name}");
        if name == "$ref" {
            let place = value.as_str().unwrap().strip_prefix('#').unwrap();
            assert!(page.pointer(place).is_some(), "{place}");
            used.insert(place.rsplit('/').next().unwrap().to_owned());
        }
    });
    let Value::Object(parts) = &page["components"]["schemas"] else { panic!("parts") };
    assert_eq!(parts.keys().cloned().collect::<BTreeSet<_>>(), used);
}

#[test]
fn every_status_that_can_be_answered_is_declared() {
    let page = openapi();
    let Value::Object(declared) = &page["paths"]["/"]["post"]["responses"] else { panic!("responses") };
    let declared: BTreeSet<u16> = declared.keys().map(|status| status.parse().unwrap()).collect();
    let problems = Problem::ALL.map(Problem::status);
    let results = RESULTS.map(|(_, status, _)| status);
    let expected: BTreeSet<u16> = problems.into_iter().chain(results).chain([202, 207]).collect();
    assert_eq!(declared, expected);
}

/// The schema of the answer with this status.
fn answer(status: &str) -> Validator {
    let page = openapi();
    let mut schema =
        page["paths"]["/"]["post"]["responses"][status]["content"]["application/json"]["schema"].clone();
    schema["components"] = page["components"].clone();
    jsonschema::draft202012::new(&schema).unwrap()
}

#[test]
fn each_answer_fits_its_status_and_no_other_word_does() {
    for problem in Problem::ALL {
        let mut body = json!({ "error": problem.as_str(), "do": problem.what_to_do() });
        match problem {
            Problem::BadCommand => body["faults"] = json!(["v: is missing"]),
            Problem::TryLater => body["retry_after_seconds"] = json!(30),
            Problem::Forbidden
            | Problem::NotFound
            | Problem::MethodNotAllowed
            | Problem::NoConfig
            | Problem::ReportMode
            | Problem::IdempotencyConflict
            | Problem::TooLarge
            | Problem::Refused
            | Problem::TryAgain => {}
        }
        let validator = answer(&problem.status().to_string());
        validator.validate(&body).unwrap();
        body["error"] = json!("other");
        assert!(!validator.is_valid(&body), "{body}");
    }
    for (result, status, _) in RESULTS {
        let body = json!({ "result": "done", "results": [{ "result": result, "status": status }] });
        for status in [status.to_string(), "207".to_owned()] {
            answer(&status).validate(&body).unwrap();
        }
    }
    let whole = json!({ "result": "done", "complete": true, "ended": 5000, "kept": 0 });
    let part =
        json!({ "result": "accepted", "complete": false, "ended": 400, "kept": 0, "do": "send it again" });
    assert!(answer("200").is_valid(&whole) && !answer("200").is_valid(&part));
    assert!(answer("202").is_valid(&part) && !answer("202").is_valid(&whole));
}
